//! Pages of lists.

use axum::extract::FromRequestParts;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::request::Parts;

use std::str::FromStr;

use super::{super::problem::ApiError, query};
use crate::store::{Cursor, PageRequest};
use domain::timestamp::Timestamp;

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// `?limit=&cursor=`.
#[derive(Debug)]
pub struct PageQuery(pub PageRequest);

impl<S: Send + Sync> FromRequestParts<S> for PageQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let expected = "a number from 1 to 200";
        let limit = query::parsed(&parts.uri, "limit", expected)?.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(ApiError::parameter("limit", format!("must be {expected}")));
        }
        let expected = "the `next_cursor` of the page before, as it is";
        let after: Option<CursorText> = query::parsed(&parts.uri, "cursor", expected)?;
        Ok(Self(PageRequest { limit, after: after.map(|CursorText(cursor)| cursor) }))
    }
}

/// A cursor as clients see it: opaque.
#[must_use]
pub fn cursor_text(cursor: &Cursor) -> String {
    let mut bytes = [0u8; 24];
    bytes[..8].copy_from_slice(&cursor.at.as_millis().to_be_bytes());
    bytes[8..].copy_from_slice(cursor.id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Any 24 bytes are one, so that the pattern in the OpenAPI document says all that is asked of it.
struct CursorText(Cursor);

impl FromStr for CursorText {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).map_err(drop)?.try_into().map_err(drop)?;
        let (at, id) = bytes.split_at(8);
        let millis = i64::from_be_bytes(at.try_into().map_err(drop)?);
        // No row is older than 1970 or newer than the year 9999, and stores need not know what lies beyond.
        let at = Timestamp::from_millis(millis.clamp(0, 253_402_300_799_999));
        Ok(Self(Cursor { at, id: uuid::Uuid::from_slice(id).map_err(drop)? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_anything_else_is_none() {
        let cursor = Cursor { at: Timestamp::from_millis(1_763_971_200_123), id: uuid::Uuid::from_u128(77) };
        let read = |text: &str| text.parse().ok().map(|CursorText(cursor)| cursor);
        assert_eq!(read(&cursor_text(&cursor)), Some(cursor));
        for text in ["", "x", "AAAA", "!!!!", &format!("{}A", cursor_text(&cursor))] {
            assert_eq!(read(text), None, "{text}");
        }
        for beyond in [i64::MIN, i64::MAX] {
            let at = Timestamp::from_millis(beyond);
            let read = read(&cursor_text(&Cursor { at, ..cursor })).map(|cursor| cursor.at.as_millis());
            assert_eq!(read, Some(beyond.clamp(0, 253_402_300_799_999)));
        }
    }
}
