//! Which server a command talks to, and with which token.

use secrecy::SecretString;
use url::Url;

use crate::{args::ServerArgs, client::Client, dev::Addresses, failure::Failure};

/// Where `minireipaz dev` listens unless it was told otherwise.
const DEFAULT: &str = "http://127.0.0.1:3000";

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

fn kept_token(data: &std::path::Path) -> Result<SecretString, Failure> {
    let path = data.join("token");
    std::fs::read_to_string(&path).map(|token| token.trim().to_owned().into()).map_err(|_| {
        Failure::usage(format!(
            "there is no token: {} does not exist\n  → start `minireipaz dev`, name its folder with --data, or give \
             --token",
            path.display()
        ))
    })
}
