//! What every store says of runs that have ended.

use std::{sync::LazyLock, time::Duration};

use domain::{
    ids::{NodeId, TenantId, WorkflowId},
    run::{NodeError, Run, RunStatus, Trigger},
    stats::{Bucket, RunStats, Totals},
    timestamp::Timestamp,
};
use minireipaz::{
    clock::{Clock, SystemClock},
    store::{Facts, StatsAsk, Store},
};
use serde_json::json;

use super::{run, suite::for_every_store, tenant, workflow_id};

for_every_store![
    a_run_counts_once_however_often_its_end_is_recorded,
    an_end_of_an_older_attempt_changes_nothing,
    runs_that_go_on_and_test_runs_are_in_no_statistics,
    a_window_a_workflow_and_a_tenant_have_their_own_runs,
    errors_are_told_by_what_they_have_in_common,
    without_runs_there_are_no_statistics,
];

/// A whole hour, so many after one that is some days ago: what is too old is not kept.
fn hour(hours: i64) -> Timestamp {
    static FIRST: LazyLock<Timestamp> =
        LazyLock::new(|| Bucket::Day.start(SystemClock.now().minus(Duration::from_hours(300))));
    Timestamp::from_millis(FIRST.as_millis() + hours * 3_600_000)
}

fn ask(tenant: &TenantId, hours: i64) -> StatsAsk {
    StatsAsk {
        tenant: tenant.clone(),
        workflow: None,
        from: hour(0),
        to: hour(hours),
        bucket: Bucket::Hour,
        now: hour(1_000),
    }
}

/// A run that was accepted then, and took so long.
fn ended(workflow: WorkflowId, created: Timestamp, status: RunStatus, took: u64) -> Run {
    Run { finished_at: Some(created.plus(Duration::from_millis(took))), ..run(workflow, created, status, 5) }
}

async fn record(store: &dyn Store, tenant: &TenantId, runs: &[Run]) {
    let runs = runs.iter().map(|run| (tenant.clone(), run.clone())).collect();
    store.record(&Facts::of_runs(runs)).await.unwrap();
}

async fn stats(store: &dyn Store, ask: &StatsAsk) -> RunStats {
    store.run_stats(ask).await.unwrap()
}

async fn a_run_counts_once_however_often_its_end_is_recorded(store: &dyn Store) {
    let (tenant, workflow) = (tenant(), workflow_id());
    let runs: Vec<_> = (0..40)
        .map(|n| {
            let status = if n % 4 == 0 { RunStatus::Failed } else { RunStatus::Succeeded };
            ended(workflow, hour(0).plus(Duration::from_mins(3 * n)), status, 1_000)
        })
        .collect();
    for runs in [&runs[..], &runs[10..30], &runs[..1], &runs] {
        record(store, &tenant, runs).await;
    }
    let found = stats(store, &ask(&tenant, 2)).await;
    assert_eq!(found.totals, Totals { succeeded: 30, failed: 10, ..Totals::default() });
    let durations = found.durations.unwrap();
    assert_eq!((durations.p50_ms, durations.p99_ms), (1_000, 1_000));
    let points: Vec<_> = found.series.iter().map(|point| (point.at, point.totals.all())).collect();
    assert_eq!(points, [(hour(0), 20), (hour(1), 20)]);
    assert_eq!(found.recent.len(), 10);
    assert_eq!(found.recent[0].id, runs[39].id, "the one that was accepted last is the first");
    assert!(found.recent.is_sorted_by_key(|run| std::cmp::Reverse(run.created_at)));
    let by_day = StatsAsk { bucket: Bucket::Day, ..ask(&tenant, 2) };
    let days = stats(store, &by_day).await.series;
    assert_eq!(days.iter().map(|day| day.totals.all()).sum::<u64>(), 40);
    assert!(days.iter().all(|day| day.at == Bucket::Day.start(day.at)));
}

async fn an_end_of_an_older_attempt_changes_nothing(store: &dyn Store) {
    let (tenant, workflow) = (tenant(), workflow_id());
    let first = ended(workflow, hour(0), RunStatus::Failed, 10);
    let second =
        Run { attempt: 2, status: RunStatus::Succeeded, finished_at: Some(hour(5)), ..first.clone() };
    for run in [&first, &second, &first] {
        record(store, &tenant, std::slice::from_ref(run)).await;
    }
    let found = stats(store, &ask(&tenant, 24)).await;
    assert_eq!(found.totals, Totals { succeeded: 1, ..Totals::default() });
    assert_eq!(found.recent[0].finished_at, hour(5));
}

async fn runs_that_go_on_and_test_runs_are_in_no_statistics(store: &dyn Store) {
    let (tenant, workflow) = (tenant(), workflow_id());
    let test = Run { trigger: Trigger::test(), ..ended(workflow, hour(0), RunStatus::Failed, 10) };
    let goes_on = run(workflow, hour(0), RunStatus::Running, 2);
    let unbegun = Run { started_at: None, ..ended(workflow, hour(0), RunStatus::Cancelled, 0) };
    record(store, &tenant, &[test, goes_on, unbegun]).await;
    let found = stats(store, &ask(&tenant, 1)).await;
    assert_eq!(found.totals, Totals { cancelled: 1, ..Totals::default() });
    assert_eq!((found.durations, found.totals.success_rate()), (None, None));
    assert_eq!(found.recent.len(), 1);
}

async fn a_window_a_workflow_and_a_tenant_have_their_own_runs(store: &dyn Store) {
    let (mine, other) = (tenant(), tenant());
    let (one, two) = (workflow_id(), workflow_id());
    let last = hour(1).plus(Duration::from_millis(3_599_999));
    let runs = [
        ended(one, hour(0), RunStatus::Succeeded, 10),
        ended(two, last, RunStatus::TimedOut, 30_000),
        ended(one, hour(2), RunStatus::Succeeded, 10),
    ];
    record(store, &mine, &runs).await;
    record(store, &other, &[ended(one, hour(0), RunStatus::Failed, 10)]).await;
    let all = stats(store, &ask(&mine, 2)).await;
    assert_eq!(all.totals, Totals { succeeded: 1, timed_out: 1, ..Totals::default() });
    let of_two = StatsAsk { workflow: Some(two), ..ask(&mine, 2) };
    let found = stats(store, &of_two).await;
    assert_eq!(found.totals, Totals { timed_out: 1, ..Totals::default() });
    assert_eq!(found.durations.unwrap().p50_ms, 30_000);
    assert!(found.recent.iter().all(|run| run.workflow_id == two));
}

async fn errors_are_told_by_what_they_have_in_common(store: &dyn Store) {
    let (tenant, workflow) = (tenant(), workflow_id());
    let failed = |n: u64, error: NodeError| Run {
        error: Some(error),
        ..ended(workflow, hour(0).plus(Duration::from_secs(n)), RunStatus::Failed, 10)
    };
    let http = |n: u64, status: u16| {
        let error = NodeError::new("http_status", format!("order {n}: it's \"no\""))
            .with_details(json!({ "status": status, "host": "shop.example" }));
        failed(n, NodeError { node_id: NodeId::parse("fetch \"it's\"").ok(), ..error })
    };
    let runs: Vec<_> = (0..5)
        .map(|n| http(n, 503))
        .chain((5..7).map(|n| http(n, 404)))
        .chain([failed(8, NodeError::new("run_timeout", "x"))])
        .collect();
    record(store, &tenant, &runs).await;
    record(store, &tenant, &runs).await;
    let found = stats(store, &ask(&tenant, 1)).await;
    let told: Vec<_> = found
        .errors
        .iter()
        .map(|error| (error.runs, error.pattern.code.as_str(), error.pattern.status))
        .collect();
    assert_eq!(
        told,
        [(5, "http_status", Some(503)), (2, "http_status", Some(404)), (1, "run_timeout", None)]
    );
    let first = &found.errors[0].pattern;
    assert_eq!(first.node_id.as_ref().unwrap().as_str(), "fetch \"it's\"");
    assert_eq!((first.workflow_id, first.host.as_deref()), (workflow, Some("shop.example")));
    assert_eq!(found.errors[2].pattern.node_id, None);
}

async fn without_runs_there_are_no_statistics(store: &dyn Store) {
    let found = stats(store, &ask(&tenant(), 24)).await;
    assert_eq!((found.totals, found.durations), (Totals::default(), None));
    assert!(found.series.is_empty() && found.errors.is_empty() && found.recent.is_empty());
}
