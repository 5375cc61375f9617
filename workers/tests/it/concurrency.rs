//! Workflows that limit how many of their runs run at once, at a real worker and at several.

use domain::{
    concurrency::RunGroup,
    ids::{RunId, TenantId, WorkflowId},
    run::{RunStatus, RunWithSteps},
};
use serde_json::{Value, json};
use url::Url;
use workers::{Peers, WorkerConfig};

use crate::app::{Answer, App, SECRET, Task, batch, call_workflow, pure_workflow, within};

/// A workflow of one call, with that limit.
fn limited(app: &App, path: &str, concurrency: &Value) -> Value {
    let mut document = call_workflow(&[("call", app.endpoint.url(path), json!({}))]);
    document["settings"] = json!({ "concurrency": concurrency });
    document
}

/// A run with that key, whose id is as a function makes it.
fn task(document: &Value, key: &str) -> Task {
    let task = Task::new(document);
    let group =
        RunGroup::of(&TenantId::parse("acme").unwrap(), WorkflowId(uuid::Uuid::from_u128(9)), Some(key));
    Task::of(task.run.at_slot(group.slot()), document).input(json!({ "key": key }))
}

fn tasks(document: &Value, key: &str, count: usize) -> Vec<Task> {
    (0..count).map(|_| task(document, key)).collect()
}

/// The runs as they ended, in the order in which they began.
async fn in_order(app: &App, tasks: &[Task]) -> Vec<RunWithSteps> {
    let mut ended = Vec::new();
    for task in tasks {
        ended.push(app.succeeded(task.run).await);
    }
    ended.sort_by_key(|run| (run.run.started_at, run.run.finished_at));
    ended
}

fn one_after_the_other(runs: &[RunWithSteps]) -> bool {
    runs.windows(2).all(|two| two[0].run.finished_at <= two[1].run.started_at)
}

/// Waits until what was sent before has had its turn.
async fn passed_by(app: &App) {
    let run = app.submit(&Task::new(&pure_workflow())).await;
    app.succeeded(run).await;
}

#[tokio::test]
async fn runs_of_one_key_run_one_after_the_other_and_those_of_another_beside_them() {
    let app = App::start().await;
    app.endpoint.on("/a", &[Answer::Held]);
    app.endpoint.on("/b", &[Answer::Held]);
    let limit = json!({"limit": 1, "key": "key"});
    let (a, b) = (limited(&app, "/a", &limit), limited(&app, "/b", &limit));
    let (of_a, of_b) = (tasks(&a, "a", 5), tasks(&b, "b", 2));
    app.post(batch(of_a.iter().chain(&of_b))).await;
    app.endpoint.called("/a", 1).await;
    app.endpoint.called("/b", 1).await;
    passed_by(&app).await;
    assert_eq!((app.endpoint.count("/a"), app.endpoint.count("/b")), (1, 1));
    app.endpoint.release();
    for tasks in [&of_a, &of_b] {
        assert!(one_after_the_other(&in_order(&app, tasks).await));
    }
    assert_eq!((app.endpoint.count("/a"), app.endpoint.count("/b")), (5, 2));
}

#[tokio::test]
async fn a_kill_changes_nothing_of_who_runs_and_those_that_wait_come_to_their_turn() {
    let mut app = App::start().await;
    app.endpoint.on("/a", &[Answer::Held]);
    let document = limited(&app, "/a", &json!({"limit": 2, "key": "key"}));
    let tasks = tasks(&document, "a", 6);
    app.post(batch(&tasks)).await;
    app.endpoint.called("/a", 2).await;
    for calls in [4, 6] {
        app.crash_and_start_again().await;
        // Those that were under way begin their calls again, with the same keys, and nobody else does.
        app.endpoint.called("/a", calls).await;
        passed_by(&app).await;
        let mut keys = app.endpoint.keys("/a");
        keys.sort();
        keys.dedup();
        assert_eq!((app.endpoint.count("/a"), keys.len()), (calls, 2));
    }
    // What is delivered again is recognised.
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (0, 6, 0));
    app.endpoint.release();
    let runs = in_order(&app, &tasks).await;
    assert!(runs.windows(3).all(|three| three[0].run.finished_at <= three[2].run.started_at
        || three[1].run.finished_at <= three[2].run.started_at));
}

#[tokio::test]
async fn what_is_skipped_and_what_is_replaced_ends_as_cancelled_and_says_why() {
    let app = App::start().await;
    app.endpoint.on("/a", &[Answer::Never, Answer::Status(200)]);
    let skip = limited(&app, "/a", &json!({"limit": 1, "key": "key", "above": "skip"}));
    let (first, skipped) = (task(&skip, "a"), task(&skip, "a"));
    app.submit(&first).await;
    app.endpoint.called("/a", 1).await;
    let replace = limited(&app, "/a", &json!({"limit": 1, "key": "key", "above": "cancel_oldest"}));
    let newest = task(&replace, "a");
    for (new, ended, code) in
        [(&skipped, &skipped, "concurrency_skipped"), (&newest, &first, "concurrency_replaced")]
    {
        app.submit(new).await;
        let run = app.ended(ended.run).await.run;
        let error = run.error.unwrap();
        assert_eq!((run.status, error.code.as_str()), (RunStatus::Cancelled, code));
        assert!(error.message.contains("settings.concurrency"), "{}", error.message);
        assert_eq!(error.details.unwrap()["limit"], 1);
        assert_eq!(run.started_at.is_some(), ended.run == first.run, "one that is skipped never begins");
    }
    app.succeeded(newest.run).await;
}

/// A run as that worker says it is, or the one that it asks; null while it is on its way.
async fn told(app: &App, run: RunId) -> Value {
    let request = reqwest::Client::new().get(format!("http://{}/runs/{run}?tenant=acme", app.addr()));
    let answer = within("an answer", request.bearer_auth(SECRET).send()).await.unwrap();
    let found = answer.status().as_u16() == 200;
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    if found { answer } else { Value::Null }
}

#[tokio::test]
async fn a_run_that_waits_for_a_seat_says_for_which_and_its_time_to_begin_says_so_too() {
    let app = App::start().await;
    app.endpoint.on("/a", &[Answer::Held]);
    let mut document = limited(&app, "/a", &json!({"limit": 1, "key": "key"}));
    document["settings"]["start_timeout"] = json!("1h");
    let tasks = tasks(&document, "a", 3);
    app.post(batch(&tasks)).await;
    app.endpoint.called("/a", 1).await;
    assert_eq!(told(&app, tasks[0].run).await["waits_for"], Value::Null);
    for task in &tasks[1..] {
        let run = told(&app, task.run).await;
        assert_eq!(run["status"], "queued");
        assert_eq!(run["waits_for"], json!({"seat": {"limit": 1, "key": "key"}}));
    }
    // One that sits, and waits for nothing more, has begun.
    app.endpoint.release();
    app.succeeded(tasks[0].run).await;
    app.succeeded(tasks[1].run).await;
    app.succeeded(tasks[2].run).await;
    app.endpoint.on("/b", &[Answer::Never]);
    let mut document = limited(&app, "/b", &json!({"limit": 1, "key": "key"}));
    document["settings"]["start_timeout"] = json!("1h");
    let (sits, waits) = (task(&document, "b"), task(&document, "b"));
    app.post(batch([&sits, &waits])).await;
    app.endpoint.called("/b", 1).await;
    app.clock.advance(std::time::Duration::from_secs(2 * 3_600));
    app.wake();
    let run = app.ended(waits.run).await.run;
    let error = run.error.unwrap();
    assert_eq!(
        (run.status, error.code.as_str(), run.started_at),
        (RunStatus::TimedOut, "start_timeout", None)
    );
    assert!(error.message.contains("waited for a seat"), "{}", error.message);
    assert_eq!((run.waits_for, error.details), (None, Some(json!({"limit": 1, "key": "key"}))));
}

fn url(port: u16) -> Url {
    format!("http://127.0.0.1:{port}").parse().unwrap()
}

fn among(own: u16, all: [u16; 2]) -> impl FnOnce(&mut WorkerConfig) {
    move |config| {
        config.listen.set_port(own);
        config.peers = Peers::new(&all.map(url), &url(own), SECRET.into()).unwrap();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where a run is, as that worker says or the one that it asks; null while it is on its way.
async fn status(app: &App, run: RunId) -> Value {
    told(app, run).await["status"].take()
}

#[tokio::test]
async fn all_runs_of_a_key_belong_to_one_worker_and_each_worker_tells_of_them() {
    let ports = [free_port(), free_port()];
    let a = App::start_with(among(ports[0], ports)).await;
    let b = App::start_with(among(ports[1], ports)).await;
    a.endpoint.on("/one", &[Answer::Held]);
    let document = limited(&a, "/one", &json!({"limit": 1, "key": "key"}));
    let keys: Vec<_> = (0..8).map(|n| format!("k{n}")).collect();
    let all: Vec<_> = keys.iter().map(|key| tasks(&document, key, 4)).collect();
    // Half of each key's at each door.
    for tasks in &all {
        a.post(batch(&tasks[..2])).await;
        b.post(batch(&tasks[2..])).await;
    }
    a.endpoint.called("/one", 8).await;
    for tasks in &all {
        for app in [&a, &b] {
            within("one that runs and three that wait", async {
                loop {
                    let mut statuses = Vec::new();
                    for task in tasks {
                        statuses.push(status(app, task.run).await);
                    }
                    if statuses.iter().filter(|status| **status == "running").count() == 1
                        && statuses.iter().filter(|status| **status == "queued").count() == 3
                    {
                        break;
                    }
                }
            })
            .await;
        }
    }
    assert_eq!(a.endpoint.count("/one"), 8, "one of each key");
    a.endpoint.release();
    let mut owners = [0, 0];
    for tasks in &all {
        let of_a = tokio::select! {
            _ = a.succeeded(tasks[0].run) => true,
            _ = b.succeeded(tasks[0].run) => false,
        };
        let owner = if of_a { &a } else { &b };
        assert!(one_after_the_other(&in_order(owner, tasks).await));
        owners[usize::from(of_a)] += 1;
    }
    assert_eq!(owners.iter().sum::<usize>(), 8);
}
