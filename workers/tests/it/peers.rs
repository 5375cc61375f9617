//! Several workers behind one address: a run is executed once, whichever of them is handed its task, how often, and
//! whoever is away meanwhile.

use serde_json::{Value, json};
use url::Url;
use workers::{Peers, WorkerConfig};

use crate::app::{App, Control, Reply, SECRET, Task, batch, call_workflow, pure_workflow, within};

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn url(port: u16) -> Url {
    format!("http://127.0.0.1:{port}").parse().unwrap()
}

/// Settings of the worker on the first of these ports, among the others.
fn settings(own: u16, all: [u16; 2]) -> impl FnOnce(&mut WorkerConfig) {
    move |config| {
        config.listen.set_port(own);
        config.peers = Peers::new(&all.map(url), &url(own), SECRET.into()).unwrap();
    }
}

async fn pair() -> (App, App) {
    let ports = [free_port(), free_port()];
    (App::start_with(settings(ports[0], ports)).await, App::start_with(settings(ports[1], ports)).await)
}

/// How many tasks of a batch were the worker's own, and how many are taken to the other one.
fn shares(reply: &Reply) -> (u64, u64) {
    assert_eq!(reply.status, 200, "{reply:?}");
    let receipt: Value = serde_json::from_str(&reply.body).unwrap();
    (receipt["accepted"].as_u64().unwrap(), receipt["handed_over"].as_u64().unwrap_or(0))
}

/// Tasks of the pair, those of the first worker before those of the second.
async fn sorted(a: &App, b: &App, count: usize) -> (Vec<Task>, Vec<Task>) {
    let document = call_workflow(&[("call", a.endpoint.url("/once"), json!({}))]);
    let tasks: Vec<_> = (0..count).map(|_| Task::new(&document)).collect();
    let (own, others) = shares(&a.post(batch(&tasks)).await);
    assert!(own > 0 && others > 0 && own + others == count as u64, "{own} and {others}");
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for task in tasks {
        let is_of_b = tokio::select! {
            _ = a.succeeded(task.run) => false,
            _ = b.succeeded(task.run) => true,
        };
        if is_of_b { &mut of_b } else { &mut of_a }.push(task);
    }
    assert_eq!((of_a.len() as u64, of_b.len() as u64), (own, others));
    (of_a, of_b)
}

#[tokio::test]
async fn a_task_that_comes_again_at_another_worker_is_recognised() {
    let (a, b) = pair().await;
    let (of_a, of_b) = sorted(&a, &b, 24).await;
    let all: Vec<_> = of_a.iter().chain(&of_b).cloned().collect();
    assert_eq!(shares(&b.post(batch(&all)).await), (0, of_a.len() as u64));
    assert_eq!(shares(&a.post(batch(&all)).await), (0, of_b.len() as u64));
    // What is handed over of a tenant stays in order, so these come after all of the others.
    let last: Vec<_> = (0..16).map(|_| Task::new(&pure_workflow())).collect();
    for app in [&a, &b] {
        app.post(batch(&last)).await;
    }
    for task in &last {
        tokio::select! {
            _ = a.succeeded(task.run) => {}
            _ = b.succeeded(task.run) => {}
        }
    }
    assert_eq!(a.endpoint.count("/once"), 24, "each run was executed once");
}

#[tokio::test]
async fn tasks_of_a_worker_that_is_away_wait_and_hold_up_nobody() {
    let (mut a, mut b) = pair().await;
    b.crash().await;
    let document = call_workflow(&[("call", a.endpoint.url("/once"), json!({}))]);
    let tasks: Vec<_> = (0..24).map(|_| Task::new(&document)).collect();
    let (own, others) = shares(&a.post(batch(&tasks)).await);
    assert!(own > 0 && others > 0, "{own} and {others}");
    let ended = async || {
        let mut ended = 0;
        for task in &tasks {
            ended += u64::from(a.find(task.run).await.is_some_and(|found| found.run.status.is_terminal()));
        }
        (ended == own).then_some(())
    };
    within("the end of its own runs", a.store.until(ended)).await;
    // Neither a crash of the one that keeps them nor sending them again changes that.
    a.crash_and_start_again().await;
    assert_eq!(shares(&a.post(batch(&tasks)).await), (0, others));
    b.start_again().await;
    a.endpoint.called("/once", 24).await;
    for task in &tasks {
        tokio::select! {
            _ = a.succeeded(task.run) => {}
            _ = b.succeeded(task.run) => {}
        }
    }
    assert_eq!(a.endpoint.count("/once"), 24);
}

#[tokio::test]
async fn tasks_of_a_worker_that_is_taken_off_the_list_are_run_by_the_others() {
    let ports = [free_port(), free_port()];
    let mut a = App::start_with(settings(ports[0], ports)).await;
    let tasks: Vec<_> = (0..16).map(|_| Task::new(&pure_workflow())).collect();
    let (own, others) = shares(&a.post(batch(&tasks)).await);
    assert!(own > 0 && others > 0, "{own} and {others}");
    a.stop().await;
    a.reconfigure(|config| config.peers = Peers::none(SECRET.into()));
    a.start_again().await;
    a.all_succeeded(&tasks.iter().map(|task| task.run).collect::<Vec<_>>(), 3).await;
}

#[tokio::test]
async fn a_task_that_was_handed_over_is_kept_whatever_the_settings_say() {
    let (a, b) = pair().await;
    let tasks: Vec<_> = (0..16).map(|_| Task::new(&pure_workflow())).collect();
    let reply = a.post_from_a_peer(batch(&tasks)).await;
    assert_eq!(shares(&reply), (16, 0));
    a.all_succeeded(&tasks.iter().map(|task| task.run).collect::<Vec<_>>(), 3).await;
    drop(b);
}

#[tokio::test]
async fn what_is_wanted_of_a_run_reaches_its_worker_whoever_is_told_also_when_that_one_was_away() {
    let (a, mut b) = pair().await;
    let document = json!({
        "name": "Patient",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "wait", "type": "wait", "data": {"params": {"signal": {"name": "go"}}}},
        ],
        "edges": [{"source": "start", "target": "wait"}],
    });
    let tasks: Vec<_> = (0..16).map(|_| Task::new(&document)).collect();
    let (own, others) = shares(&a.post(batch(&tasks)).await);
    assert!(own > 0 && others > 0, "{own} and {others}");
    for task in &tasks {
        let waits = |found: &domain::run::RunWithSteps| found.run.status == domain::run::RunStatus::Waiting;
        tokio::select! {
            _ = a.until("the wait", task.run, waits) => {}
            _ = b.until("the wait", task.run, waits) => {}
        }
    }
    b.crash().await;
    let (half, rest) = tasks.split_at(8);
    let signals = half.iter().map(|task| Control::signal(task.run, "wait", "go", json!({})).json());
    let cancels = rest.iter().map(|task| Control::cancel(task.run, "enough").json());
    let reply = a.post(signals.chain(cancels).collect::<Vec<_>>().join("\n")).await;
    assert_eq!(serde_json::from_str::<Value>(&reply.body).unwrap()["controls"], 16);
    b.start_again().await;
    for task in &tasks {
        tokio::select! {
            _ = a.ended(task.run) => {}
            _ = b.ended(task.run) => {}
        }
    }
}
