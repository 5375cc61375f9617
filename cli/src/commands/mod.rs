//! What each command does, beside the options that it has.

mod alerts;
mod bridge;
mod credentials;
mod dead_letters;
mod hooks;
mod json;
mod migrate;
mod outcome;
mod page;
mod run;
mod runs;
mod schedules;
mod server;
mod stats;
mod token;
mod workflows;

use std::process::ExitCode;

use self::{
    alerts::AlertsArgs,
    bridge::BridgeArgs,
    credentials::CredentialsCommand,
    dead_letters::DeadLettersArgs,
    hooks::HooksArgs,
    migrate::MigrateArgs,
    run::RunArgs,
    runs::RunsCommand,
    schedules::{ScheduleArgs, TriggersArgs},
    stats::StatsArgs,
    token::TokenArgs,
    workflows::WorkflowsCommand,
};
use crate::{dev::Dev, failure::Failure, serve::Serve};

#[cfg(test)]
pub(crate) use server::ServerArgs;

/// A command with its options.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Start everything on this machine: ClickHouse, bridge, functions, worker.
    Dev(Dev),
    /// Run only the bridge: a REST Proxy and HTTP sinks on a log.
    Bridge(BridgeArgs),
    /// Serve the functions that a deployment ships, as the platform would.
    Serve(Serve),
    /// Run a workflow file, follow its steps, print its output.
    Run(RunArgs),
    /// List, read, save and delete workflows.
    #[command(subcommand)]
    Workflows(WorkflowsCommand),
    /// List, read, watch and replay runs.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Print the addresses of a workflow's webhooks, or exchange one.
    Hooks(HooksArgs),
    /// Show what became of runs, why some failed, and how far behind the system is.
    Stats(StatsArgs),
    /// List errors that keep coming back, and say that you know.
    Alerts(AlertsArgs),
    /// List records that nobody could read, look at them, send them again.
    DeadLetters(DeadLettersArgs),
    /// List, save, try and delete credentials, and agree to what they need.
    #[command(subcommand)]
    Credentials(CredentialsCommand),
    /// List what starts runs by itself, and when it does next.
    Triggers(TriggersArgs),
    /// Tell when a schedule would occur.
    Schedule(ScheduleArgs),
    /// Print a fresh developer token of the local issuer.
    Token(TokenArgs),
    /// Bring a ClickHouse database to the newest schema.
    Migrate(MigrateArgs),
}

impl Command {
    /// Does what was typed.
    pub(crate) async fn execute(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Dev(dev) => dev.run().await?,
            Self::Bridge(args) => bridge::bridge(args).await?,
            Self::Serve(serve) => serve.run().await?,
            Self::Run(args) => run::run(args).await?,
            Self::Workflows(command) => workflows::execute(command).await?,
            Self::Runs(command) => runs::execute(command).await?,
            Self::Hooks(args) => hooks::execute(args).await?,
            Self::Stats(args) => stats::stats(args).await?,
            Self::Alerts(args) => alerts::execute(args).await?,
            Self::DeadLetters(args) => dead_letters::execute(args).await?,
            Self::Credentials(command) => credentials::execute(command).await?,
            Self::Triggers(args) => schedules::triggers(args).await?,
            Self::Schedule(args) => schedules::schedule(args)?,
            Self::Token(args) => token::print(&args)?,
            Self::Migrate(args) => migrate::migrate(&args).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
