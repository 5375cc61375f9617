//! `minireipaz token`: a fresh token of the local issuer.

use std::path::PathBuf;

use domain::duration::HumanDuration;
use minireipaz::auth::{
    Scope, Scopes,
    issuer::{LocalIssuer, TokenRequest},
};

use crate::{
    dev::{AUDIENCE, Addresses},
    display,
    failure::Failure,
};

/// Options of `minireipaz token`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  export MINIREIPAZ_TOKEN=$(minireipaz token)
  minireipaz token --tenant acme --scopes runs:read --lifetime 10m")]
pub(crate) struct TokenArgs {
    /// Whose data the token may touch.
    #[arg(long, default_value = "local", value_name = "NAME")]
    tenant: String,
    /// Who it says it is.
    #[arg(long, default_value = "developer", value_name = "NAME")]
    subject: String,
    /// What it may do [default: everything].
    #[arg(long, value_delimiter = ',', value_name = "SCOPE,…")]
    scopes: Vec<Scope>,
    /// How long it is valid.
    #[arg(long, default_value = "12h", value_name = "DURATION")]
    lifetime: HumanDuration,
    /// The folder of `minireipaz dev`.
    #[arg(long, env = "MINIREIPAZ_DATA", default_value = ".dev", value_name = "DIR")]
    data: PathBuf,
}

/// Prints it, and nothing else, so that a shell can take it.
pub(super) fn print(args: &TokenArgs) -> Result<(), Failure> {
    display::print(&token(args)?);
    Ok(())
}

fn token(args: &TokenArgs) -> Result<String, Failure> {
    let folder = args.data.join("issuer");
    let issuer = Addresses::of_folder(&args.data).map(|addresses| addresses.functions);
    let Some(issuer) = issuer.filter(|_| folder.is_dir()) else {
        return Err(Failure::usage(format!(
            "{} is not a folder of `minireipaz dev`\n  → start `minireipaz dev` first, or name its folder with --data",
            args.data.display()
        )));
    };
    let issuer = LocalIssuer::open(&folder, &issuer, AUDIENCE).map_err(anyhow::Error::from)?;
    let scopes = if args.scopes.is_empty() {
        Scopes::all().to_string()
    } else {
        args.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
    };
    let request = TokenRequest {
        tenant: args.tenant.clone(),
        subject: args.subject.clone(),
        scopes,
        lifetime: args.lifetime.0,
    };
    Ok(issuer.token(&request).map_err(anyhow::Error::from)?)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use clap::Parser as _;

    use super::*;
    use crate::{args::Args, commands::Command};

    fn args(data: &Path, more: &[&str]) -> TokenArgs {
        let data = data.display().to_string();
        let typed = ["minireipaz", "token", "--data", &data].into_iter().chain(more.iter().copied());
        match Args::parse_from(typed).command {
            Command::Token(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_is_one_of_the_issuer_that_dev_made() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("dev.json"), r#"{"functions": "http://127.0.0.1:3000"}"#).unwrap();
        fs::create_dir(dir.path().join("issuer")).unwrap();
        for more in [&[][..], &["--scopes", "runs:read,workflows:read", "--lifetime", "10m"]] {
            let token = token(&args(dir.path(), more)).unwrap();
            assert_eq!(token.split('.').count(), 3, "{token}");
        }
    }

    #[test]
    fn without_a_folder_of_dev_no_key_is_made_and_the_next_step_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let failure = token(&args(dir.path(), &[])).unwrap_err();
        assert!(failure.to_string().contains("start `minireipaz dev` first"), "{failure}");
        assert!(!dir.path().join("issuer").exists());
    }
}
