//! What can be typed: commands, options and their help.

use std::path::PathBuf;

use clap::{Args as ArgGroup, Parser, Subcommand};
use domain::{
    duration::HumanDuration,
    ids::{RunId, WorkflowId},
};
use minireipaz::auth::Scope;
use secrecy::SecretString;
use url::Url;

use crate::{commands::BridgeArgs, dev::Dev, serve::Serve};

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

#[derive(Debug, Subcommand)]
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
    /// List, read and watch runs.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Print a fresh developer token of the local issuer.
    Token(TokenArgs),
    /// Bring a ClickHouse database to the newest schema.
    Migrate(MigrateArgs),
}

/// The folder that `minireipaz dev` keeps.
#[derive(Debug, Clone, ArgGroup)]
pub(crate) struct DataArg {
    /// The folder of `minireipaz dev`.
    #[arg(long, env = "MINIREIPAZ_DATA", default_value = ".dev", value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// Where the API is and who calls it.
#[derive(Debug, Clone, ArgGroup)]
pub(crate) struct ServerArgs {
    #[arg(
        help = "The API's address [default: that of `minireipaz dev`, else http://127.0.0.1:3000]",
        long,
        env = "MINIREIPAZ_URL",
        value_name = "URL",
        help_heading = "Server"
    )]
    pub(crate) url: Option<Url>,
    /// The bearer token [default: the one `minireipaz dev` keeps in its folder].
    #[arg(
        long,
        env = "MINIREIPAZ_TOKEN",
        hide_env_values = true,
        value_name = "JWT",
        help_heading = "Server"
    )]
    pub(crate) token: Option<SecretString>,
    /// The folder of `minireipaz dev`, for its address and token.
    #[arg(
        long,
        env = "MINIREIPAZ_DATA",
        default_value = ".dev",
        value_name = "DIR",
        help_heading = "Server"
    )]
    pub(crate) data: PathBuf,
}

#[derive(Debug, ArgGroup)]
#[command(after_help = "\
The workflow is saved under its name first: created, updated when it differs, or taken as it is.

Examples:
  minireipaz run examples/hello/workflow.json --input '{\"name\": \"Ada\"}'
  minireipaz run examples/price-watch/workflow.json --input @examples/price-watch/input.json
  minireipaz run flow.json --json | jq .output
  minireipaz run flow.json --input @in.json --expect out.json")]
pub(crate) struct RunArgs {
    /// The workflow document (JSON).
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The input: JSON, or @FILE.
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) input: Option<String>,
    /// The same key is the same run, however often it is sent.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Print only the finished run, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Compare the output with this file; differences are shown and the exit code is 1.
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Which page of a list.
#[derive(Debug, Clone, ArgGroup)]
pub(crate) struct PageArgs {
    /// How many rows (1 to 200).
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) limit: u32,
    /// Where to go on: what the last page printed.
    #[arg(long)]
    pub(crate) cursor: Option<String>,
    /// Print JSON as the API gave it.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  minireipaz workflows list
  minireipaz workflows create examples/hello/workflow.json
  minireipaz workflows get 0197… > flow.json
  minireipaz workflows update 0197… flow.json
  minireipaz workflows runs 0197…")]
pub(crate) enum WorkflowsCommand {
    /// List workflows, newest first.
    List {
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print a workflow as JSON.
    Get {
        /// The workflow's id.
        id: WorkflowId,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Save a new workflow.
    Create {
        /// The document (JSON).
        file: PathBuf,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Save a new version of a workflow.
    Update {
        /// The workflow's id.
        id: WorkflowId,
        /// The document (JSON).
        file: PathBuf,
        /// The version that it replaces [default: the document's `version`, else the newest].
        #[arg(long)]
        version: Option<u32>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Delete a workflow.
    Delete {
        /// The workflow's id.
        id: WorkflowId,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List a workflow's runs, newest first.
    Runs {
        /// The workflow's id.
        id: WorkflowId,
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  minireipaz runs list 0197…
  minireipaz runs get 0198…
  minireipaz runs watch 0198…")]
pub(crate) enum RunsCommand {
    /// List a workflow's runs, newest first.
    List {
        /// The workflow's id.
        workflow: WorkflowId,
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show a run with its steps.
    Get {
        /// The run's id.
        id: RunId,
        /// Print JSON as the API gave it.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Follow a run until it has ended; the exit code is that of `run`.
    Watch {
        /// The run's id.
        id: RunId,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Debug, ArgGroup)]
#[command(after_help = "\
Examples:
  export MINIREIPAZ_TOKEN=$(minireipaz token)
  minireipaz token --tenant acme --scopes runs:read --lifetime 10m")]
pub(crate) struct TokenArgs {
    /// Whose data the token may touch.
    #[arg(long, default_value = "local", value_name = "NAME")]
    pub(crate) tenant: String,
    /// Who it says it is.
    #[arg(long, default_value = "developer", value_name = "NAME")]
    pub(crate) subject: String,
    /// What it may do [default: everything].
    #[arg(long, value_delimiter = ',', value_name = "SCOPE,…")]
    pub(crate) scopes: Vec<Scope>,
    /// How long it is valid.
    #[arg(long, default_value = "12h", value_name = "DURATION")]
    pub(crate) lifetime: HumanDuration,
    #[command(flatten)]
    pub(crate) folder: DataArg,
}

#[derive(Debug, ArgGroup)]
pub(crate) struct MigrateArgs {
    #[arg(
        help = "The database: clickhouse://user:password@host:9000/database",
        long,
        env = "CLICKHOUSE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) clickhouse_url: SecretString,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_run_is_described_by_its_options() {
        let args = Args::parse_from([
            "minireipaz",
            "run",
            "f.json",
            "--input",
            "{}",
            "--json",
            "--idempotency-key",
            "k",
            "--url",
            "http://h:1",
        ]);
        let Command::Run(run) = args.command else { panic!("not a run") };
        assert_eq!((run.input.as_deref(), run.json), (Some("{}"), true));
        assert_eq!(run.server.url.map(String::from).as_deref(), Some("http://h:1/"));
    }
}
