//! Which server a command talks to, and with which token.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::Url;

use crate::{client::Client, dev::Addresses, failure::Failure};

/// Where `minireipaz dev` listens unless it was told otherwise.
const DEFAULT: &str = "http://127.0.0.1:3000";

/// Where the API is and who calls it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ServerArgs {
    #[arg(
        help = "The API's address [default: that of `minireipaz dev`, else http://127.0.0.1:3000]",
        long,
        env = "MINIREIPAZ_URL",
        value_name = "URL",
        help_heading = "Server"
    )]
    pub(crate) url: Option<Url>,
    /// The bearer token [default: the one `minireipaz dev` keeps in its folder].
    #[arg(
        long,
        env = "MINIREIPAZ_TOKEN",
        hide_env_values = true,
        value_name = "JWT",
        help_heading = "Server"
    )]
    pub(crate) token: Option<SecretString>,
    /// The folder of `minireipaz dev`, for its address and token.
    #[arg(
        long,
        env = "MINIREIPAZ_DATA",
        default_value = ".dev",
        value_name = "DIR",
        help_heading = "Server"
    )]
    pub(crate) data: PathBuf,
}

/// A client for what the options say; what they leave out comes from the folder of `minireipaz dev`.
pub(super) fn client(args: ServerArgs) -> Result<Client, Failure> {
    let known = Addresses::of_folder(&args.data).map(|addresses| addresses.functions).unwrap_or_default();
    let base = match args.url {
        Some(url) => url,
        None if known.is_empty() => Url::parse(DEFAULT).map_err(anyhow::Error::from)?,
        None => Url::parse(&known).map_err(anyhow::Error::from)?,
    };
    let token = match args.token {
        Some(token) => token,
        None => kept_token(&args.data)?,
    };
    Ok(Client::new(base, token).map_err(anyhow::Error::from)?)
}

fn kept_token(data: &Path) -> Result<SecretString, Failure> {
    let path = data.join("token");
    std::fs::read_to_string(&path).map(|token| token.trim().to_owned().into()).map_err(|_| {
        Failure::usage(format!(
            "there is no token: {} does not exist\n  → start `minireipaz dev`, name its folder with --data, or give \
             --token",
            path.display()
        ))
    })
}
