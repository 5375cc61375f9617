use std::{future::Future, pin::pin};

use axum::{body::Body, extract::Path};
use futures_util::{FutureExt as _, poll};
use http::{HeaderMap, HeaderValue, header};

use super::*;
use crate::log::stub::StubLog;

fn front() -> State<Arc<Front>> {
    let mut config = BridgeConfig::new("unused");
    // Room for one of the bodies below, not for two.
    config.limits.max_body_bytes = 1_024;
    State(Front::new(&config, Arc::new(StubLog::Stuck), Arc::new(Stats::new()), CancellationToken::new()))
}

fn media_type(of: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(of))])
}

/// The status of a second request while the first waits for the log; `None`: it waits, too.
async fn second<F: Future<Output = Result<Response, Refusal>>>(
    produce: impl Fn(State<Arc<Front>>) -> F,
) -> Option<u16> {
    let front = front();
    let mut first = pin!(produce(State(front.0.clone())));
    assert!(poll!(first.as_mut()).is_pending());
    produce(front).now_or_never().map(|answer| answer.map_or_else(|refusal| refusal.status, |_| 200))
}

#[tokio::test]
async fn a_body_has_its_share_of_the_memory_until_its_records_are_stored() {
    let in_v3 = || Path(("c".to_owned(), "t".to_owned()));
    let record = r#"{"value":{"type":"JSON","data":1}}"#;
    let one = |front| v3::produce(front, in_v3(), media_type("application/json"), Body::from(record));
    assert_eq!(second(one).await, Some(429));
    let entries = r#"{"entries":[{"id":"1","value":{"type":"JSON","data":1}}]}"#;
    let batch =
        |front| v3::produce_batch(front, in_v3(), media_type("application/json"), Body::from(entries));
    assert_eq!(second(batch).await, Some(429));
    let records = r#"{"records":[{"value":1}]}"#;
    let json = || media_type("application/vnd.kafka.json.v2+json");
    let v2 = |front| v2::produce(front, Path("t".to_owned()), json(), Body::from(records));
    assert_eq!(second(v2).await, Some(429));
}
