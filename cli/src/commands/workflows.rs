//! `minireipaz workflows`.

use serde_json::Value;

use super::{print_json, read_json, runs, server, table::table};
use crate::{args::WorkflowsCommand, failure::Failure};

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
                        row.updated_at.to_string(),
                        row.name.clone(),
                    ]
                })
                .collect();
            println!("{}", table(&["id", "version", "triggers", "saved", "name"], &rows));
            runs::print_next(list.next_cursor.as_deref());
        }
        WorkflowsCommand::Get { id, server } => print_json(&server::client(server)?.workflow(id).await?)?,
        WorkflowsCommand::Create { file, server } => {
            let document: Value = read_json(&file)?;
            let saved = server::client(server)?.create_workflow(&document).await?;
            println!("{}", saved.id);
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
            println!("{} v{}", saved.id, saved.version);
        }
        WorkflowsCommand::Delete { id, server } => server::client(server)?.delete_workflow(id).await?,
        WorkflowsCommand::Runs { id, page, server } => runs::list(id, &page, server).await?,
    }
    Ok(())
}
