//! `minireipaz triggers` and `minireipaz schedule`.

use domain::{duration::HumanDuration, ids::WorkflowId, timestamp::Timestamp};
use minireipaz::{
    clock::{Clock as _, SystemClock},
    service::{Preview, Trigger},
    store::TriggerState,
};
use serde_json::{Map, Value};

use super::{
    json::print_json,
    page::{PageArgs, print_next},
    server::{self, ServerArgs},
};
use crate::{
    display::{moment, one_line, print, table},
    failure::Failure,
};

/// Options of `minireipaz triggers`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  minireipaz triggers
  minireipaz triggers --workflow 0197…")]
pub(crate) struct TriggersArgs {
    /// Those of one workflow alone.
    #[arg(long, value_name = "ID")]
    workflow: Option<WorkflowId>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Options of `minireipaz schedule`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  minireipaz schedule '30 2 * * *' --timezone Europe/Berlin --from 2026-03-28T00:00:00Z
  minireipaz schedule --every 90m --count 5")]
pub(crate) struct ScheduleArgs {
    /// The cron pattern: minute, hour, day of the month, month, day of the week; or six fields, with the seconds first.
    #[arg(required_unless_present = "every", conflicts_with = "every")]
    cron: Option<String>,
    /// An interval instead of a pattern.
    #[arg(long, value_name = "DURATION")]
    every: Option<HumanDuration>,
    /// The time zone whose clock the pattern follows.
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    timezone: String,
    /// How many occurrences (1 to 100).
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=100))]
    count: u8,
    /// After when [default: now].
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Lists triggers with what is next.
pub(super) async fn triggers(args: TriggersArgs) -> Result<(), Failure> {
    let TriggersArgs { workflow, page, server } = args;
    let list = server::client(server)?.triggers(workflow, page.limit, page.cursor.as_deref()).await?;
    if page.json {
        return print_json(&list);
    }
    if list.items.is_empty() {
        print("No workflow starts by itself.\n  → add a node of the kind `schedule`, and set `active`");
        return Ok(());
    }
    let rows: Vec<_> = list.items.iter().map(row).collect();
    print(&table(&["workflow", "node", "when", "next (UTC)", "last (UTC)", "missed (UTC)"], &rows));
    print_next(list.next_cursor.as_deref());
    Ok(())
}

fn row(trigger: &Trigger) -> Vec<String> {
    let text = |name: &str| trigger.params.get(name).and_then(Value::as_str);
    let when = match (text("cron"), text("every")) {
        (Some(cron), _) => format!("{cron} ({})", text("timezone").unwrap_or("UTC")),
        (None, Some(every)) => format!("every {every}"),
        (None, None) => "–".to_owned(),
    };
    let next = match (trigger.state, trigger.next.first()) {
        (TriggerState::Active, Some(next)) => moment(*next),
        (TriggerState::Active, None) => "ended".to_owned(),
        (TriggerState::Paused | TriggerState::Gone, _) => "paused".to_owned(),
    };
    let maybe = |at: Option<Timestamp>| at.map_or_else(|| "–".to_owned(), moment);
    vec![
        trigger.workflow_id.to_string(),
        one_line(trigger.node_id.as_str()),
        one_line(&when),
        next,
        maybe(trigger.last_planned_at),
        maybe(trigger.last_missed.map(|missed| missed.last)),
    ]
}

/// Tells when a schedule would occur.
pub(super) fn schedule(args: ScheduleArgs) -> Result<(), Failure> {
    let ScheduleArgs { cron, every, timezone, count, from, json } = args;
    let every = every.map(|every| every.to_string());
    let fields = [("cron", cron), ("every", every), ("timezone", Some(timezone))];
    let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))));
    let params: Map<String, Value> = given.collect();
    let asked = Preview { params, count: count.into(), from };
    let occurrences = asked.occurrences(SystemClock.now()).map_err(|violations| {
        let said: Vec<_> = violations.into_iter().map(|one| one.message).collect();
        Failure::usage(said.join("\n"))
    })?;
    if json {
        return print_json(&occurrences);
    }
    if occurrences.is_empty() {
        print("It does not occur any more.");
        return Ok(());
    }
    let rows: Vec<_> = occurrences
        .into_iter()
        .map(|one| vec![moment(one.at), one.local, one.note.unwrap_or_default()])
        .collect();
    print(&table(&["UTC", "there", ""], &rows));
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::fake::{Fake, WORKFLOW};

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: ScheduleArgs,
    }

    fn typed(words: &[&str]) -> Result<(), Failure> {
        let words = ["schedule"].iter().chain(words);
        schedule(Typed::try_parse_from(words).map_err(|error| Failure::usage(error.to_string()))?.args)
    }

    #[test]
    fn a_schedule_is_previewed_without_a_server_and_a_wrong_one_is_told() {
        typed(&["30 2 * * *", "--timezone", "Europe/Berlin", "--from", "2026-03-28T00:00:00Z"]).unwrap();
        typed(&["--every", "90m", "--count", "3", "--json"]).unwrap();
        for (words, told) in [
            (&["0 0 30 2 *"][..], "never occurs"),
            (&["@daily", "--timezone", "Berlin"], "is not a time zone"),
            (&["@daily", "--every", "1h"], "cannot be used with"),
            (&[], "required"),
        ] {
            let failure = typed(words).unwrap_err();
            assert!(failure.to_string().contains(told), "{failure}");
        }
    }

    #[tokio::test]
    async fn triggers_are_asked_for_of_all_workflows_or_of_one() {
        let trigger = json!({
            "workflow_id": WORKFLOW, "workflow_version": 3, "node_id": "nightly", "kind": "schedule", "state": "active",
            "params": {"cron": "@daily"}, "next": ["2026-11-21T00:00:00.000Z"], "due_at": "2026-11-21T00:00:00.000Z",
            "last_planned_at": null, "last_missed": null
        });
        let page = json!({"items": [trigger], "next_cursor": null});
        let fake = Fake::new().on("GET /tenant/triggers", 200, &page).start().await;
        let page = PageArgs::of(5);
        let workflow = Some(WORKFLOW.parse().unwrap());
        triggers(TriggersArgs { workflow, page, server: fake.args() }).await.unwrap();
        assert_eq!(fake.requests().len(), 1);
    }
}
