//! `minireipaz migrate`: brings a database to the newest schema.

use minireipaz::{
    config::{Env, store::StoreConfig},
    store::clickhouse,
};
use secrecy::ExposeSecret as _;

use crate::{args::MigrateArgs, failure::Failure};

/// Does it, as often as you like.
pub(super) async fn migrate(args: &MigrateArgs) -> Result<(), Failure> {
    let mut env = Env::process().with("CLICKHOUSE_URL", args.clickhouse_url.expose_secret());
    let config = StoreConfig::from_env(&mut env);
    let config = env.finish(config).map_err(|error| Failure::usage(error.to_string()))?;
    clickhouse::migrate(&config).await.map_err(anyhow::Error::from)?;
    println!("The database has the newest schema.");
    Ok(())
}
