//! Reading runs at the worker: what is durable in its journal, for who waits and who does not.

use std::{net::SocketAddr, time::Duration};

use domain::ids::RunId;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use url::Url;
use uuid::Uuid;
use workers::{Peers, WorkerConfig};

use crate::app::{Answer, App, SECRET, Task, batch, call_workflow, pure_workflow, within};

/// A reader, and what it was answered.
#[derive(Clone)]
struct Reader {
    http: reqwest::Client,
    addr: SocketAddr,
    tenant: &'static str,
}

#[derive(Debug)]
struct Read {
    status: u16,
    body: Value,
}

impl Read {
    fn run(self, status: &str) -> Value {
        assert_eq!((self.status, self.body["status"].as_str()), (200, Some(status)), "{self:?}");
        self.body
    }

    fn refused(self, status: u16, code: &str) -> String {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{self:?}");
        self.body["detail"].as_str().unwrap().to_owned()
    }
}

impl Reader {
    fn of(app: &App) -> Self {
        Self { http: reqwest::Client::new(), addr: app.addr(), tenant: "acme" }
    }

    fn request(&self, run: RunId, query: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("http://{}/runs/{run}?tenant={}{query}", self.addr, self.tenant))
    }

    async fn read(&self, run: RunId, query: &str) -> Read {
        let answer = within("an answer", self.request(run, query).bearer_auth(SECRET).send()).await.unwrap();
        let status = answer.status().as_u16();
        Read { status, body: serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default() }
    }

    /// Begins to wait.
    fn wait(&self, run: RunId, query: &'static str) -> JoinSet<Read> {
        let (mut set, reader) = (JoinSet::new(), self.clone());
        set.spawn(async move { reader.read(run, query).await });
        set
    }
}

async fn joined(mut set: JoinSet<Read>) -> Read {
    within("an answer", set.join_next()).await.unwrap().unwrap()
}

/// Waits until so many wait at the worker, or nobody. The metrics are the process's, so those of tests beside this one
/// count too.
async fn waiters(app: &App, count: usize) {
    let waiting = async || -> Option<usize> {
        let metrics = app.get("/metrics").await.body;
        metrics.lines().find_map(|line| line.strip_prefix("minireipaz_worker_waiters "))?.parse().ok()
    };
    within("those who wait", async {
        let is_there = |waiting: usize| if count == 0 { waiting == 0 } else { waiting >= count };
        while !waiting().await.is_some_and(is_there) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_waits_hears_of_the_end_whether_the_store_does_or_not() {
    let app = App::start().await;
    app.store.set_down(true);
    let reader = Reader::of(&app);
    let task = Task::new(&pure_workflow()).input(json!({"n": 7}));
    // It is on its way.
    let waiting = reader.wait(task.run, "&wait=25");
    app.submit(&task).await;
    let run = joined(waiting).await.run("succeeded");
    assert_eq!(run["output"]["last"][0]["copy"], 7);
    // And who comes later reads the same.
    for query in ["", "&wait=25", "&wait=25&after=1000"] {
        assert_eq!(reader.read(task.run, query).await.run("succeeded"), run, "{query}");
    }
    app.store.set_down(false);
    let stored = serde_json::to_value(app.succeeded(task.run).await).unwrap();
    assert_eq!(run, stored, "what the store has later is the same, field by field");
}

#[tokio::test]
async fn who_waits_for_changes_hears_of_each_and_a_run_in_progress_is_read_as_it_is() {
    let app = App::start().await;
    app.endpoint.on("/held", &[Answer::Held]);
    let reader = Reader::of(&app);
    let task = Task::new(&call_workflow(&[("call", app.endpoint.url("/held"), json!({}))]));
    let first = reader.wait(task.run, "&wait=25&after=0");
    app.submit(&task).await;
    let begun = joined(first).await.run("running");
    app.endpoint.called("/held", 1).await;
    let now = reader.read(task.run, "").await.run("running");
    assert_eq!(now["steps"][1]["status"], "running");
    assert_eq!(now, begun);
    let stored =
        app.until("it", task.run, |found| found.run.revision == now["revision"].as_u64().unwrap()).await;
    assert_eq!(now, serde_json::to_value(stored).unwrap());
    let all = reader.wait(task.run, "&wait=25");
    let next = {
        let (reader, revision) = (reader.clone(), now["revision"].clone());
        let mut set = JoinSet::new();
        set.spawn(async move { reader.read(task.run, &format!("&wait=25&after={revision}")).await });
        set
    };
    waiters(&app, 2).await;
    app.endpoint.release();
    let (all, next) = (joined(all).await.run("succeeded"), joined(next).await);
    assert!(next.body["revision"].as_u64() > now["revision"].as_u64());
    assert_eq!(all, serde_json::to_value(app.succeeded(task.run).await).unwrap());
}

#[tokio::test]
async fn a_run_that_only_waits_is_read_from_the_journal_also_after_a_crash() {
    let mut app = App::start().await;
    let document = json!({
        "name": "Waits",
        "nodes": [{"id": "start", "type": "manual"}, {"id": "later", "type": "wait", "data": {"params": {"for": "1h"}}}],
        "edges": [{"source": "start", "target": "later"}],
    });
    let run = app.submit(&Task::new(&document)).await;
    let stored = app.until("its waiting", run, |found| found.run.status.as_str() == "waiting").await;
    let stored = serde_json::to_value(stored).unwrap();
    assert_eq!(Reader::of(&app).read(run, "").await.run("waiting"), stored);
    app.crash_and_start_again().await;
    let reader = Reader::of(&app);
    assert_eq!(reader.read(run, "").await.run("waiting"), stored);
    // A wait that is over gives the run as it is.
    assert_eq!(reader.read(run, "&wait=1").await.run("waiting"), stored);
    assert_eq!(reader.read(run, "&wait=1&after=1000").await.run("waiting"), stored);
}

#[tokio::test]
async fn a_run_that_ended_before_a_crash_is_not_forgotten_while_the_store_does_not_have_it() {
    let mut app = App::start().await;
    app.store.set_down(true);
    let task = Task::new(&call_workflow(&[("call", app.endpoint.url("/once"), json!({}))]));
    let run = app.submit(&task).await;
    let before = Reader::of(&app).read(run, "&wait=25").await.run("succeeded");
    app.crash_and_start_again().await;
    assert_eq!(Reader::of(&app).read(run, "").await.run("succeeded"), before);
    app.store.set_down(false);
    assert_eq!(serde_json::to_value(app.succeeded(run).await).unwrap(), before);
}

#[tokio::test]
async fn a_run_that_is_not_known_is_told_from_a_route_that_does_not_exist_and_a_stranger_reads_nothing() {
    let app = App::start().await;
    let run = app.submit(&Task::new(&pure_workflow())).await;
    let reader = Reader::of(&app);
    reader.read(run, "&wait=25").await.run("succeeded");
    let foreign = Reader { tenant: "other", ..reader.clone() };
    let old = RunId("018f3c3e-0000-7000-8000-000000000000".parse().unwrap());
    let young = RunId(Uuid::now_v7());
    for read in [
        foreign.read(run, "").await,
        foreign.read(run, "&wait=1").await,
        reader.read(old, "&wait=25").await,
        reader.read(young, "").await,
        reader.read(young, "&wait=25&after=0").await,
    ] {
        read.refused(404, "run_unknown");
    }
    let elsewhere = app.get("/elsewhere").await;
    assert!(elsewhere.status == 404 && !elsewhere.body.contains("run_unknown"), "{elsewhere:?}");
    for query in ["&wait=soon", "&after=x"] {
        assert!(reader.read(run, query).await.refused(400, "invalid_parameter").contains(&query[1..5]));
    }
    for request in
        [reader.request(run, ""), reader.request(run, "").bearer_auth("another secret of connectors")]
    {
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    let key = reader.request(run, "").header("x-api-key", SECRET).send().await.unwrap();
    assert_eq!(key.status(), 200);
}

#[tokio::test]
async fn a_tenant_that_waits_as_often_as_it_may_keeps_no_other_from_waiting() {
    let app = App::start_with(|config| config.door.connections = 80).await;
    app.endpoint.on("/held", &[Answer::Held]);
    let document = call_workflow(&[("call", app.endpoint.url("/held"), json!({}))]);
    let (busy, other) = (Task::new(&document), Task::new(&document).tenant("other"));
    for task in [&busy, &other] {
        app.submit(task).await;
    }
    let reader = Reader::of(&app);
    let (mut waiting, mut refused) = (JoinSet::new(), Vec::new());
    for _ in 0..35 {
        let reader = reader.clone();
        waiting.spawn(async move { reader.read(busy.run, "&wait=60").await });
    }
    while refused.len() < 15 {
        refused.push(within("a refusal", waiting.join_next()).await.unwrap().unwrap());
    }
    for read in refused {
        assert!(read.refused(429, "too_many_waiters").contains("20 requests of this tenant"));
    }
    let others = Reader { tenant: "other", ..reader }.wait(other.run, "&wait=60");
    waiters(&app, 21).await;
    // Connectors find a place, too.
    app.submit(&Task::new(&pure_workflow())).await;
    app.endpoint.release();
    joined(others).await.run("succeeded");
    while let Some(read) = within("the end", waiting.join_next()).await {
        read.unwrap().run("succeeded");
    }
    waiters(&app, 0).await;
}

#[tokio::test]
async fn who_waits_is_sent_away_at_once_when_the_worker_stops_and_leaves_nothing_behind_when_it_gives_up() {
    let mut app = App::start().await;
    app.endpoint.on("/never", &[Answer::Never]);
    let document = call_workflow(&[("call", app.endpoint.url("/never"), json!({}))]);
    let run = app.submit(&Task::new(&document)).await;
    let reader = Reader::of(&app);
    let mut gives_up = reader.wait(run, "&wait=60");
    waiters(&app, 1).await;
    gives_up.shutdown().await;
    waiters(&app, 0).await;
    let waiting = reader.wait(run, "&wait=60");
    waiters(&app, 1).await;
    app.reconfigure(|config| config.grace = Duration::from_millis(10));
    let stopped = app.crash();
    let (read, ()) = tokio::join!(joined(waiting), stopped);
    read.refused(503, "stopping");
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Settings of the worker on the first of these ports, among the others.
fn among(own: u16, all: [u16; 2]) -> impl FnOnce(&mut WorkerConfig) {
    let url = |port| format!("http://127.0.0.1:{port}").parse::<Url>().unwrap();
    move |config| {
        config.listen.set_port(own);
        config.peers = Peers::new(&all.map(url), &url(own), SECRET.into()).unwrap();
    }
}

#[tokio::test]
async fn any_worker_asks_the_one_that_has_the_run() {
    let ports = [free_port(), free_port()];
    let a = App::start_with(among(ports[0], ports)).await;
    let mut b = App::start_with(among(ports[1], ports)).await;
    let tasks: Vec<_> = (0..12).map(|_| Task::new(&pure_workflow()).input(json!({"n": 1}))).collect();
    let readers = [Reader::of(&a), Reader::of(&b)];
    let mut waiting = JoinSet::new();
    for (reader, task) in readers.iter().cycle().zip(&tasks) {
        let (reader, run) = (reader.clone(), task.run);
        waiting.spawn(async move { reader.read(run, "&wait=25").await });
    }
    assert_eq!(a.post(batch(&tasks)).await.status, 200);
    while let Some(read) = within("the ends", waiting.join_next()).await {
        read.unwrap().run("succeeded");
    }
    for task in &tasks {
        let [one, other] = [readers[0].read(task.run, "").await, readers[1].read(task.run, "").await];
        assert_eq!(one.run("succeeded"), other.run("succeeded"));
    }
    let unknown = RunId("018f3c3e-0000-7000-8000-000000000000".parse().unwrap());
    for reader in &readers {
        reader.read(unknown, "").await.refused(404, "run_unknown");
    }
    b.crash().await;
    let mut of_b = 0;
    for task in &tasks {
        let read = readers[0].read(task.run, "").await;
        if read.status == 503 {
            read.refused(503, "owner_unavailable");
            of_b += 1;
        }
    }
    assert!((1..12).contains(&of_b), "{of_b}");
}
