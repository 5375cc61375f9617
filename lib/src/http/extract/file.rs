//! What is asked of a file.

use std::ops::Range;

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};

use super::{
    super::problem::ApiError,
    query::{parameter, parsed},
};
use domain::file::{FileId, FileRef, safe_name};

/// `?file=&name=&type=`: a file, as an item's reference says it.
#[derive(Debug, Clone)]
pub struct OfFile {
    /// Which.
    pub id: FileId,
    /// What it is to be called.
    pub name: String,
    /// Of what type it is said to be.
    pub media_type: String,
}

impl<S: Send + Sync> FromRequestParts<S> for OfFile {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let uri = &parts.uri;
        let id = parsed(uri, "file", "a file's id: 64 hexadecimal digits in small letters")?;
        let name = parameter(uri, "name")?.and_then(|name| safe_name(&name));
        let media_type = parameter(uri, "type")?.filter(|text| is_media_type(text));
        Ok(Self {
            id: id
                .ok_or_else(|| ApiError::parameter("file", "is missing: it is the reference's `$file.id`"))?,
            name: name.unwrap_or_else(|| FileRef::NO_NAME.to_owned()),
            media_type: media_type.map_or_else(|| FileRef::NO_TYPE.to_owned(), |text| text.into_owned()),
        })
    }
}

/// `type/subtype`, and what may follow.
fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_header = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    is_header && essence.split_once('/').is_some_and(|(kind, sub)| is_token(kind) && is_token(sub))
}

/// A header `Range` of one range of bytes. What is none, or several, is as if it were not there (RFC 9110, 14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange(Option<Asked>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// From a byte to another, the last one among them.
    From(u64, Option<u64>),
    /// The last so many.
    Last(u64),
}

impl<S: Send + Sync> FromRequestParts<S> for ByteRange {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self::read(&parts.headers))
    }
}

impl ByteRange {
    fn read(headers: &HeaderMap) -> Self {
        // A file's id is its ETag, so what is asked for by one that is another's is asked for as a whole.
        let text = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
        Self(text.and_then(asked))
    }

    /// Without it, unless `If-Range` names this `ETag`.
    #[must_use]
    pub fn if_is(self, headers: &HeaderMap, etag: &str) -> Self {
        let is_other = headers.get(header::IF_RANGE).is_some_and(|value| value.as_bytes() != etag.as_bytes());
        if is_other { Self(None) } else { self }
    }

    /// Which bytes of so many. `Ok(None)`: all of them.
    ///
    /// # Errors
    /// When there are none in the range.
    pub fn of(self, size: u64) -> Result<Option<Range<u64>>, files::FilesError> {
        let range = match self.0 {
            None => return Ok(None),
            Some(Asked::From(first, last)) => {
                first..last.map_or(size, |last| last.saturating_add(1).min(size))
            }
            Some(Asked::Last(count)) => size.saturating_sub(count)..size,
        };
        if range.is_empty() { Err(files::FilesError::NoRange { size }) } else { Ok(Some(range)) }
    }
}

fn asked(text: &str) -> Option<Asked> {
    let (unit, range) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", last) => Some(Asked::Last(last.parse().ok()?)),
        (first, "") => Some(Asked::From(first.parse().ok()?, None)),
        (first, last) => {
            let (first, last) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then_some(Asked::From(first, Some(last)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str, size: u64) -> Result<Option<Range<u64>>, u64> {
        ByteRange(asked(text)).of(size).map_err(|_| size)
    }

    #[test]
    fn ranges_are_read_as_http_has_them() {
        for (text, found) in [
            ("bytes=0-0", Ok(Some(0..1))),
            ("bytes=2-", Ok(Some(2..10))),
            ("bytes=2-99", Ok(Some(2..10))),
            ("bytes=-3", Ok(Some(7..10))),
            ("bytes=-99", Ok(Some(0..10))),
            ("bytes=10-", Err(10)),
            ("bytes=-0", Err(10)),
            ("bytes=5-4", Ok(None)),
            ("bytes=0-1,3-4", Ok(None)),
            ("items=0-1", Ok(None)),
            ("bytes=a-b", Ok(None)),
        ] {
            assert_eq!(range(text, 10), found, "{text}");
        }
        assert_eq!(range("bytes=0-", 0), Err(0));
    }

    #[test]
    fn a_type_that_is_none_is_not_told() {
        for (text, is) in [
            ("text/csv; charset=utf-8", true),
            ("image/svg+xml", true),
            ("text", false),
            ("text/a\r\nX: 1", false),
            ("a b/c", false),
        ] {
            assert_eq!(is_media_type(text), is, "{text:?}");
        }
    }
}
