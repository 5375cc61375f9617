//! The database: a server of its own, which is started again when somebody kills it, or one that was named.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use minireipaz::{
    config::Env,
    store::{StoreConfig, clickhouse, local::LocalClickHouse},
};

use super::{
    folder::free_port,
    screen::{self, Starting},
};

/// A database with the newest schema.
pub(crate) struct Database {
    url: String,
    /// None when one was named.
    server: Option<LocalClickHouse>,
    data: PathBuf,
}

impl Database {
    /// Takes the one that was named, or starts one on the data of a folder, at its last address if that is free.
    pub(crate) async fn start(data: &Path, last: &str, named: Option<&str>) -> anyhow::Result<Self> {
        let starting = Starting::new("ClickHouse");
        let (url, server) = match named {
            Some(url) => (url.to_owned(), None),
            None => {
                let port = free_port(last)?;
                let server = LocalClickHouse::start(data, Some(port), |text| starting.progress(text)).await?;
                (server.url(), Some(server))
            }
        };
        let mut env = Env::of([("CLICKHOUSE_URL", url.as_str())]);
        let config = StoreConfig::from_env(&mut env);
        clickhouse::migrate(&env.finish(config)?)
            .await
            .context("the database could not be brought up to date")?;
        // A URL that was named may hold a password.
        starting.started(if named.is_some() { "CLICKHOUSE_URL" } else { &url });
        Ok(Self { url, server, data: data.to_owned() })
    }

    /// Its address, as `CLICKHOUSE_URL` says it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the server ends by itself; for ever when it is not ours.
    pub(crate) async fn ended(&mut self) {
        match &mut self.server {
            Some(server) => server.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Starts the server again after it has ended: everything that waited for it goes on.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        let Some(gone) = self.server.take() else { return Ok(()) };
        let port = gone.port();
        drop(gone);
        screen::warning(
            "ClickHouse ended; starting it again. Nothing is lost: what it has not confirmed waits.",
        );
        let starting = Starting::new("ClickHouse");
        let server = LocalClickHouse::start(&self.data, Some(port), |text| starting.progress(text)).await?;
        starting.started(&self.url);
        self.server = Some(server);
        Ok(())
    }

    /// Stops the server, if it is ours.
    pub(crate) async fn stop(self) {
        if let Some(server) = self.server {
            screen::stopping("ClickHouse");
            server.stop().await;
        }
    }
}
