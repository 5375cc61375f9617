//! Against a proxy on a real socket whose answers each test scripts.

mod proxy;

use std::time::{Duration, Instant};

use axum::{http::StatusCode, response::IntoResponse};
use futures_util::future::join_all;
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::bus::{ApiKey, ProduceApi};
use domain::{
    event::{Payload, TaskExecute, WorkflowDeleted},
    ids::{RunId, TenantId, WorkflowId},
    json_text::JsonText,
    run::Trigger,
    timestamp::Timestamp,
    workflow::DocumentText,
};
use proxy::{Got, Proxy, attempts, stored};

fn event(id: &str) -> Event {
    let deleted = WorkflowDeleted {
        workflow_id: WorkflowId::at(Timestamp::from_millis(5), 2),
        version: 2,
        created_at: Timestamp::from_millis(1),
        deleted_at: Timestamp::from_millis(2),
    };
    Event {
        id: id.into(),
        time: Timestamp::from_millis(3),
        tenant: TenantId::parse("acme").unwrap(),
        traceparent: None,
        payload: Payload::WorkflowDeleted(deleted),
    }
}

fn events(count: usize) -> Vec<Event> {
    (0..count).map(|n| event(&format!("e{n}"))).collect()
}

fn code(code: i64, message: &str) -> String {
    json!({"error_code": code, "message": message}).to_string()
}

const OK: &str = r#"{"error_code":200,"offset":1}"#;

#[tokio::test]
async fn records_have_the_forms_and_paths_of_v3() {
    let proxy = Proxy::start().await;
    let mut config = proxy.config();
    config.url = proxy.url.join("/kafka").unwrap();
    config.credentials = Some(ApiKey { key: "key".into(), secret: "secret".into() });
    RestProxy::new(config).publish(&events(2)).await.unwrap();

    let got = &proxy.got()[0];
    assert_eq!(got.path, "/kafka/v3/clusters/lkc-1/topics/workflows/records");
    assert_eq!(got.authorization, "Basic a2V5OnNlY3JldA==");
    assert_eq!(got.content_type, "application/json");
    let record: Value = serde_json::from_str(got.body.lines().next().unwrap()).unwrap();
    assert_eq!(record["key"], json!({"type": "STRING", "data": record["value"]["data"]["subject"]}));
    assert_eq!(record["value"]["type"], "JSON");
    assert_eq!(record["value"]["data"]["type"], "io.minireipaz.workflow.deleted.v1");
    assert_eq!(got.ids(), ["e0", "e1"]);
}

#[tokio::test]
async fn the_cluster_id_is_asked_for_once_when_it_is_not_set() {
    let proxy = Proxy::start().await;
    let bus = RestProxy::new(BusConfig { cluster_id: None, ..proxy.config() });
    bus.publish(&events(1)).await.unwrap();
    bus.publish(&events(1)).await.unwrap();
    let paths: Vec<_> = proxy.got().into_iter().map(|got| got.path).collect();
    let records = "/v3/clusters/lkc-1/topics/workflows/records";
    assert_eq!(paths, ["/v3/clusters", records, records]);
}

#[tokio::test]
async fn records_have_the_forms_and_paths_of_v2_and_failed_ones_are_sent_again() {
    let proxy = Proxy::start().await;
    let bus = RestProxy::new(BusConfig { api: ProduceApi::V2, ..proxy.config() });
    proxy.then(|_| {
        let offsets = json!({"offsets": [
            {"partition": 0, "offset": 4, "error_code": null, "error": null},
            {"partition": null, "offset": null, "error_code": 50003, "error": "try later"},
        ]});
        offsets.to_string().into_response()
    });
    bus.publish(&events(2)).await.unwrap();
    let got = proxy.got();
    assert_eq!(got[0].path, "/topics/workflows");
    assert_eq!(got[0].content_type, "application/vnd.kafka.json.v2+json");
    assert_eq!([got[0].ids(), got[1].ids()], [vec!["e0", "e1"], vec!["e1"]]);
}

#[tokio::test]
async fn strimzis_short_reports_are_taken_record_by_record() {
    let proxy = Proxy::start().await;
    let bus = RestProxy::new(BusConfig { api: ProduceApi::V2, ..proxy.config() });
    proxy.then(|_| {
        let offsets = json!({"offsets": [
            {"partition": 0, "offset": 4}, {"error_code": 500, "message": "later"}, {"partition": 1, "offset": 0},
        ]});
        offsets.to_string().into_response()
    });
    bus.publish(&events(3)).await.unwrap();
    let ids: Vec<_> = proxy.got().iter().map(Got::ids).collect();
    assert_eq!(ids, [vec!["e0", "e1", "e2"], vec!["e1"]]);
}

#[tokio::test]
async fn only_the_records_that_failed_are_sent_again() {
    let proxy = Proxy::start().await;
    proxy.then(|_| {
        [OK, &code(40404, "no leader"), OK, &code(429, "Request rate limit exceeded")]
            .concat()
            .into_response()
    });
    proxy.bus().publish(&events(4)).await.unwrap();
    let ids: Vec<_> = proxy.got().iter().map(Got::ids).collect();
    assert_eq!(ids, [vec!["e0", "e1", "e2", "e3"], vec!["e1", "e3"]]);
}

#[tokio::test]
async fn records_without_a_report_are_sent_again() {
    let proxy = Proxy::start().await;
    proxy.then(|_| [OK, r#"{"error_co"#].concat().into_response()).then(|_| "".into_response());
    proxy.bus().publish(&events(3)).await.unwrap();
    let ids: Vec<_> = proxy.got().iter().map(Got::ids).collect();
    assert_eq!(ids, [vec!["e0", "e1", "e2"], vec!["e1", "e2"], vec!["e1", "e2"]]);
}

#[tokio::test]
async fn a_record_that_is_refused_in_a_200_fails_its_publish_and_no_other() {
    let proxy = Proxy::start().await;
    proxy.then(|got| {
        assert_eq!(got.ids(), ["bad", "good"]);
        [&code(400, "Bad Request: no"), OK].concat().into_response()
    });
    let bus = proxy.bus();
    let publish = async |id: &str| bus.publish(&[event(id)]).await;
    let (bad, good) = tokio::join!(publish("bad"), publish("good"));
    let refused = BusError::Refused { topic: Topic::Workflows, code: 400, message: "Bad Request: no".into() };
    assert_eq!((bad, good), (Err(refused), Ok(())));
    assert_eq!(proxy.got().len(), 1);
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_as_long_as_it_says_even_when_html_says_it() {
    let proxy = Proxy::start().await;
    let limited = |_: &Got| {
        (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], "<h1>Slow down</h1>").into_response()
    };
    proxy.then(limited);
    let started = Instant::now();
    proxy.bus().publish(&events(1)).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(proxy.got().len(), 2);

    let mut config = proxy.config();
    config.retry = attempts(1);
    proxy.then(limited);
    let error = RestProxy::new(config).publish(&events(1)).await.unwrap_err();
    let BusError::Unavailable { reason, retry_after } = error else { panic!("{error}") };
    assert_eq!(retry_after, Some(Duration::from_secs(1)));
    assert!(reason.contains("Slow down"), "{reason}");
}

#[tokio::test]
async fn refusals_are_final_and_say_why() {
    for (status, body, message) in [
        (401, code(40101, "Authentication failed"), "Authentication failed"),
        (404, code(404, "Cluster lkc-1 cannot be found."), "Cluster lkc-1 cannot be found."),
        (403, "<html>no entry</html>".to_owned(), "no entry"),
        (307, String::new(), ""),
    ] {
        let proxy = Proxy::start().await;
        proxy.then(move |_| (StatusCode::from_u16(status).unwrap(), body).into_response());
        let error = proxy.bus().publish(&events(1)).await.unwrap_err();
        assert_eq!(error, BusError::Denied { status, message: message.into() });
        assert_eq!(proxy.got().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn an_error_says_nothing_of_our_credentials_however_they_are_repeated() {
    let key = || ApiKey { key: "our-key".into(), secret: "hush-hush/1+2".to_owned().into() };
    let answers: [fn(&Got) -> String; 2] = [
        |got| code(40101, &format!("{} hush-hush\\/1+2 hush-hush%2F1%2B2", got.authorization)),
        |got| format!("<p>{} {} hush-hush/1+2</p>", "x".repeat(185), got.authorization),
    ];
    for answer in answers {
        let proxy = Proxy::start().await;
        proxy.then(move |got| (StatusCode::UNAUTHORIZED, answer(got)).into_response());
        let config = BusConfig { credentials: Some(key()), ..proxy.config() };
        let error = RestProxy::new(config).publish(&events(1)).await.unwrap_err().to_string();
        assert!(error.contains("[redacted]"), "{error}");
        let encoded = proxy.got()[0].authorization.trim_start_matches("Basic ").to_owned();
        for secret in ["hush", &encoded, &encoded[..6]] {
            assert!(!error.contains(secret), "{secret}: {error}");
        }
    }
}

#[tokio::test]
async fn a_request_that_is_too_large_is_halved_until_only_the_record_that_is_too_large_is_refused() {
    let proxy = Proxy::start().await;
    for _ in 0..8 {
        proxy.then(|got| {
            if got.ids().contains(&"e2".to_owned()) {
                (StatusCode::PAYLOAD_TOO_LARGE, code(413, "too large")).into_response()
            } else {
                stored(got)
            }
        });
    }
    let error = proxy.bus().publish(&events(4)).await.unwrap_err();
    assert!(matches!(error, BusError::Refused { code: 413, .. }), "{error}");
    let sizes: Vec<_> = proxy.got().iter().map(|got| got.ids().len()).collect();
    assert_eq!(sizes, [4, 2, 2, 1, 1]);
}

#[tokio::test]
async fn cut_connections_are_tried_again_at_once_and_end_with_the_history() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let cutting = async {
        for _ in 0..3 {
            drop(listener.accept().await.unwrap());
        }
    };
    let mut config = BusConfig { cluster_id: Some("c".into()), ..BusConfig::at(url) };
    config.retry = attempts(3);
    let bus = RestProxy::new(config);
    let (_, result) = tokio::join!(cutting, async { bus.publish(&[event("a")]).await });
    let BusError::Unavailable { reason, .. } = result.unwrap_err() else { panic!("not unavailable") };
    assert!(reason.contains("after 3 attempt(s)") && reason.contains("attempt 2 (connection"), "{reason}");
}

#[tokio::test]
async fn a_proxy_that_does_not_answer_is_given_up_in_time() {
    let proxy = Proxy::start().await;
    proxy.slow_by(Duration::from_secs(600));
    let mut config = proxy.config();
    config.attempt_timeout = Duration::from_millis(500);
    config.retry = attempts(2);
    let error = RestProxy::new(config).publish(&events(1)).await.unwrap_err();
    assert!(error.to_string().contains("no answer within 500 ms"), "{error}");
    assert_eq!(proxy.got().len(), 2);
}

#[tokio::test]
async fn publishes_that_meet_share_requests() {
    let proxy = Proxy::start().await;
    proxy.slow_by(Duration::from_millis(20));
    let bus = proxy.bus();
    let ids: Vec<_> = (0..64).map(|n| format!("e{n}")).collect();
    let results = join_all(ids.iter().map(|id| async { bus.publish(&[event(id)]).await })).await;
    assert!(results.into_iter().all(|result| result.is_ok()));
    let sizes: Vec<_> = proxy.got().iter().map(|got| got.ids().len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 64);
    assert!(sizes.len() <= 3, "{sizes:?}");
}

#[tokio::test]
async fn a_large_publish_is_cut_into_requests_of_bounded_size_in_order() {
    let proxy = Proxy::start().await;
    let events = events(1_201);
    proxy.bus().publish(&events).await.unwrap();
    let got = proxy.got();
    assert_eq!(got.iter().map(|got| got.ids().len()).collect::<Vec<_>>(), [500, 500, 201]);
    let ids: Vec<_> = got.iter().flat_map(Got::ids).collect();
    assert_eq!(ids, events.iter().map(|event| event.id.clone()).collect::<Vec<_>>());

    let sizes: Vec<Vec<usize>> =
        split(vec![vec![0; 3_000_000], vec![0; 2_000_000], vec![0; 9_000_000], vec![0; 1]])
            .iter()
            .map(|request| request.iter().map(Vec::len).collect())
            .collect();
    assert_eq!(sizes, [vec![3_000_000], vec![2_000_000], vec![9_000_000], vec![1]]);
}

#[tokio::test]
async fn each_event_goes_to_its_topic_and_nothing_goes_for_no_events() {
    let proxy = Proxy::start().await;
    let task = TaskExecute {
        run_id: RunId::at(Timestamp::from_millis(5), 1),
        attempt: 1,
        workflow_id: WorkflowId::at(Timestamp::from_millis(5), 2),
        workflow_version: 1,
        document: DocumentText::parse("{\"name\":\"x\",\n\"nodes\":[]}".into()).unwrap(),
        trigger: Trigger::manual(),
        input: JsonText::of(&json!({"a": "line\nbreak"})).unwrap(),
        plan: None,
        created_at: Timestamp::from_millis(5),
    };
    let task = Event { payload: Payload::TaskExecute(Box::new(task)), ..event("t") };
    let bus = proxy.bus();
    bus.publish(&[]).await.unwrap();
    bus.publish(&[event("a"), task]).await.unwrap();
    let mut got: Vec<_> = proxy.got().iter().map(|got| (got.path.clone(), got.ids().concat())).collect();
    got.sort();
    let path = |topic| format!("/v3/clusters/lkc-1/topics/{topic}/records");
    assert_eq!(got, [(path("tasks"), "t".to_owned()), (path("workflows"), "a".to_owned())]);
}

#[tokio::test]
async fn a_ping_tells_whether_the_proxy_answers() {
    let proxy = Proxy::start().await;
    let bus = proxy.bus();
    bus.ping().await.unwrap();
    let down = |_: &Got| (StatusCode::UNAUTHORIZED, "who?").into_response();
    proxy.then(down);
    assert_eq!(bus.ping().await, Err(BusError::Denied { status: 401, message: "who?".into() }));
}
