//! A batch on its way in: it takes room as it arrives, and its place among the requests when it is there.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use bytes::BytesMut;
use futures_util::StreamExt;
use http_server::TooSlow;

use super::MAX_BODY_BYTES;
use crate::processor::{Admission, Gate, Refusal, Sender};

/// Why there is no batch.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotRead {
    #[error(transparent)]
    Refused(Refusal),
    #[error("it has more than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    #[error("{0}; send the batch again")]
    TooSlow(TooSlow),
    #[error("the body broke off: {0}; send the batch again")]
    BrokenOff(axum::Error),
}

impl From<Refusal> for NotRead {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Reads a body. Who comes when there is no room, or announces too much, is told so before it is read.
pub(super) async fn read(
    gate: &Arc<Gate>,
    body: Body,
    sender: Sender,
) -> Result<(Bytes, Admission), NotRead> {
    // Of a body of unknown length only what comes is known.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > MAX_BODY_BYTES {
        return Err(NotRead::TooLarge);
    }
    let mut arriving = gate.announce(announced, sender)?;
    let mut frames = body.into_data_stream();
    // Most come in one piece, which is then used as it is.
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|error| match http_server::too_slow(&error) {
            Some(slow) => NotRead::TooSlow(*slow),
            None => NotRead::BrokenOff(error),
        })?;
        if first.len().max(all.len()) + frame.len() > MAX_BODY_BYTES {
            return Err(NotRead::TooLarge);
        }
        arriving.grow(frame.len())?;
        if first.is_empty() {
            first = frame;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&first);
        }
        all.extend_from_slice(&frame);
    }
    let body = if all.is_empty() { first } else { all.freeze() };
    Ok((body, arriving.admit()?))
}
