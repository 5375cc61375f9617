//! What came back.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Decompressed.
    pub(super) body: Bytes,
}
