//! What came back.

use std::borrow::Cow;

use bytes::Bytes;
use domain::file::FileRef;
use http::{HeaderMap, StatusCode, header};
use minireipaz::text::{self, Decoded};

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    /// The request that it answers, as errors name it.
    pub(super) to: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Decoded; empty if it is stored.
    pub(super) body: Bytes,
    /// The file that its body is stored as.
    pub(super) file: Option<FileRef>,
}

impl Answer {
    /// Its content type as it came; empty if there is none.
    pub(super) fn content_type(&self) -> Cow<'_, str> {
        self.headers.get(header::CONTENT_TYPE).map_or(Cow::Borrowed(""), |value| value_text(value.as_bytes()))
    }

    /// What tells its body from others.
    pub(super) fn content(&self) -> &[u8] {
        self.file.as_ref().map_or(&*self.body, |file| file.id.as_str().as_bytes())
    }

    /// Its body as text.
    pub(super) fn text(&self) -> Decoded<'_> {
        text::decode(&self.body, text::charset(&self.content_type()))
    }
}

/// A header's value: UTF-8, as most write it, or latin-1, as it was once meant.
pub(super) fn value_text(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(value.iter().copied().map(char::from).collect()),
    }
}
