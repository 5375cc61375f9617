//! `minireipaz`: everything on one machine (`dev`), and the command line for people.
//!
//! [`client`] and [`playground`] are public for tests; the rest is the program.

mod args;
pub mod client;
mod commands;
mod dev;
mod display;
mod expect;
mod failure;
#[cfg(test)]
mod fake;
mod follow;
mod listen;
pub mod playground;
mod serve;
mod stop;

use std::process::ExitCode;

use clap::Parser;
use workers::runner::javascript_child;

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    // The worker of `dev` starts this program again for JavaScript.
    if let Some(ended) = javascript_child() {
        return ended;
    }
    let args = args::Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let executed = runtime.block_on(args.command.execute());
    minireipaz::telemetry::flush();
    match executed {
        Ok(code) => code,
        Err(failure) => {
            let text = failure.to_string();
            if !text.is_empty() {
                eprintln!("{text}");
            }
            failure.exit_code()
        }
    }
}
