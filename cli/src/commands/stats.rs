//! `minireipaz stats`.

use std::time::Duration;

use domain::{
    ids::WorkflowId,
    stats::{Durations, RecurringError, StatsPoint, Totals},
};
use minireipaz::service::{Lag, Overview};

use super::{
    alerts::pattern_text,
    json::print_json,
    server::{self, ServerArgs},
};
use crate::{
    display::{duration, moment, print, run_status, table},
    failure::Failure,
};

/// Options of `minireipaz stats`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  minireipaz stats
  minireipaz stats --hours 168
  minireipaz stats --workflow 0197…")]
pub(crate) struct StatsArgs {
    /// Of the last so many hours, the one that goes on among them.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=9600))]
    hours: u32,
    /// Of this workflow alone.
    #[arg(long, value_name = "ID")]
    workflow: Option<WorkflowId>,
    /// Print JSON as the API gave it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Shows them.
pub(super) async fn stats(args: StatsArgs) -> Result<(), Failure> {
    let found = server::client(args.server)?.stats(args.hours, args.workflow).await?;
    if args.json {
        return print_json(&found);
    }
    print(&text(&found));
    Ok(())
}

fn text(found: &Overview) -> String {
    let runs = &found.runs;
    let Totals { succeeded, failed, cancelled, timed_out } = runs.totals;
    let rate = found.success_rate.map_or("–".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
    let mut parts = vec![format!(
        "{} runs that were accepted from {} on: {succeeded} succeeded, {failed} failed, {timed_out} timed out, \
         {cancelled} cancelled\n{rate} succeeded · took {}",
        runs.totals.all(),
        moment(runs.from),
        took(runs.durations)
    )];
    if !runs.series.is_empty() {
        let rows: Vec<_> = runs.series.iter().map(point).collect();
        parts.push(table(&["from (UTC)", "runs", "failed", "timed out", "p50 · p95 · p99"], &rows));
    }
    if !runs.errors.is_empty() {
        let rows: Vec<_> = runs.errors.iter().map(error).collect();
        parts.push(table(&["failed", "error", "workflow"], &rows));
    }
    if !runs.recent.is_empty() {
        let row = |run: &domain::stats::RecentRun| {
            let took = duration(run.finished_at.since(run.created_at));
            vec![run.id.to_string(), run_status(run.status), moment(run.created_at), took]
        };
        let rows: Vec<_> = runs.recent.iter().map(row).collect();
        parts.push(table(&["last runs", "status", "accepted (UTC)", "until its end"], &rows));
    }
    for breaker in &found.breakers {
        parts.push(format!(
            "{} is not called until {} (UTC), since the last calls failed",
            breaker.destination,
            moment(breaker.until)
        ));
    }
    parts.push(lag(&found.lag));
    parts.join("\n\n")
}

fn took(durations: Option<Durations>) -> String {
    let Some(Durations { p50_ms, p95_ms, p99_ms }) = durations else { return "–".to_owned() };
    [p50_ms, p95_ms, p99_ms].map(|millis| duration(Duration::from_millis(millis))).join(" · ")
}

fn point(point: &StatsPoint) -> Vec<String> {
    let totals = &point.totals;
    let at: String = moment(point.at).chars().take(16).collect();
    let counts = [totals.all(), totals.failed, totals.timed_out].map(|count| count.to_string());
    [at].into_iter().chain(counts).chain([took(point.durations)]).collect()
}

fn error(error: &RecurringError) -> Vec<String> {
    vec![error.runs.to_string(), pattern_text(&error.pattern), error.pattern.workflow_id.to_string()]
}

fn lag(lag: &Lag) -> String {
    if lag.workers == 0 {
        return "No worker has given a sign of life within the last minute.".to_owned();
    }
    let millis = |millis| duration(Duration::from_millis(millis));
    let topics: String =
        lag.topics.iter().map(|topic| format!(" · topic {} {}", topic.topic, millis(topic.lag_ms))).collect();
    format!(
        "{} workers · behind: recorder {}{topics}",
        lag.workers,
        millis(lag.recorder_ms.unwrap_or_default())
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::{Fake, RUN, WORKFLOW};

    fn overview() -> serde_json::Value {
        let totals = json!({"succeeded": 9, "failed": 1, "cancelled": 0, "timed_out": 0});
        let durations = json!({"p50_ms": 12, "p95_ms": 1500, "p99_ms": 61_000});
        json!({
            "runs": {
                "from": "2026-11-29T11:00:00.000Z", "to": "2026-11-30T11:00:00.000Z", "bucket": "hour",
                "totals": totals, "durations": durations,
                "series": [{"at": "2026-11-30T10:00:00.000Z", "totals": totals, "durations": durations}],
                "errors": [{"runs": 1, "pattern": {
                    "workflow_id": WORKFLOW, "node_id": "fetch", "code": "http_status", "status": 503, "host": "a.example"
                }}],
                "recent": [{
                    "id": RUN, "workflow_id": WORKFLOW, "status": "succeeded", "trigger": "manual",
                    "created_at": "2026-11-30T10:00:00.000Z", "finished_at": "2026-11-30T10:00:01.000Z"
                }]
            },
            "success_rate": 0.9,
            "lag": {
                "workers": 2, "seen_at": "2026-11-30T10:30:00.000Z", "recorder_ms": 40,
                "topics": [{"topic": "tasks", "lag_ms": 7, "handled_at": "2026-11-30T10:30:00.000Z"}]
            },
            "breakers": [{"destination": "https://a.example", "until": "2026-11-30T10:31:00.000Z"}]
        })
    }

    #[test]
    fn all_of_it_is_shown() {
        console::set_colors_enabled(false);
        let shown = text(&serde_json::from_value(overview()).unwrap());
        for part in [
            "10 runs that were accepted from 2026-11-29 11:00:00 on: 9 succeeded, 1 failed",
            "90.0 % succeeded · took 12 ms · 1.5 s · 1 min 1 s",
            "http_status 503 of a.example at fetch",
            "https://a.example is not called until 2026-11-30 10:31:00",
            "2 workers · behind: recorder 40 ms · topic tasks 7 ms",
            RUN,
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }

    #[tokio::test]
    async fn the_window_and_the_workflow_are_asked_for() {
        let fake = Fake::new().on("GET /tenant/stats", 200, &overview()).start().await;
        let workflow = Some(WORKFLOW.parse().unwrap());
        stats(StatsArgs { hours: 7, workflow, json: true, server: fake.args() }).await.unwrap();
        assert_eq!(fake.requests()[0].query, format!("hours=7&workflow_id={WORKFLOW}"));
    }
}
