//! `minireipaz run`: a workflow file from nothing to its result.

use std::path::{Path, PathBuf};

use domain::{
    ids::WorkflowId,
    run::RunStatus,
    workflow::{Workflow, WorkflowDocument},
};
use serde_json::{Value, json};

use super::{
    json::{given_json, print_json, read_json},
    outcome::{self, watch},
    server::{self, ServerArgs},
};
use crate::{
    client::Client,
    display::{self, print},
    expect::differences,
    failure::Failure,
};

/// Options of `minireipaz run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The workflow is saved under its name first: created, updated when it differs, or taken as it is.

Examples:
  minireipaz run examples/hello/workflow.json --input '{\"name\": \"Ada\"}'
  minireipaz run examples/price-watch/workflow.json --input @examples/price-watch/input.json
  minireipaz run flow.json --json | jq .output
  minireipaz run flow.json --until check --pins pins.json
  minireipaz run flow.json --input @in.json --expect out.json")]
pub(crate) struct RunArgs {
    /// The workflow document (JSON).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The input: JSON, or @FILE.
    #[arg(long, value_name = "JSON|@FILE")]
    input: Option<String>,
    /// Test it up to this node: it and all that it depends on.
    #[arg(long, value_name = "NODE", conflicts_with = "only")]
    until: Option<String>,
    /// Test this node alone; the pins of the nodes before it are its input, or --input is.
    #[arg(long, value_name = "NODE")]
    only: Option<String>,
    /// Outputs of nodes that are not executed (JSON: items by node, or by node and port).
    #[arg(long, value_name = "FILE")]
    pins: Option<PathBuf>,
    /// The same key is the same run, however often it is sent.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Print only the finished run, as JSON.
    #[arg(long)]
    json: bool,
    /// Compare the output with this file; differences are shown and the exit code is 1.
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// What the server adds to a document; a file that came from `workflows get` has it.
const SERVER_FIELDS: [&str; 4] = ["id", "version", "created_at", "updated_at"];

/// Saves the workflow, starts a run, follows it and prints what came out.
pub(super) async fn run(args: RunArgs) -> Result<(), Failure> {
    let document = read_document(&args.file)?;
    let input = read_input(args.input.as_deref())?;
    let expected: Option<Value> = args.expect.as_deref().map(read_json).transpose()?;
    let mut body = json!({ "input": input });
    for (name, value) in [("until", args.until.map(Value::from)), ("only", args.only.map(Value::from))] {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    if let Some(pins) = args.pins.as_deref() {
        body["pins"] = read_json(pins)?;
    }
    let client = server::client(args.server)?;
    let workflow = save(&client, &document).await?;
    let started = client.start_run(workflow.id, &body, args.idempotency_key.as_deref()).await?;
    if args.json {
        let run = watch(&client, started, &mut display::Silent).await?;
        print_json(&run)?;
        return judge(run.run.status, expected.as_ref(), run.run.output.as_ref());
    }
    print(&display::headline(&workflow.document.name, workflow.version, started.run.id));
    let mut watcher = display::for_people(workflow.document.nodes.iter().map(|node| node.id.as_str()));
    let run = watch(&client, started, watcher.as_mut()).await?;
    print(&display::summary(&run));
    judge(run.run.status, expected.as_ref(), run.run.output.as_ref())
}

/// The workflow of that name: created, brought up to date when it differs, or taken as it is.
async fn save(client: &Client, document: &Value) -> Result<Workflow, Failure> {
    let name = document["name"].as_str().unwrap_or_default();
    let Some(id) = find(client, name).await? else { return Ok(client.create_workflow(document).await?) };
    let known = client.workflow(id).await?;
    // Read the way the server reads it, so that defaults and order make no difference.
    if serde_json::from_value::<WorkflowDocument>(document.clone()).is_ok_and(|read| read == known.document) {
        return Ok(known);
    }
    Ok(client.update_workflow(id, known.version, document).await?)
}

/// Looks for the name among the workflows, page by page.
async fn find(client: &Client, name: &str) -> Result<Option<WorkflowId>, Failure> {
    let mut cursor = None;
    loop {
        let page = client.workflows(200, cursor.as_deref()).await?;
        if let Some(row) = page.items.iter().find(|row| row.name == name) {
            return Ok(Some(row.id));
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(None);
        }
    }
}

/// The document without what the server added, which would make it differ from itself.
fn read_document(path: &Path) -> Result<Value, Failure> {
    let mut document: Value = read_json(path)?;
    if let Value::Object(fields) = &mut document {
        fields.retain(|name, _| !SERVER_FIELDS.contains(&name.as_str()));
    }
    Ok(document)
}

pub(super) fn read_input(given: Option<&str>) -> Result<Value, Failure> {
    match given {
        None => Ok(Value::Object(serde_json::Map::new())),
        Some(text) => given_json("input", text),
    }
}

/// Whether it ended as it should.
fn judge(status: RunStatus, expected: Option<&Value>, output: Option<&Value>) -> Result<(), Failure> {
    outcome::judge(status)?;
    let Some(expected) = expected else { return Ok(()) };
    let found = differences(expected, output.unwrap_or(&Value::Null));
    if found.is_empty() {
        eprintln!("{} the output is the expected one", console::style("✔").for_stderr().green());
        return Ok(());
    }
    for difference in found {
        eprintln!("{} {difference}", console::style("✖").for_stderr().red());
    }
    Err(Failure::Run)
}

#[cfg(test)]
mod tests;
