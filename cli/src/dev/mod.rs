//! `minireipaz dev`: all parts on one machine, in one process, each spoken to by its real protocol.

mod database;
mod folder;
mod functions;
mod page;
mod runtimes;
mod screen;
mod server;
mod settings;
mod system;

use std::{net::Ipv4Addr, path::PathBuf};

use minireipaz::{
    auth::{Scopes, issuer::TokenRequest},
    config::Env,
    telemetry::{self, LogConfig},
};

pub(crate) use folder::Addresses;
use folder::Folder;
use system::LocalSystem;

use crate::{listen::listen, stop::Stop};

/// Options of `minireipaz dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct Dev {
    /// Port of the API
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Folder that keeps all data; a restart on the same folder goes on where the last one stopped
    #[arg(long, env = "MINIREIPAZ_DATA", default_value = ".dev", value_name = "DIR")]
    data: PathBuf,
    /// A ClickHouse server to use instead of a local one: `clickhouse://user:password@host:9000/database`
    #[arg(long, env = "CLICKHOUSE_URL", hide_env_values = true, value_name = "URL")]
    clickhouse_url: Option<String>,
}

/// The audience of the local issuer's tokens.
pub(crate) const AUDIENCE: &str = "minireipaz";

impl Dev {
    /// Starts everything and runs until it is told to stop.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        screen::hello();
        let folder = Folder::open(&self.data)?;
        let listener = listen((Ipv4Addr::LOCALHOST, self.port).into()).await?;
        let mut env = Env::process();
        let environment = env.variables().clone();
        let log = LogConfig::from_env(&mut env);
        let log = env.finish(Some(log))?;
        telemetry::init_file(&log, folder.log()?)?;
        telemetry::log_panics();
        let mut stop = Stop::new()?;
        let mut system = tokio::select! {
            system = LocalSystem::start(&folder, listener, self.clickhouse_url.as_deref(), &environment) => system?,
            // Dropping what has been started so far stops it.
            () = stop.asked() => return Ok(()),
        };
        let token = system.issuer.token(&TokenRequest::developer(&Scopes::all().to_string()))?;
        folder.save_token(&token)?;
        screen::ready(&system.addresses.functions, &self.data.display().to_string(), &token);
        let ended = tokio::select! {
            ended = system.ended() => Some(ended),
            () = stop.asked() => None,
        };
        tokio::select! {
            () = system.stop() => {}
            () = stop.asked() => screen::stopping("stopped at once; the next start goes on where this one was"),
        }
        match ended {
            None => Ok(()),
            Some(what) => anyhow::bail!("{what}; see {}", folder.join("dev.log").display()),
        }
    }
}
