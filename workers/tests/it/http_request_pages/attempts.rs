//! What an attempt keeps of the pages for the next one.

use std::time::Duration;

use super::*;

/// A server of five pages that answers each page's first call so.
async fn once(page: usize, reply: impl Fn() -> Reply + Send + Sync + 'static) -> RawServer {
    let calls = std::sync::Mutex::new(std::collections::HashSet::new());
    RawServer::start(move |came| -> Reply {
        let here = number(came, "page");
        let is_new = calls.lock().unwrap().insert((here, came.header("idempotency-key").unwrap().to_owned()));
        if here == page && is_new {
            return reply();
        }
        let rows = if here < 5 { json!([here]) } else { json!([]) };
        ok(&rows).into()
    })
    .await
}

fn five_pages(server: &RawServer, more: Value) -> Value {
    let mut pagination = json!({"query": {"page": "{{ $pageCount }}"}, "until": "empty"});
    pagination.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    paged(&format!("{}/?page=0", server.url()), pagination)
}

fn all_five() -> Value {
    (0..5).map(|n| json!({ "data": n })).collect()
}

/// The attempt that follows.
fn next(mut attempt: Attempt, failed: StepFailure) -> Attempt {
    attempt.task.kept = failed.partial.map(Arc::new);
    attempt.task.attempt += 1;
    attempt
}

#[tokio::test]
async fn the_next_attempt_goes_on_behind_the_pages_that_came_with_the_same_key() {
    let server = once(3, || json_of(429, "retry-after: 7\r\n", &json!({})).into()).await;
    let attempt = call(five_pages(&server, json!({})), json!({}), json!([{}]));
    let first = failed(runner().run(attempt.clone()).await);
    assert_eq!(first.failure, Failure::RateLimited { retry_after: Some(Duration::from_secs(7)) });
    assert!(first.error.message.starts_with("page 4: GET"), "{}", first.error.message);
    let before = server.take();
    assert_eq!(before.len(), 4);

    assert_eq!(succeeded(runner().run(next(attempt, first)).await), all_five());
    let after = server.take();
    let keys = |came: &[Came]| -> Vec<String> {
        came.iter()
            .map(|came| came.header("idempotency-key").unwrap().rsplit_once(':').unwrap().1.to_owned())
            .collect()
    };
    assert_eq!(keys(&after), ["page-4", "page-5", "page-6"]);
    assert_eq!(keys(&before)[3], "page-4");
}

#[tokio::test]
async fn a_page_that_does_not_come_in_time_leaves_the_others_there() {
    let hanging = || Reply::Hanging(b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n\r\n[".to_vec());
    let server = once(2, hanging).await;
    let attempt = call(five_pages(&server, json!({})), json!({"timeout": "2s"}), json!([{}]));
    let first = failed(runner().run(attempt.clone()).await);
    assert_eq!((first.error.code.as_str(), first.failure), ("timeout", Failure::Timeout));
    assert!(first.error.message.starts_with("page 3: GET"), "{}", first.error.message);
    assert_eq!(first.partial.as_ref().unwrap()["pages"]["0"]["pages"], 2);
    assert_eq!(succeeded(runner().run(next(attempt, first)).await), all_five());
}

#[tokio::test]
async fn a_pause_that_does_not_fit_into_the_attempt_is_made_between_two() {
    let server = once(9, || unreachable!("there is no such page")).await;
    let params = five_pages(&server, json!({"pause": "1h"}));
    let mut attempt = call(params, json!({"timeout": "1m"}), json!([{}]));
    for pages in 1..6 {
        let failed = failed(runner().run(attempt.clone()).await);
        assert_eq!(failed.failure, Failure::RateLimited { retry_after: Some(Duration::from_secs(3_600)) });
        assert!(
            failed.error.message.contains("1h would end behind the node's time limit of 1m"),
            "{failed:?}"
        );
        assert_eq!(failed.partial.as_ref().unwrap()["pages"]["0"]["pages"], pages);
        assert_eq!(server.take().len(), 1);
        attempt = next(attempt, failed);
    }
    assert_eq!(succeeded(runner().run(attempt).await), all_five());
}

#[tokio::test]
async fn pages_are_as_far_apart_as_the_pause() {
    let calls = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    let server = RawServer::start(move |came| {
        seen.lock().unwrap().push(std::time::Instant::now());
        ok(&json!([number(came, "page")]))
    })
    .await;
    let pagination = json!({"query": {"page": "{{ $pageCount }}"}, "max_pages": 3, "pause": "40ms"});
    succeeded(run(paged(server.url(), pagination), json!([{}])).await);
    let calls = calls.lock().unwrap();
    assert_eq!(calls.len(), 3);
    assert!(calls.windows(2).all(|two| two[1] - two[0] >= Duration::from_millis(40)), "{calls:?}");
}

#[tokio::test]
async fn other_items_that_are_done_stay_done_while_pages_are_tried_again() {
    let server = once(1, || json_of(503, "", &json!({})).into()).await;
    let mut params = five_pages(&server, json!({}));
    params["url"] = json!(format!("{}/?page={{{{ $json.from }}}}", server.url()));
    let attempt = call(params, json!({}), json!([{"from": 0}, {"from": 5}]));
    let first = failed(runner().run(attempt.clone()).await);
    assert_eq!(first.partial.as_ref().unwrap()["items"], json!({"1": {"done": []}}));
    server.take();
    assert_eq!(succeeded(runner().run(next(attempt, first)).await), all_five());
    assert!(
        server.take().iter().all(|came| came.header("idempotency-key").unwrap().contains(":call:0:page-"))
    );
}
