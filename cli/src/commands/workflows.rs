//! `minireipaz workflows`.

use std::path::PathBuf;

use domain::ids::WorkflowId;
use serde_json::Value;

use super::{
    json::{print_json, read_json},
    page::{PageArgs, print_next},
    runs,
    server::{self, ServerArgs},
};
use crate::{
    display::{moment, one_line, print, table},
    failure::Failure,
};

/// What can be typed after `workflows`.
#[derive(Debug, clap::Subcommand)]
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

/// Does what was typed.
pub(super) async fn execute(command: WorkflowsCommand) -> Result<(), Failure> {
    match command {
        WorkflowsCommand::List { page, server } => {
            let list = server::client(server)?.workflows(page.limit, page.cursor.as_deref()).await?;
            if page.json {
                return print_json(&list);
            }
            let rows: Vec<_> = list
                .items
                .iter()
                .map(|row| {
                    let active = if row.active { "active" } else { "–" };
                    let version = format!("v{}", row.version);
                    vec![
                        row.id.to_string(),
                        version,
                        active.to_owned(),
                        moment(row.updated_at),
                        one_line(&row.name),
                    ]
                })
                .collect();
            if rows.is_empty() {
                print("No workflows yet.\n  → save one: minireipaz workflows create FILE");
                return Ok(());
            }
            print(&table(&["id", "version", "triggers", "saved (UTC)", "name"], &rows));
            print_next(list.next_cursor.as_deref());
        }
        WorkflowsCommand::Get { id, server } => print_json(&server::client(server)?.workflow(id).await?)?,
        WorkflowsCommand::Create { file, server } => {
            let document: Value = read_json(&file)?;
            let saved = server::client(server)?.create_workflow(&document).await?;
            print(&saved.id.to_string());
        }
        WorkflowsCommand::Update { id, file, version, server } => {
            let document: Value = read_json(&file)?;
            let client = server::client(server)?;
            let known =
                version.or_else(|| document["version"].as_u64().and_then(|version| version.try_into().ok()));
            let version = match known {
                Some(version) => version,
                None => client.workflow(id).await?.version,
            };
            let saved = client.update_workflow(id, version, &document).await?;
            print(&format!("{} v{}", saved.id, saved.version));
        }
        WorkflowsCommand::Delete { id, server } => server::client(server)?.delete_workflow(id).await?,
        WorkflowsCommand::Runs { id, page, server } => runs::list(id, &page, server).await?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;
    use crate::fake::{Fake, WORKFLOW};

    fn stored(version: u32) -> Value {
        json!({
            "id": WORKFLOW, "version": version, "created_at": "2026-11-20T10:00:00.000Z",
            "updated_at": "2026-11-20T10:00:00.000Z", "name": "Hello", "active": true, "nodes": [], "edges": []
        })
    }

    #[tokio::test]
    async fn an_update_replaces_the_version_that_is_given_else_the_documents_else_the_newest() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("flow.json");
        let mut without = stored(1);
        without.as_object_mut().unwrap().remove("version");
        for (document, given, replaced) in
            [(stored(4), Some(2), "\"2\""), (stored(4), None, "\"4\""), (without, None, "\"9\"")]
        {
            fs::write(&file, document.to_string()).unwrap();
            let fake = Fake::new()
                .on(&format!("GET /workflows/{WORKFLOW}"), 200, &stored(9))
                .on(&format!("PUT /workflows/{WORKFLOW}"), 200, &stored(10))
                .start()
                .await;
            let command = WorkflowsCommand::Update {
                id: WORKFLOW.parse().unwrap(),
                file: file.clone(),
                version: given,
                server: fake.args(),
            };
            execute(command).await.unwrap();
            assert_eq!(fake.requests().last().unwrap().headers["if-match"], replaced);
        }
    }

    #[tokio::test]
    async fn what_the_server_refuses_is_told_with_all_violations() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("flow.json");
        fs::write(&file, "{}").unwrap();
        let refusal = json!({
            "title": "The workflow is not valid", "status": 422, "code": "invalid_workflow", "detail": "1 violation",
            "violations": [{"path": "name", "code": "required", "message": "is missing"}]
        });
        let fake = Fake::new().on("POST /workflows", 422, &refusal).start().await;
        let command = WorkflowsCommand::Create { file, server: fake.args() };
        let failure = execute(command).await.unwrap_err();
        assert!(failure.to_string().contains("• name: is missing (required)"), "{failure}");
    }

    #[tokio::test]
    async fn a_workflow_is_deleted_by_its_id() {
        let line = format!("DELETE /workflows/{WORKFLOW}");
        let fake = Fake::new().on(&line, 204, &Value::Null).start().await;
        let command = WorkflowsCommand::Delete { id: WORKFLOW.parse().unwrap(), server: fake.args() };
        execute(command).await.unwrap();
        assert_eq!(fake.lines(), [line]);
    }
}
