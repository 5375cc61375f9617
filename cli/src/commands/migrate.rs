//! `minireipaz migrate`: brings a database to the newest schema.

use minireipaz::{
    config::Env,
    store::{StoreConfig, clickhouse},
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{display::print, failure::Failure};

/// Options of `minireipaz migrate`.
#[derive(Debug, clap::Args)]
pub(crate) struct MigrateArgs {
    #[arg(
        help = "The database: clickhouse://user:password@host:9000/database",
        long,
        env = "CLICKHOUSE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    clickhouse_url: SecretString,
}

/// Does it, as often as you like.
pub(super) async fn migrate(args: &MigrateArgs) -> Result<(), Failure> {
    let mut env = Env::process().with("CLICKHOUSE_URL", args.clickhouse_url.expose_secret());
    let config = StoreConfig::from_env(&mut env);
    let config = env.finish(config).map_err(|error| Failure::usage(error.to_string()))?;
    let ran = clickhouse::migrate(&config).await.map_err(anyhow::Error::from)?;
    print(&summary(&ran));
    Ok(())
}

fn summary(ran: &[String]) -> String {
    let names: String = ran.iter().map(|name| format!("\n  • {name}")).collect();
    match ran {
        [] => "The database has the newest schema: nothing to do.".to_owned(),
        _ => format!("The database has the newest schema; what ran:{names}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_that_ran_are_named() {
        assert_eq!(summary(&[]), "The database has the newest schema: nothing to do.");
        let ran = ["V1__runs".to_owned(), "V2__steps".to_owned()];
        assert_eq!(
            summary(&ran),
            "The database has the newest schema; what ran:\n  • V1__runs\n  • V2__steps"
        );
    }

    #[tokio::test]
    async fn an_address_that_is_not_one_is_refused_without_showing_it() {
        let args = MigrateArgs { clickhouse_url: "postgres://u:hidden@h/db".to_owned().into() };
        let failure = migrate(&args).await.unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)));
        assert!(!failure.to_string().contains("hidden"), "{failure}");
    }
}
