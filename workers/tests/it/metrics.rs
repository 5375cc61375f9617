//! What a running worker exposes is what the names say, and the reverse. (`docs/metrics.md` is compared with the names
//! in the library's tests.)

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::retry::{Failure, RetryPolicy};
use minireipaz::{
    resilience::{BreakerSettings, Classify, Guard},
    telemetry::names::{ALL, Kind, Part},
};
use serde_json::json;

use crate::app::{Answer, App, Task, call_workflow};

/// Names with their types, and the labels of each.
type Exposed = BTreeMap<String, (String, BTreeSet<String>)>;

fn exposed(text: &str) -> Exposed {
    let mut found = Exposed::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        found.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
    }
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let name = family.filter(|family| found.contains_key(*family)).unwrap_or(name);
        let (_, known) = found.get_mut(name).unwrap_or_else(|| panic!("{line} has no type"));
        let labels = labels.trim_end_matches('}').split(',').filter_map(|label| label.split_once('='));
        known.extend(labels.map(|(label, _)| label.to_owned()).filter(|label| label != "le"));
    }
    found
}

#[derive(Debug, thiserror::Error)]
#[error("down")]
struct Down;

impl Classify for Down {
    fn failure(&self) -> Failure {
        Failure::Connection
    }
}

/// A dependency that keeps failing, until its alert is raised.
async fn dependency_goes_down() {
    let policy = RetryPolicy::standard(3, Duration::from_secs(5));
    let settings = BreakerSettings { failures: 1_000, cool_down: Duration::from_secs(1) };
    let guard = Guard::new("test", policy, Duration::from_secs(1), settings);
    for _ in 0..10 {
        let called = guard.call("ask", async || Err::<(), _>(Down)).await;
        assert!(called.is_err());
    }
}

#[tokio::test]
async fn a_running_worker_exposes_what_is_documented_and_nothing_else() {
    let app = App::start().await;
    app.endpoint.on("/call", &[Answer::Status(503), Answer::Status(200)]);
    let again = json!({"retry": {"max_attempts": 2, "base": "1ms"}});
    let task = Task::new(&call_workflow(&[("call", app.endpoint.url("/call"), again)]));
    app.submit(&task).await;
    app.succeeded(task.run).await;
    assert_eq!(app.post_as(None, "[]").await.status, 401);
    dependency_goes_down().await;

    let text = app.get("/metrics").await.body;
    let found = exposed(&text);
    let mine = |part| matches!(part, Part::Process | Part::Calls | Part::Doors | Part::Worker);
    for metric in ALL.iter().filter(|metric| mine(metric.part)) {
        // The one that only a real ClickHouse counts.
        if metric.name == minireipaz::telemetry::names::STORE_INSERTS {
            continue;
        }
        let (kind, labels) = found.get(metric.name).unwrap_or_else(|| panic!("no {}:\n{text}", metric.name));
        assert_eq!(kind, metric.kind.as_str(), "{}", metric.name);
        let expected: BTreeSet<_> = metric.labels.iter().map(|label| (*label).to_owned()).collect();
        assert_eq!(*labels, expected, "{}", metric.name);
        assert!(text.contains(&format!("# HELP {} {}", metric.name, metric.help)), "{}", metric.name);
    }
    let unknown: Vec<_> =
        found.keys().filter(|name| ALL.iter().all(|metric| metric.name != **name)).collect();
    assert!(unknown.is_empty(), "not in telemetry::names: {unknown:?}");
    assert!(found.values().any(|(kind, _)| kind == Kind::Histogram.as_str()));
}

#[tokio::test]
async fn what_happened_is_counted() {
    let app = App::start().await;
    app.endpoint.on("/call", &[Answer::Status(418)]);
    let task = Task::new(&call_workflow(&[("call", app.endpoint.url("/call"), json!({}))]));
    app.submit(&task).await;
    app.ended(task.run).await;
    let text = app.get("/metrics").await.body;
    // Other tests of this process count, too.
    let value = |series: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        line.unwrap_or_else(|| panic!("no {series}:\n{text}")).trim().parse().unwrap()
    };
    assert!(value(r#"minireipaz_worker_http_calls_total{status="418"}"#) >= 1.0);
    assert!(value(r#"minireipaz_worker_runs_finished_total{outcome="failed"}"#) >= 1.0);
    assert!(value(r#"minireipaz_worker_run_seconds_count{outcome="failed"}"#) >= 1.0);
    let steps = r#"minireipaz_worker_step_seconds_count{kind="http_request",outcome="failed"}"#;
    assert!(value(steps) >= 1.0);
    assert!(value("minireipaz_journal_bytes") > 0.0);
}
