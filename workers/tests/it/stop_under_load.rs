//! The real program, stopped in order while it is busy: with calls that take long, with JavaScript, with waits, and with a
//! store that is away.

use std::collections::BTreeSet;

use domain::ids::RunId;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Answer, Endpoint, SECRET, Task, call_workflow},
    program::Program,
};

/// Workflows that end with a call of `/last`, and are busy before it.
fn busy(endpoint: &Endpoint) -> Vec<Value> {
    let last = || ("last", endpoint.url("/last"), json!({}));
    let spin = "const end = Date.now() + 300; while (Date.now() < end) {} return [{}]";
    let before = |node: Value| {
        let mut document = call_workflow(&[last()]);
        document["edges"] = json!([
            {"source": "start", "target": node["id"]},
            {"source": node["id"], "target": "last"},
        ]);
        document["nodes"].as_array_mut().unwrap().push(node);
        document
    };
    vec![
        call_workflow(&[("slow", endpoint.url("/slow"), json!({})), last()]),
        call_workflow(&[("quick", endpoint.url("/quick"), json!({})), last()]),
        before(json!({"id": "spins", "type": "code", "data": {"params": {"source": spin}}})),
        before(json!({"id": "waits", "type": "wait", "data": {"params": {"for": "300ms"}}})),
    ]
}

/// Sends runs one by one until the door is closed; those that were taken.
async fn send_until_refused(address: String, documents: Vec<Value>) -> Vec<RunId> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut taken = Vec::new();
    // A few of each kind, and then quick ones.
    for document in documents.iter().cycle().take(8).chain(documents[1..2].iter().cycle()) {
        let task = Task::new(document);
        let post = http.post(format!("http://{address}/tasks")).bearer_auth(SECRET).body(task.json());
        match post.send().await {
            Ok(answer) if answer.status().is_success() => taken.push(task.run),
            // Nobody sends again here, so a run without an answer is nobody's.
            _ => break,
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_worker_stops_in_its_grace_and_the_next_one_ends_every_run_that_it_took() {
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    endpoint.on("/slow", &[Answer::Held]);
    let mut taken = Vec::new();
    // Each start goes on with what the stop before has left.
    for stops in 1..=3 {
        let program = Program::start(data.path()).await;
        let mut senders = JoinSet::new();
        for _ in 0..2 {
            let (address, documents) = (program.address().to_owned(), busy(&endpoint));
            senders.spawn(send_until_refused(address, documents));
        }
        endpoint.called("/slow", stops * 4).await;
        endpoint.called("/quick", stops * 4).await;
        assert_eq!(program.terminate().await, Some(0), "it stops in order");
        // The door is closed, so they have ended by themselves.
        taken.extend(senders.join_all().await.into_iter().flatten());
    }
    endpoint.release();
    let program = Program::start(data.path()).await;
    let keys: BTreeSet<_> = taken.iter().map(|run| format!("{run}:last:0")).collect();
    endpoint.called_with("/last", &keys).await;
    let slow = endpoint.keys("/slow");
    for key in slow.iter().collect::<BTreeSet<_>>() {
        let times = slow.iter().filter(|other| *other == key).count();
        assert!(times <= 4, "{key} was called {times} times by four workers");
    }
    assert_eq!(program.terminate().await, Some(0));
}
