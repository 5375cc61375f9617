//! What a frontend is told about a run, and when.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::client::{Client, read_json, repository};

/// Far more than a reply takes, far less than the wait that is asked for.
const SOON: Duration = Duration::from_secs(15);

pub async fn a_run_can_be_read_where_its_reply_says_as_soon_as_it_is_accepted(api: Client) {
    let id = api.save(&read_json(&repository("examples/hello/workflow.json"))).await;
    let accepted = api.post(&format!("/workflows/{id}/runs"), &json!({"input": {"name": "Ada"}})).await;
    assert_eq!((accepted.status, &accepted.body["status"]), (202, &json!("queued")));
    let location = accepted.headers["location"].to_str().unwrap();
    let read = api.get(location.strip_prefix("/api/v1").unwrap()).await;
    assert_eq!((read.status, read.id()), (200, accepted.id()));
    assert_eq!(api.result(&accepted.id()).await["output"]["greet"][0]["greeting"], "Hello, Ada!");
}

pub async fn a_long_poll_is_answered_when_something_changes_and_not_before(api: Client) {
    let id = api.save(&read_json(&repository("examples/slow/workflow.json"))).await;
    let run = api.run(&id, &json!({"ms": 1_500})).await;
    let (began, mut last, mut seen) = (Instant::now(), 0, Vec::new());
    while seen.last().is_none_or(|status| status != "succeeded") {
        let answer = api.get(&format!("/runs/{run}?wait=25&after={last}")).await;
        assert_eq!(answer.status, 200, "{:#}", answer.body);
        let revision = answer.body["revision"].as_u64().unwrap();
        assert!(revision > last, "revision {revision} after {last}");
        last = revision;
        seen.push(answer.body["status"].as_str().unwrap().to_owned());
    }
    assert!(began.elapsed() >= Duration::from_millis(1_400), "it ended before its call had been answered");
    assert!(began.elapsed() < SOON, "the last change was told {:?} after the start", began.elapsed());
    assert!(seen.len() <= 12, "one answer a change: {seen:?}");
}

pub async fn a_long_poll_without_a_change_ends_with_what_is_known(api: Client) {
    let id = api.save(&read_json(&repository("examples/hello/workflow.json"))).await;
    let run = api.run(&id, &json!({"name": "Ada"})).await;
    let revision = api.result(&run).await["revision"].as_u64().unwrap();
    let began = Instant::now();
    let request = api.authorized(Method::GET, &format!("/runs/{run}?after={revision}"));
    let answer = api.send(request.header("prefer", "wait=1")).await;
    assert_eq!((answer.status, answer.body["revision"].as_u64()), (200, Some(revision)));
    // A run that has ended does not change any more: there is nothing to wait for.
    assert!(began.elapsed() < SOON);
}

pub async fn a_reader_never_sees_a_run_go_backwards(api: Client) {
    let id = api.save(&read_json(&repository("examples/slow/workflow.json"))).await;
    let hello = api.save(&read_json(&repository("examples/hello/workflow.json"))).await;
    for ms in [0, 40, 150, 400] {
        let run = api.run(&id, &json!({"ms": ms})).await;
        // Every way to read it in turn; after its end, too, while the store hears of it.
        let (mut seen, mut after_its_end) = (0, 0);
        for query in ["", "?wait=1&after=0", "?wait=0", "?wait=1&after=2"].iter().cycle() {
            let read = api.get(&format!("/runs/{run}{query}")).await;
            assert_eq!(read.status, 200, "{read:?}");
            let revision = read.body["revision"].as_u64().unwrap();
            assert!(revision >= seen, "{revision} after {seen}: {read:?}");
            seen = revision;
            after_its_end += i32::from(read.body["status"] == "succeeded");
            if after_its_end == 50 {
                break;
            }
        }
        // In the same request as its start.
        let started =
            api.post(&format!("/workflows/{hello}/runs?wait=20"), &json!({"input": {"name": "Ada"}})).await;
        assert_eq!((started.status, &started.body["status"]), (202, &json!("succeeded")), "{started:?}");
        assert_eq!(api.get(&format!("/runs/{}", started.id())).await.body, started.body);
    }
}
