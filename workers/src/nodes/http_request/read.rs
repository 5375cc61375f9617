//! Reads an answer's body: within the node's time, no slower and no larger than allowed, and decoded.

use bytes::{Bytes, BytesMut};
use domain::{duration::HumanDuration, retry::Failure};
use http::{HeaderMap, header};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::failure::CallFailure;
use crate::http_client::{
    HttpSettings, Pace,
    content_encoding::{self, CannotDecode},
};

/// Encoded bodies above this size are decoded on a thread of their own.
const SOON_DECODED: usize = 64 * 1024;

/// A body as far as it came, and why no further.
pub(super) struct Read {
    pub(super) body: Bytes,
    pub(super) cut: Option<CallFailure>,
}

/// Reads the body of the answer to `what`.
pub(super) async fn body(
    response: &mut Response,
    what: &str,
    settings: &HttpSettings,
    deadline: Instant,
) -> Read {
    let (came, cut) = receive(response, what, settings, deadline).await;
    let encoded = response.headers().contains_key(header::CONTENT_ENCODING);
    match cut {
        // A part of what was encoded shows nothing.
        Some(_) if encoded => Read { body: Bytes::new(), cut },
        Some(_) => Read { body: came, cut },
        None if !encoded => Read { body: came, cut: None },
        None => match decode(response.headers(), came, what, settings.max_response_bytes).await {
            Ok(body) => Read { body, cut: None },
            Err(failed) => Read { body: Bytes::new(), cut: Some(failed) },
        },
    }
}

async fn receive(
    response: &mut Response,
    what: &str,
    settings: &HttpSettings,
    deadline: Instant,
) -> (Bytes, Option<CallFailure>) {
    let most = settings.max_response_bytes;
    let too_large = || {
        let message =
            format!("{what}: the answer is larger than the limit of {most} bytes (max_response_bytes)");
        CallFailure::permanent("response_too_large", message)
    };
    if response.content_length().is_some_and(|length| length > most as u64) {
        return (Bytes::new(), Some(too_large()));
    }
    let mut came = BytesMut::new();
    let mut pace = Pace::new(settings.slowest, Instant::now());
    let cut = loop {
        match timeout_at(deadline.min(pace.until()), response.chunk()).await {
            Ok(Ok(None)) => break None,
            Ok(Ok(Some(chunk))) if came.len() + chunk.len() > most => {
                came.extend_from_slice(&chunk[..most - came.len()]);
                break Some(too_large());
            }
            Ok(Ok(Some(chunk))) => {
                came.extend_from_slice(&chunk);
                pace.came(chunk.len(), Instant::now());
            }
            Ok(Err(error)) => break Some(CallFailure::of_client(what, &error)),
            Err(_) => break Some(late(what, came.len(), settings, deadline)),
        }
    };
    (came.freeze(), cut)
}

pub(super) fn late(what: &str, came: usize, settings: &HttpSettings, deadline: Instant) -> CallFailure {
    let (code, limit) = if Instant::now() >= deadline {
        ("timeout", "the node's time limit".to_owned())
    } else {
        let floor = settings.slowest;
        let within = HumanDuration(floor.within);
        ("response_too_slow", format!("the limit of {} bytes in {within} (slowest)", floor.bytes))
    };
    let message = format!("{what}: the answer came slower than {limit} allows; {came} bytes of it had come");
    CallFailure::new(code, message, Failure::Timeout)
}

async fn decode(headers: &HeaderMap, body: Bytes, what: &str, most: usize) -> Result<Bytes, CallFailure> {
    let decoded = if body.len() <= SOON_DECODED {
        content_encoding::decode(headers, body, most)
    } else {
        let headers = headers.clone();
        let decoding = tokio::task::spawn_blocking(move || content_encoding::decode(&headers, body, most));
        // Only at the runtime's end, unless a decoder panics.
        decoding.await.map_err(|error| {
            CallFailure::new("aborted", format!("{what}: decoding the answer: {error}"), Failure::Connection)
        })?
    };
    decoded.map_err(|error| {
        let code = match error {
            CannotDecode::TooLarge { .. } => "response_too_large",
            CannotDecode::Unknown(_) | CannotDecode::TooMany | CannotDecode::Broken { .. } => {
                "invalid_response"
            }
        };
        CallFailure::permanent(code, format!("{what}: {error}"))
    })
}
