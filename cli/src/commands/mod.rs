//! What each command does.

mod bridge;
mod migrate;
mod outcome;
mod run;
mod runs;
mod server;
mod table;
mod token;
mod workflows;

pub(crate) use bridge::BridgeArgs;
pub(crate) use table::table;

use std::{path::Path, process::ExitCode};

use serde::de::DeserializeOwned;

use crate::{args::Command, display::print, failure::Failure};

/// Does what was typed.
pub(crate) async fn execute(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Dev(dev) => dev.run().await?,
        Command::Bridge(args) => bridge::bridge(args).await?,
        Command::Serve(serve) => serve.run().await?,
        Command::Run(args) => run::run(args).await?,
        Command::Workflows(command) => workflows::execute(command).await?,
        Command::Runs(command) => runs::execute(command).await?,
        Command::Token(args) => token::print(&args)?,
        Command::Migrate(args) => migrate::migrate(&args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a JSON file; what is wrong with it is said with its name and place.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{} is not what it should be: {error}", path.display())))
}

/// Prints a value as people read JSON.
fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?;
    print(&text);
    Ok(())
}
