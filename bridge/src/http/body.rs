//! Request bodies, bounded.

use axum::body::{Body, BodyDataStream, HttpBody};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, header};
use tokio::sync::OwnedSemaphorePermit;

use super::{Front, Refusal};

/// A body, and its share of the memory for bodies.
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

/// How a body arrives.
pub(super) enum Incoming {
    /// Its length was announced: read whole.
    Whole(Whole),
    /// Nobody knows how long it will be: read as it comes.
    Stream(BodyDataStream),
}

impl Front {
    /// Reads a body of announced length, leaves one of unknown length to be read as a stream.
    pub(super) async fn incoming(&self, body: Body) -> Result<Incoming, Refusal> {
        match body.size_hint().exact() {
            Some(length) => self.read(body, length).await.map(Incoming::Whole),
            None => Ok(Incoming::Stream(body.into_data_stream())),
        }
    }

    /// Reads a body whole, however it arrives.
    pub(super) async fn whole(&self, body: Body) -> Result<Whole, Refusal> {
        let length = body.size_hint().exact().unwrap_or(self.limits.max_request_bytes as u64);
        self.read(body, length).await
    }

    async fn read(&self, body: Body, length: u64) -> Result<Whole, Refusal> {
        let limit = self.limits.max_request_bytes;
        let too_large = || Refusal::too_large(format!("the limit max_request_bytes is {limit} bytes"));
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > limit {
            return Err(too_large());
        }
        let kibibytes = u32::try_from(length / 1024 + 1).unwrap_or(u32::MAX);
        let Ok(_room) = self.body_room.clone().try_acquire_many_owned(kibibytes) else {
            let limit = self.limits.max_body_bytes;
            let what = format!("request bodies fill the limit max_body_bytes of {limit} bytes; try again");
            return Err(Refusal::new(429, 429, what));
        };
        let mut frames = body.into_data_stream();
        let broken = |error: axum::Error| Refusal::bad_request(format!("the body broke off: {error}"));
        let Some(first) = frames.next().await.transpose().map_err(broken)? else {
            return Ok(Whole { bytes: Bytes::new(), _room });
        };
        if first.len() == length {
            // The usual case: it came in one piece.
            return Ok(Whole { bytes: first, _room });
        }
        let mut bytes = BytesMut::with_capacity(length.min(1 << 20).max(first.len()));
        bytes.extend_from_slice(&first);
        while let Some(frame) = frames.next().await.transpose().map_err(broken)? {
            if bytes.len() + frame.len() > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&frame);
        }
        Ok(Whole { bytes: bytes.freeze(), _room })
    }
}

/// The media type of the request without its parameters, in lower case.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
