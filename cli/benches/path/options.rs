//! What is measured, and for how long.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};

/// Measures the whole path: what clients see, and which part uses how much CPU for it.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub(crate) struct Options {
    /// `dev`; `cluster`: a real Kafka and every part a process of its own; `peers`: dev and Restate in turn; `growth`:
    /// dev before and after millions of runs were recorded; `soak`: dev under load for long
    #[arg(value_enum, default_value = "dev")]
    pub(crate) what: What,
    /// How often each number of clients is measured; printed are the median and half of the range
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: u16,
    /// How long clients begin runs in a round
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Numbers of clients, each with one run after the other
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    pub(crate) clients: Vec<usize>,
    /// Writes all figures there, too, for a script
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Clients ask for the end of a run in requests of their own, instead of waiting in the one that starts it
    #[arg(long)]
    pub(crate) polls: bool,
    /// So many runs are recorded, for `growth`
    #[arg(long, default_value_t = 10_000_000)]
    pub(crate) runs: u64,
    /// Only what clients see under load, not the parts of the path
    #[arg(long)]
    pub(crate) only_load: bool,
    /// Restate's server, for `peers`
    #[arg(long, value_name = "FILE", required_if_eq("what", "peers"))]
    pub(crate) restate_server: Option<PathBuf>,
    /// The service that it calls, for `peers`
    #[arg(long, value_name = "FILE", required_if_eq("what", "peers"))]
    pub(crate) restate_service: Option<PathBuf>,
    /// Said by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    Dev,
    Cluster,
    Peers,
    Growth,
    Soak,
}

impl Options {
    pub(crate) const fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}
