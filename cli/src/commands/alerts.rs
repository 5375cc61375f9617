//! `minireipaz alerts`.

use domain::{
    alert::{Alert, ErrorPattern},
    ids::AlertId,
};

use super::{
    json::print_json,
    page::{PageArgs, print_next},
    server::{self, ServerArgs},
};
use crate::{
    display::{moment, one_line, print, table},
    failure::Failure,
};

/// What can be typed after `alerts`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  minireipaz alerts
  minireipaz alerts --all
  minireipaz alerts ack 0197…"
)]
pub(crate) struct AlertsArgs {
    #[command(subcommand)]
    command: Option<AlertsCommand>,
    /// Also those that are over.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, clap::Subcommand)]
enum AlertsCommand {
    /// Say that you know of an alert.
    Ack {
        /// The alert's id.
        id: AlertId,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Does what was typed.
pub(super) async fn execute(args: AlertsArgs) -> Result<(), Failure> {
    let AlertsArgs { command, all, page, server } = args;
    if let Some(AlertsCommand::Ack { id, server }) = command {
        let alert = server::client(server)?.acknowledge_alert(id).await?;
        print(&table(TITLES, &[row(&alert)]));
        return Ok(());
    }
    let list = server::client(server)?.alerts(all, page.limit, page.cursor.as_deref()).await?;
    if page.json {
        return print_json(&list);
    }
    if list.items.is_empty() {
        print(if all {
            "No alerts."
        } else {
            "No alerts go on.\n  → those that are over: minireipaz alerts --all"
        });
        return Ok(());
    }
    print(&table(TITLES, &list.items.iter().map(row).collect::<Vec<_>>()));
    print_next(list.next_cursor.as_deref());
    Ok(())
}

const TITLES: &[&str] = &["id", "state", "times", "raised (UTC)", "last (UTC)", "error", "message"];

fn row(alert: &Alert) -> Vec<String> {
    let state = match (&alert.cleared_at, &alert.acknowledged_by) {
        (Some(_), _) => "over".to_owned(),
        (None, Some(by)) => format!("known to {}", one_line(by)),
        (None, None) => "open".to_owned(),
    };
    vec![
        alert.id.to_string(),
        state,
        alert.count.to_string(),
        moment(alert.raised_at),
        moment(alert.last_seen_at),
        pattern_text(&alert.pattern),
        one_line(&alert.message).chars().take(100).collect(),
    ]
}

/// What errors have in common: `http_status 503 of shop.example at fetch`.
pub(super) fn pattern_text(pattern: &ErrorPattern) -> String {
    let ErrorPattern { node_id, code, status, host, .. } = pattern;
    let mut text = one_line(code);
    if let Some(status) = status {
        text += &format!(" {status}");
    }
    if let Some(host) = host {
        text += &format!(" of {}", one_line(host));
    }
    if let Some(node) = node_id {
        text += &format!(" at {}", one_line(node.as_str()));
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::json;

    use super::*;
    use crate::fake::{Fake, Running, WORKFLOW};

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: AlertsArgs,
    }

    fn typed(words: &[&str], fake: &Running) -> AlertsArgs {
        let mut args = Line::parse_from([&["alerts"], words].concat()).args;
        args.server = fake.args();
        if let Some(AlertsCommand::Ack { server, .. }) = &mut args.command {
            *server = fake.args();
        }
        args
    }

    fn alert() -> serde_json::Value {
        json!({
            "id": WORKFLOW, "pattern": {"workflow_id": WORKFLOW, "code": "timeout"}, "message": "no\nanswer",
            "raised_at": "2026-11-30T10:00:00.000Z", "last_seen_at": "2026-11-30T10:05:00.000Z", "count": 12,
            "acknowledged_at": "2026-11-30T10:06:00.000Z", "acknowledged_by": "ada"
        })
    }

    #[tokio::test]
    async fn alerts_are_listed_and_acknowledged() {
        let page = json!({"items": [alert()], "next_cursor": null});
        let fake = Fake::new()
            .on("GET /tenant/alerts", 200, &page)
            .on("GET /tenant/alerts", 200, &page)
            .on("POST /tenant/alerts", 200, &alert())
            .start()
            .await;
        for words in [&[][..], &["--all"], &["ack", WORKFLOW]] {
            execute(typed(words, &fake)).await.unwrap();
        }
        let asked: Vec<_> = fake.requests().into_iter().map(|request| request.query).collect();
        assert_eq!(asked, ["limit=50&state=open", "limit=50&state=all", ""]);
        assert_eq!(fake.requests()[2].body, json!({"id": WORKFLOW}));
        let shown = row(&serde_json::from_value(alert()).unwrap());
        assert_eq!((shown[1].as_str(), shown[6].as_str()), ("known to ada", "no answer"));
    }
}
