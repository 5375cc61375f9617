//! What can be typed.

use clap::Parser;

use crate::commands::Command;

const AFTER: &str = "\
First steps, in two terminals:
  minireipaz dev
  minireipaz run examples/hello/workflow.json --input '{\"name\": \"Ada\"}'

Exit codes: 0 all is well · 1 a run did not succeed, or something failed · 2 the request or its options are \
not right · 3 the server cannot be reached · 130 stopped with Ctrl-C; a run that was followed goes on";

/// Workflows that call web APIs, branch, wait and survive crashes.
#[derive(Debug, Parser)]
#[command(name = "minireipaz", version, about, after_help = AFTER, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
