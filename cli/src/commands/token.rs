//! `minireipaz token`: a fresh token of the local issuer.

use minireipaz::auth::issuer::{LocalIssuer, TokenRequest};

use crate::{
    args::TokenArgs,
    dev::{ALL_SCOPES, AUDIENCE, Addresses},
    failure::Failure,
};

/// Prints it, and nothing else, so that a shell can take it.
pub(super) fn print(args: &TokenArgs) -> Result<(), Failure> {
    let folder = args.folder.data.join("issuer");
    let issuer = Addresses::of_folder(&args.folder.data).map(|addresses| addresses.functions);
    let Some(issuer) = issuer.filter(|_| folder.is_dir()) else {
        return Err(Failure::usage(format!(
            "{} is not a folder of `minireipaz dev`\n  → start `minireipaz dev` first, or name its folder with --data",
            args.folder.data.display()
        )));
    };
    let issuer = LocalIssuer::open(&folder, &issuer, AUDIENCE).map_err(anyhow::Error::from)?;
    let scopes = if args.scopes.is_empty() { ALL_SCOPES.to_owned() } else { args.scopes.join(" ") };
    let request = TokenRequest {
        tenant: args.tenant.clone(),
        subject: args.subject.clone(),
        scopes,
        lifetime: args.lifetime.0,
    };
    println!("{}", issuer.token(&request).map_err(anyhow::Error::from)?);
    Ok(())
}
