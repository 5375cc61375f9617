//! `minireipaz runs`.

use minireipaz::domain::ids::WorkflowId;

use super::{print_json, server, table::table};
use crate::{
    args::{PageArgs, RunsCommand, ServerArgs},
    display,
    failure::Failure,
    follow::follow,
};

/// Does what was typed.
pub(super) async fn execute(command: RunsCommand) -> Result<(), Failure> {
    match command {
        RunsCommand::List { workflow, page, server } => list(workflow, &page, server).await,
        RunsCommand::Get { id, json, server } => {
            let run = server::client(server)?.run(id, None).await?;
            if json {
                return print_json(&run);
            }
            println!("{}", display::summary(&run));
            Ok(())
        }
        RunsCommand::Watch { id, server } => {
            let client = server::client(server)?;
            let run = client.run(id, None).await?;
            let run = follow(&client, run, &mut display::Live::new()).await?;
            println!("{}", display::summary(&run));
            Ok(())
        }
    }
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
                run.created_at.to_string(),
                took.unwrap_or_default(),
            ]
        })
        .collect();
    println!("{}", table(&["id", "status", "version", "accepted", "took"], &rows));
    print_next(list.next_cursor.as_deref());
    Ok(())
}

/// How to see the next page.
pub(super) fn print_next(cursor: Option<&str>) {
    if let Some(cursor) = cursor {
        println!("{}", console::style(format!("more: --cursor {cursor}")).dim());
    }
}
