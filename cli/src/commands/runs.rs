//! `minireipaz runs`.

use domain::{
    ids::{RunId, WorkflowId},
    run::RunWithSteps,
};
use serde_json::{Value, json};

use super::{
    json::{given_json, print_json},
    outcome::{judge, watch},
    page::{PageArgs, print_next},
    run::read_input,
    server::{self, ServerArgs},
};
use crate::{
    client::Client,
    display::{self, print, table},
    failure::Failure,
};

/// What can be typed after `runs`.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  minireipaz runs list 0197…
  minireipaz runs get 0198…
  minireipaz runs watch 0198…
  minireipaz runs cancel 0198… --reason 'ordered twice'
  minireipaz runs resume 0198… approved --with '{\"by\": \"Ada\"}'
  minireipaz runs replay 0198… --from charge --newest")]
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
    /// Stop a run, also a step that is under way.
    Cancel {
        /// The run's id.
        id: RunId,
        /// Why: the message of the run's error.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Give a run the signal that one of its steps waits for.
    Resume {
        /// The run's id.
        id: RunId,
        /// The signal's name.
        name: String,
        /// What it says, an object or a list of objects: JSON, or @FILE.
        // `--data` is where the local system keeps its data.
        #[arg(id = "signal_data", long = "with", value_name = "JSON|@FILE")]
        data: Option<String>,
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
    /// Replay a run that has ended, and follow the new one; the exit code is that of `run`.
    Replay {
        /// The id of the run that is replayed.
        id: RunId,
        /// Execute this node and all that comes after it again; what comes before is taken over. (From the start.)
        #[arg(long, value_name = "NODE")]
        from: Option<String>,
        /// In the newest version of the workflow. (In that of the run.)
        #[arg(long)]
        newest: bool,
        /// Another input: JSON, or @FILE; only from the start.
        #[arg(long, value_name = "JSON|@FILE", conflicts_with = "from")]
        input: Option<String>,
        /// The same key is the same new run, however often it is sent.
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Does what was typed.
pub(super) async fn execute(command: RunsCommand) -> Result<(), Failure> {
    match command {
        RunsCommand::List { workflow, page, server } => list(workflow, &page, server).await,
        RunsCommand::Get { id, json, server } => {
            let run = server::client(server)?.run(id, None).await?;
            if json {
                return print_json(&run);
            }
            print(&display::summary(&run));
            Ok(())
        }
        RunsCommand::Cancel { id, reason, server } => {
            let run = server::client(server)?.cancel_run(id, reason.as_deref()).await?;
            print(&display::summary(&run));
            if !run.run.status.is_terminal() {
                print(&format!("It will end once its worker hears of it.\n  → minireipaz runs watch {id}"));
            }
            Ok(())
        }
        RunsCommand::Resume { id, name, data, server } => {
            let data = data.map_or(Ok(Value::Null), |text| given_json("with", &text))?;
            let (_, is_given) = server::client(server)?.resume_run(id, &name, &data).await?;
            print(&if is_given {
                format!("The run goes on.\n  → follow it: minireipaz runs watch {id}")
            } else {
                format!(
                    "The signal is on its way, and counts if no other was first.\n  → look whether it did: minireipaz \
                     runs get {id}"
                )
            });
            Ok(())
        }
        RunsCommand::Watch { id, server } => {
            let client = server::client(server)?;
            let run = client.run(id, None).await?;
            follow(&client, run).await
        }
        RunsCommand::Replay { id, from, newest, input, idempotency_key, server } => {
            let mut body = json!({ "version": if newest { "newest" } else { "same" } });
            if let Some(from) = from {
                body["from"] = json!(from);
            }
            if let Some(input) = input {
                body["input"] = read_input(Some(&input))?;
            }
            let client = server::client(server)?;
            let run = client.replay_run(id, &body, idempotency_key.as_deref()).await?;
            follow(&client, run).await
        }
    }
}

/// Follows a run to its end.
async fn follow(client: &Client, run: RunWithSteps) -> Result<(), Failure> {
    // Only for its name and the width of the first column: a run outlives its workflow.
    let workflow = client.workflow(run.run.workflow_id).await.ok();
    let name = workflow.as_ref().map_or_else(
        || format!("Workflow {}", run.run.workflow_id),
        |workflow| workflow.document.name.clone(),
    );
    print(&display::headline(&name, run.run.workflow_version, run.run.id));
    let nodes = workflow.iter().flat_map(|workflow| &workflow.document.nodes);
    let mut watcher = display::for_people(nodes.map(|node| node.id.as_str()));
    let run = watch(client, run, watcher.as_mut()).await?;
    print(&display::summary(&run));
    judge(run.run.status)
}

/// A workflow's runs.
pub(super) async fn list(workflow: WorkflowId, page: &PageArgs, server: ServerArgs) -> Result<(), Failure> {
    let list = server::client(server)?.runs(workflow, page.limit, page.cursor.as_deref()).await?;
    if page.json {
        return print_json(&list);
    }
    let rows: Vec<_> = list
        .items
        .iter()
        .map(|run| {
            let took =
                run.finished_at.zip(run.started_at).map(|(end, start)| display::duration(end.since(start)));
            vec![
                run.id.to_string(),
                display::run_status(run.status),
                format!("v{}", run.workflow_version),
                display::moment(run.created_at),
                took.unwrap_or_default(),
            ]
        })
        .collect();
    if rows.is_empty() {
        print("No runs yet.\n  → start one: minireipaz run FILE");
        return Ok(());
    }
    print(&table(&["id", "status", "version", "accepted (UTC)", "took"], &rows));
    print_next(list.next_cursor.as_deref());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, RUN, WORKFLOW, run};

    #[tokio::test]
    async fn the_page_that_was_asked_for_is_fetched() {
        let line = format!("GET /workflows/{WORKFLOW}/runs");
        let fake = Fake::new().on(&line, 200, &json!({"items": [], "next_cursor": null})).start().await;
        let page = PageArgs { limit: 7, cursor: Some("c".to_owned()), json: false };
        let command = RunsCommand::List { workflow: WORKFLOW.parse().unwrap(), page, server: fake.args() };
        execute(command).await.unwrap();
        assert_eq!(fake.requests()[0].query, "limit=7&cursor=c");
    }

    #[tokio::test]
    async fn watching_ends_as_the_run_does() {
        for (status, succeeds) in [("succeeded", true), ("timed_out", false), ("cancelled", false)] {
            let fake = Fake::new().on(&format!("GET /runs/{RUN}"), 200, &run(status, 4)).start().await;
            let command = RunsCommand::Watch { id: RUN.parse().unwrap(), server: fake.args() };
            assert_eq!(execute(command).await.is_ok(), succeeds, "{status}");
        }
    }

    #[tokio::test]
    async fn a_replay_says_from_where_and_is_followed() {
        let fake = Fake::new()
            .on(&format!("POST /runs/{RUN}/replay"), 202, &run("queued", 0))
            .on(&format!("GET /runs/{RUN}"), 200, &run("succeeded", 4))
            .start()
            .await;
        let command = RunsCommand::Replay {
            id: RUN.parse().unwrap(),
            from: Some("charge".to_owned()),
            newest: true,
            input: None,
            idempotency_key: Some("k".to_owned()),
            server: fake.args(),
        };
        execute(command).await.unwrap();
        let request = fake.requests().remove(0);
        assert_eq!(request.body, json!({ "version": "newest", "from": "charge" }));
        assert_eq!(request.headers["idempotency-key"], "k");
    }

    #[tokio::test]
    async fn reading_a_run_that_failed_is_no_failure() {
        let fake = Fake::new().on(&format!("GET /runs/{RUN}"), 200, &run("failed", 4)).start().await;
        let command = RunsCommand::Get { id: RUN.parse().unwrap(), json: false, server: fake.args() };
        assert!(execute(command).await.is_ok());
    }

    #[tokio::test]
    async fn cancelling_says_why_and_waits_for_the_end() {
        let line = format!("POST /runs/{RUN}/cancel");
        let fake = Fake::new().on(&line, 202, &run("cancelled", 4)).start().await;
        let reason = Some("ordered twice".to_owned());
        let command = RunsCommand::Cancel { id: RUN.parse().unwrap(), reason, server: fake.args() };
        execute(command).await.unwrap();
        let asked = &fake.requests()[0];
        assert_eq!((asked.query.as_str(), &asked.body), ("wait=5", &json!({"reason": "ordered twice"})));
    }

    #[tokio::test]
    async fn a_signal_is_sent_with_its_data_whether_it_is_the_first_or_that_is_not_known_yet() {
        let line = format!("POST /runs/{RUN}/resume");
        let fake =
            Fake::new().on(&line, 200, &run("running", 4)).on(&line, 202, &run("waiting", 3)).start().await;
        for data in [Some(r#"{"by": "Ada"}"#.to_owned()), None] {
            let name = "approved".to_owned();
            let command = RunsCommand::Resume { id: RUN.parse().unwrap(), name, data, server: fake.args() };
            execute(command).await.unwrap();
        }
        let bodies: Vec<_> = fake.requests().into_iter().map(|asked| asked.body).collect();
        assert_eq!(bodies[0], json!({"name": "approved", "data": {"by": "Ada"}}));
        assert_eq!(bodies[1], json!({"name": "approved", "data": null}));
        let (name, data) = ("approved".to_owned(), Some("{".to_owned()));
        let command = RunsCommand::Resume { id: RUN.parse().unwrap(), name, data, server: fake.args() };
        assert!(execute(command).await.unwrap_err().to_string().contains("--with"));
    }
}
