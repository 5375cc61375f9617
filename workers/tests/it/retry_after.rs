//! A server says when it wants to be called again, and is not called before.

use std::time::Duration;

use domain::{
    retry::Failure,
    run::{RunStatus, StepStatus},
};
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::{
    app::{App, Task, call_workflow, step},
    steps::{failed, run},
};

async fn server(status: u16, headers: &[(&str, &str)]) -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status);
    let answer = headers.iter().fold(answer, |answer, (name, value)| answer.insert_header(*name, *value));
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn every_way_to_say_it_is_understood() {
    let millis = |millis| Some(Duration::from_millis(millis));
    let (hour_ago, date) = ("Sun, 06 Nov 1994 07:49:30 GMT", "date");
    for (status, headers, asked) in [
        (503, vec![("retry-after", "2.5")], millis(2_500)),
        (429, vec![("retry-after", "1e9")], millis(1_000_000_000_000)),
        (429, vec![("retry-after", "99999999999999999999999999")], millis(u64::MAX)),
        (503, vec![(date, hour_ago), ("retry-after", "Sun, 06 Nov 1994 07:49:33 GMT")], millis(3_000)),
        (503, vec![("retry-after-ms", "250")], millis(250)),
        (429, vec![("ratelimit-reset", "7")], millis(7_000)),
        (
            429,
            vec![(date, "Sun, 09 Sep 2001 01:46:30 GMT"), ("x-ratelimit-reset", "1000000000")],
            millis(10_000),
        ),
        (503, vec![("x-ratelimit-reset", "1000000000"), ("x-ratelimit-remaining", "4999")], None),
        (503, vec![("retry-after", "-5")], None),
    ] {
        let server = server(status, &headers).await;
        let failed = failed(run(json!({"url": server.uri()}), json!([{}])).await);
        assert_eq!(failed.failure, Failure::of_status(status, asked).unwrap(), "{headers:?}");
        let told = failed.error.details.unwrap()["retry_after_ms"].as_u64().map(Duration::from_millis);
        assert_eq!(told, asked, "{headers:?}");
    }
}

#[tokio::test]
async fn a_wait_above_the_longest_delay_is_waited_for_and_one_beyond_the_window_is_not_begun() {
    let app = App::start().await;
    let retry = json!({"retry": {"max_attempts": 3, "base": "1ms", "max_delay": "1s"}});

    let later = server(503, &[("retry-after", "3600.5")]).await;
    let task = Task::new(&call_workflow(&[("call", later.uri(), retry.clone())]));
    let run = app.submit(&task).await;
    let found = app
        .until("the wait", run, |found| found.steps.iter().any(|step| step.status == StepStatus::Retrying))
        .await;
    let history = &step(&found, "call").error.as_ref().unwrap().history;
    assert_eq!((history.len(), history[0].delay_ms), (1, Some(3_600_500)));
    assert_eq!(later.received_requests().await.unwrap().len(), 1);

    let never = server(429, &[("retry-after", "99999999999999")]).await;
    let run = app.submit(&Task::new(&call_workflow(&[("call", never.uri(), retry)]))).await;
    let found = app.ended(run).await;
    let error = found.run.error.unwrap();
    assert_eq!((found.run.status, error.code.as_str()), (RunStatus::Failed, "http_status"));
    assert!(error.message.contains("wants no call before 9999-12-31T23:59:59.999Z"), "{}", error.message);
    assert_eq!(error.details.unwrap()["retry_at"], "9999-12-31T23:59:59.999Z");
    assert_eq!(never.received_requests().await.unwrap().len(), 1);
}
