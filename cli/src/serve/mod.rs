//! `minireipaz serve`: what `vercel deploy` would ship, served on this machine as the platform would.

mod app;
mod deployment;
mod event;
mod files;
mod forward;
mod headers;
mod instance;
mod ipc;
mod launcher;
mod output;
mod pool;
mod process;
mod project;
mod refusal;
mod routes;
mod screen;
mod vercel_json;

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use domain::duration::HumanDuration;
use http_server::ServerLimits;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{deployment::Deployment, forward::Forwarder, launcher::Launcher, pool::Pool};
use crate::{listen::listen, stop::Stop};

/// How long requests may go on when everything is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Options of `minireipaz serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The functions get this program's environment (KAFKA_REST_URL, CLICKHOUSE_URL, AUTH_…, WORKER_URL, see README), \
and what Vercel sets.

Examples:
  make vercel-build && minireipaz serve --port 3000
  cargo build -p api-service && minireipaz serve --functions target/debug")]
pub(crate) struct Serve {
    /// The output of `vercel build` (Build Output API, version 3) [default: .vercel/output].
    #[arg(long, value_name = "DIR", conflicts_with = "functions")]
    from: Option<PathBuf>,
    /// A folder with the functions' programs as cargo builds them, such as target/debug; their paths are those that
    /// this program was built with.
    #[arg(long, value_name = "DIR")]
    functions: Option<PathBuf>,
    /// The project's folder, for --functions: time limits and headers come from its vercel.json, files from its
    /// public/.
    #[arg(long, value_name = "DIR", default_value = ".")]
    project: PathBuf,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Address to listen on.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    host: IpAddr,
    /// How long a function's process is kept without a request.
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    idle: HumanDuration,
}

impl Serve {
    /// Serves until it is told to stop.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let deployment = match &self.functions {
            Some(programs) => project::deployment(&self.project, programs)?,
            None => output::deployment(&self.from.unwrap_or_else(|| PathBuf::from(".vercel/output")))?,
        };
        let mut stop = Stop::new()?;
        let listener = listen((self.host, self.port).into()).await?;
        let address = listener.local_addr()?.to_string();
        let launcher = Launcher::new(&address).context("no folder for the functions' sockets")?;
        screen::ready(&format!("http://{address}"), &deployment, launcher.is_tied());
        let Deployment { table, files, functions, .. } = deployment;
        let pool = Arc::new(Pool::new(functions, launcher, self.idle.0, screen::show));

        let stopping = CancellationToken::new();
        let tasks = TaskTracker::new();
        let router = app::router(table, files, Arc::clone(&pool), Forwarder::new(screen::show));
        let server = http_server::serve(listener, router, ServerLimits::default(), stopping.clone());
        let mut server = tasks.spawn(server);
        tokio::select! {
            ended = &mut server => anyhow::bail!("the server ended: {ended:?}"),
            () = stop.asked() => {}
        }
        screen::stopping("requests in flight");
        stopping.cancel();
        tokio::select! {
            _ = tokio::time::timeout(GRACE, &mut server) => {}
            () = stop.asked() => {}
        }
        server.abort();
        screen::stopping("functions");
        tokio::select! {
            () = pool.stop() => {}
            // Dropping their processes kills them.
            () = stop.asked() => {}
        }
        Ok(())
    }
}
