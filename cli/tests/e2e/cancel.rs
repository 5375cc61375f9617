//! A cancel that is sent to the API reaches what it is meant for, wherever that is: a call under way, and the runs that
//! were called.

use futures_util::future::join_all;
use minireipaz::testing::eventually;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::TcpListener,
    sync::watch,
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::client::Client;

/// So many that each of two workers has some.
const RUNS: usize = 8;

/// A web server that never answers.
struct Silent {
    url: String,
    seen: watch::Receiver<Seen>,
    _server: AbortOnDropHandle<()>,
}

/// What it has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    /// Requests.
    came: usize,
    /// Of those, the ones whose connections were closed by who asked.
    gone: usize,
}

impl Silent {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (tell, seen) = watch::channel(Seen::default());
        let server = async move {
            let connections = TaskTracker::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(listen(stream, tell.clone()));
            }
        };
        Self { url, seen, _server: AbortOnDropHandle::new(TaskTracker::new().spawn(server)) }
    }

    async fn has_seen(&self, what: &str, seen: Seen) {
        eventually(&format!("{what}: {seen:?}"), async || *self.seen.borrow() == seen).await;
    }
}

async fn listen(mut stream: impl AsyncRead + Unpin, tell: watch::Sender<Seen>) {
    let mut bytes = [0; 4_096];
    if stream.read(&mut bytes).await.unwrap_or(0) == 0 {
        return;
    }
    tell.send_modify(|seen| seen.came += 1);
    while stream.read(&mut bytes).await.unwrap_or(0) > 0 {}
    tell.send_modify(|seen| seen.gone += 1);
}

/// One node behind a trigger.
fn document(kind: &str, data: &Value) -> Value {
    json!({
        "name": "One", "active": true,
        "nodes": [{"id": "start", "type": "manual"}, {"id": "one", "type": kind, "data": data}],
        "edges": [{"source": "start", "target": "one"}],
    })
}

fn call_of(url: &str) -> Value {
    document("http_request", &json!({"timeout": "10m", "params": {"method": "GET", "url": url}}))
}

async fn cancel(api: &Client, run: &str) {
    let answer = api.post(&format!("/runs/{run}/cancel"), &json!({"reason": "ordered twice"})).await;
    assert_eq!((answer.status, answer.id().as_str()), (202, run), "{:#}", answer.body);
}

/// The workflow has so many runs, and each ends as cancelled.
async fn all_cancelled(api: &Client, workflow: &str, count: usize) {
    let rows = eventually("all runs are listed", async || {
        api.runs_of(workflow).await.filter(|rows| rows.len() >= count)
    });
    let rows = rows.await;
    assert_eq!(rows.len(), count);
    for row in &rows {
        let run = api.result(row["id"].as_str().unwrap()).await;
        assert_eq!(
            (&run["status"], &run["error"]["code"]),
            (&json!("cancelled"), &json!("cancelled")),
            "{run:#}"
        );
        assert_eq!(run["steps"][1]["status"], "cancelled", "{run:#}");
    }
}

pub async fn a_run_in_the_middle_of_a_call_ends_at_once_and_the_calls_connection_is_closed(api: Client) {
    let silent = Silent::start().await;
    let workflow = api.save(&call_of(&silent.url)).await;
    let input = json!({});
    let runs = join_all((0..RUNS).map(|_| api.run(&workflow, &input))).await;
    silent.has_seen("all calls are under way", Seen { came: RUNS, gone: 0 }).await;
    for run in &runs {
        cancel(&api, run).await;
        let ended = api.result(run).await;
        assert_eq!(
            (&ended["status"], &ended["error"]["message"]),
            (&json!("cancelled"), &json!("ordered twice"))
        );
    }
    silent.has_seen("no call goes on, and none is made again", Seen { came: RUNS, gone: RUNS }).await;
    let again = api.post(&format!("/runs/{}/cancel", runs[0]), &json!({})).await;
    again.is_problem(409, "run_ended");
}

pub async fn the_runs_that_a_run_has_called_end_with_it_and_those_that_these_have_called(api: Client) {
    let silent = Silent::start().await;
    let calling = |workflow: &str| {
        document("call_workflow", &json!({"params": {"workflow_id": workflow, "mode": "each"}}))
    };
    let leaf = api.save(&call_of(&silent.url)).await;
    let middle = api.save(&calling(&leaf)).await;
    let top = api.save(&calling(&middle)).await;
    // Each calls a run for each item, which calls one more.
    let items = json!([{"n": 1}, {"n": 2}]);
    let runs = join_all((0..RUNS / 2).map(|_| api.run(&top, &items))).await;
    silent.has_seen("the calls of those at the end are under way", Seen { came: RUNS, gone: 0 }).await;
    for run in &runs {
        cancel(&api, run).await;
    }
    silent.has_seen("no call goes on", Seen { came: RUNS, gone: RUNS }).await;
    for (workflow, count) in [(&top, RUNS / 2), (&middle, RUNS), (&leaf, RUNS)] {
        all_cancelled(&api, workflow, count).await;
    }
}
