use std::{future::Future, pin::pin};

use axum::{body::Body, extract::Path};
use futures_util::{FutureExt as _, poll};
use http::{HeaderMap, HeaderValue, header};

use super::*;
use crate::log::stub::StubLog;

fn front(max_body_bytes: usize) -> State<Arc<Front>> {
    let mut config = BridgeConfig::new("unused");
    config.limits.max_body_bytes = max_body_bytes;
    State(Front::new(&config, Arc::new(StubLog::Stuck), Arc::new(Stats::new()), CancellationToken::new()))
}

fn media_type(of: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(of))])
}

/// The status of a second request with that body while the first waits for the log, when there is room for one of
/// them; `None`: it waits, too.
async fn second<F: Future<Output = Result<Response, Refusal>>>(
    body: &'static str,
    produce: impl Fn(State<Arc<Front>>, Body) -> F,
) -> Option<u16> {
    let front = front(body.len());
    let mut first = pin!(produce(State(front.0.clone()), Body::from(body)));
    assert!(poll!(first.as_mut()).is_pending());
    produce(front, Body::from(body))
        .now_or_never()
        .map(|answer| answer.map_or_else(|refusal| refusal.status, |_| 200))
}

#[tokio::test]
async fn a_body_has_its_share_of_the_memory_until_its_records_are_stored() {
    let in_v3 = || Path(("c".to_owned(), "t".to_owned()));
    let json = || media_type("application/json");
    let record = r#"{"value":{"type":"JSON","data":1}}"#;
    let one = |front, body| v3::produce(front, in_v3(), Peer::nobody(), json(), body);
    assert_eq!(second(record, one).await, Some(429));
    let entries = r#"{"entries":[{"id":"1","value":{"type":"JSON","data":1}}]}"#;
    let batch = |front, body| v3::produce_batch(front, in_v3(), Peer::nobody(), json(), body);
    assert_eq!(second(entries, batch).await, Some(429));
    let records = r#"{"records":[{"value":1}]}"#;
    let json = || media_type("application/vnd.kafka.json.v2+json");
    let v2 = |front, body| v2::produce(front, Path("t".to_owned()), Peer::nobody(), json(), body);
    assert_eq!(second(records, v2).await, Some(429));
}
