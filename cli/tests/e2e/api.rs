//! What a frontend relies on.

use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use minireipaz::testing::eventually;

use crate::client::{Client, read_json, repository};

pub async fn a_saved_version_is_the_one_that_runs_next(api: Client) {
    let mut document = read_json(&repository("examples/hello/workflow.json"));
    let id = api.save(&document).await;
    let run = api.run(&id, &json!({"name": "Ada"})).await;
    assert_eq!(api.result(&run).await["workflow_version"], 1);
    document["nodes"][1]["data"]["params"]["fields"]["greeting"] = json!("Bye");
    let put = api.authorized(Method::PUT, &format!("/workflows/{id}"));
    let saved = api.send(put.header("if-match", "\"1\"").json(&document)).await;
    assert_eq!((saved.status, &saved.body["version"]), (200, &json!(2)));
    let run = api.run(&id, &json!({"name": "Ada"})).await;
    let result = api.result(&run).await;
    assert_eq!(
        (&result["workflow_version"], &result["output"]["greet"][0]["greeting"]),
        (&json!(2), &json!("Bye"))
    );
    let delete = api.authorized(Method::DELETE, &format!("/workflows/{id}"));
    assert_eq!(api.send(delete).await.status, 204);
    assert_eq!(api.get(&format!("/workflows/{id}")).await.status, 404);
    // Another process may know the workflow for a second more. What it accepts ends like every run.
    let mut accepted = Vec::new();
    eventually("no run can be started", async || {
        let start = api.post(&format!("/workflows/{id}/runs"), &json!({})).await;
        match start.status {
            404 => Some(()),
            202 => {
                accepted.push(start.id());
                None
            }
            _ => panic!("{start:?}"),
        }
    })
    .await;
    for run in accepted {
        assert_eq!(api.result(&run).await["status"], "failed");
    }
}

pub async fn a_run_is_streamed_revision_by_revision_until_its_end(api: Client) {
    let id = api.save(&read_json(&repository("examples/slow/workflow.json"))).await;
    let run = api.run(&id, &json!({"ms": 300})).await;
    let stream = api.authorized(Method::GET, &format!("/runs/{run}"));
    let mut body = stream.header("accept", "text/event-stream").send().await.unwrap().bytes_stream();
    let mut text = String::new();
    while let Some(chunk) = body.next().await {
        text.push_str(&String::from_utf8_lossy(&chunk.unwrap()));
    }
    let revisions: Vec<u64> =
        text.lines().filter_map(|line| line.strip_prefix("id:")?.trim().parse().ok()).collect();
    assert!(revisions.len() >= 2 && revisions.is_sorted(), "{text}");
    let last = text.lines().filter_map(|line| line.strip_prefix("data:")).next_back().unwrap();
    assert_eq!(serde_json::from_str::<Value>(last).unwrap()["status"], "succeeded");
}

pub async fn many_runs_at_once_all_finish(api: Client) {
    let id = api.save(&read_json(&repository("examples/price-watch/workflow.json"))).await;
    let input = read_json(&repository("examples/price-watch/input.json"));
    let expected = read_json(&repository("examples/price-watch/expected.json"));
    let runs = futures_util::future::join_all((0..20).map(|_| api.run(&id, &input))).await;
    for result in futures_util::future::join_all(runs.iter().map(|run| api.result(run))).await {
        assert_eq!(result["output"], expected, "{result:#}");
    }
}
