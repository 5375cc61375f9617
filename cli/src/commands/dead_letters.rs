//! `minireipaz dead-letters`.

use domain::{dead_letter::LetterHead, ids::LetterId};

use super::{
    json::print_json,
    page::{PageArgs, print_next},
    server::{self, ServerArgs},
};
use crate::{
    display::{moment, one_line, print, table},
    failure::Failure,
};

/// What can be typed after `dead-letters`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  minireipaz dead-letters
  minireipaz dead-letters show 0197…
  minireipaz dead-letters send 0197…

Records of which not even the tenant can be read are in nobody's list. Who runs the system finds them in ClickHouse:
  SELECT * FROM dead_letters WHERE tenant = '' AND handling IS NULL ORDER BY at DESC"
)]
pub(crate) struct DeadLettersArgs {
    #[command(subcommand)]
    command: Option<DeadLettersCommand>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, clap::Subcommand)]
enum DeadLettersCommand {
    /// Print what is kept of a record, and why it was refused.
    Show {
        /// The letter's id.
        id: LetterId,
        /// Print JSON as the API gave it.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Send a record to its topic again.
    Send {
        /// The letter's id.
        id: LetterId,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Put a letter away: it needs nobody any more.
    Dismiss {
        /// The letter's id.
        id: LetterId,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Does what was typed.
pub(super) async fn execute(args: DeadLettersArgs) -> Result<(), Failure> {
    match args.command {
        None => list(&args.page, args.server).await,
        Some(DeadLettersCommand::Show { id, json, server }) => {
            let letter = server::client(server)?.dead_letter(id).await?;
            if json {
                return print_json(&letter);
            }
            let head = format!("{} · {} · {}", moment(letter.at), letter.consumer, one_line(&letter.reason));
            print(&console::style(head).dim().to_string());
            // As it is but for what would steer the terminal.
            let record = letter.record.chars();
            print(&record.filter(|c| *c == '\n' || *c == '\t' || !c.is_control()).collect::<String>());
            Ok(())
        }
        Some(DeadLettersCommand::Send { id, server }) => {
            let sent = server::client(server)?.send_dead_letter(id).await?;
            print(&format!("Sent to topic {} again.", sent["topic"].as_str().unwrap_or("?")));
            Ok(())
        }
        Some(DeadLettersCommand::Dismiss { id, server }) => {
            Ok(server::client(server)?.dismiss_dead_letter(id).await?)
        }
    }
}

async fn list(page: &PageArgs, server: ServerArgs) -> Result<(), Failure> {
    let list = server::client(server)?.dead_letters(page.limit, page.cursor.as_deref()).await?;
    if page.json {
        return print_json(&list);
    }
    if list.items.is_empty() {
        print("No dead letters.");
        return Ok(());
    }
    let row = |head: &LetterHead| {
        let reason: String = one_line(&head.reason).chars().take(120).collect();
        vec![head.id.to_string(), moment(head.at), head.consumer.clone(), head.bytes.to_string(), reason]
    };
    let rows: Vec<_> = list.items.iter().map(row).collect();
    print(&table(&["id", "refused (UTC)", "by", "bytes", "reason"], &rows));
    print_next(list.next_cursor.as_deref());
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fake::{Fake, WORKFLOW};

    #[tokio::test]
    async fn letters_are_listed_shown_sent_again_and_put_away() {
        let head = json!({
            "id": WORKFLOW, "at": "2026-11-30T10:00:00.000Z", "consumer": "worker", "reason": "why", "bytes": 2,
            "beginning": "{}"
        });
        let letter = json!({
            "consumer": "worker", "reason": "why", "record": "{}", "tenant": "acme", "at": "2026-11-30T10:00:00.000Z"
        });
        let sent = json!({"id": WORKFLOW, "topic": "tasks", "event_id": "e"});
        let fake = Fake::new()
            .on("GET /tenant/dead-letters", 200, &json!({"items": [head], "next_cursor": null}))
            .on("GET /tenant/dead-letter", 200, &letter)
            .on("POST /tenant/dead-letter", 202, &sent)
            .on("DELETE /tenant/dead-letter", 204, &Value::Null)
            .start()
            .await;
        let (id, server) = (WORKFLOW.parse().unwrap(), || fake.args());
        for command in [
            None,
            Some(DeadLettersCommand::Show { id, json: false, server: server() }),
            Some(DeadLettersCommand::Send { id, server: server() }),
            Some(DeadLettersCommand::Dismiss { id, server: server() }),
        ] {
            let page = PageArgs { limit: 50, cursor: None, json: false };
            execute(DeadLettersArgs { command, page, server: server() }).await.unwrap();
        }
        assert!(fake.requests()[1..].iter().all(|request| request.query == format!("id={WORKFLOW}")));
    }
}
