//! Request bodies, bounded: each takes its share of the memory as it arrives, and nothing for what it announces.

use axum::body::{Body, BodyDataStream, HttpBody};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, header};
use http_server::{Peer, room::Held};

use super::{Front, Refusal};

/// A body, and its share of the memory for bodies.
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    _room: Held,
}

/// How a body arrives.
pub(super) enum Incoming {
    /// Its length was announced: read whole.
    Whole(Whole),
    /// Nobody knows how long it will be: read as it comes.
    Stream(BodyDataStream, Held),
}

impl Front {
    /// Reads a body of announced length, leaves one of unknown length to be read as a stream.
    pub(super) async fn incoming(&self, peer: &Peer, body: Body) -> Result<Incoming, Refusal> {
        if body.size_hint().exact().is_some() {
            return self.whole(peer, body).await.map(Incoming::Whole);
        }
        // It goes on for as long as its sender wants.
        peer.lift_body_deadlines();
        Ok(Incoming::Stream(body.into_data_stream(), self.hold(peer)))
    }

    /// Reads a body whole, however it arrives.
    pub(super) async fn whole(&self, peer: &Peer, body: Body) -> Result<Whole, Refusal> {
        let limit = self.limits.max_request_bytes;
        let too_large = || Refusal::too_large(format!("the limit max_request_bytes is {limit} bytes"));
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(too_large());
        }
        let mut room = self.hold(peer);
        // Who would find no room is told so before it sends.
        room.check(announced).map_err(Refusal::no_room)?;
        let mut frames = body.into_data_stream();
        let Some(first) = frames.next().await.transpose().map_err(not_read)? else {
            return Ok(Whole { bytes: Bytes::new(), _room: room });
        };
        room.resize(first.len()).map_err(Refusal::no_room)?;
        if first.len() == announced {
            // The usual case: it came in one piece.
            return Ok(Whole { bytes: first, _room: room });
        }
        let mut bytes = BytesMut::with_capacity(announced.min(1 << 20).max(first.len()));
        bytes.extend_from_slice(&first);
        while let Some(frame) = frames.next().await.transpose().map_err(not_read)? {
            if bytes.len() + frame.len() > limit {
                return Err(too_large());
            }
            room.resize(bytes.len() + frame.len()).map_err(Refusal::no_room)?;
            bytes.extend_from_slice(&frame);
        }
        Ok(Whole { bytes: bytes.freeze(), _room: room })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn not_read(error: axum::Error) -> Refusal {
    match http_server::too_slow(&error) {
        Some(slow) => Refusal::too_slow(slow),
        None => Refusal::bad_request(format!("the body broke off: {error}")),
    }
}

/// The media type of the request without its parameters, in lower case.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
