//! Pages of lists.

use axum::extract::FromRequestParts;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::request::Parts;

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
        let after = query::parameter(&parts.uri, "cursor")
            .map(|text| {
                read(&text).ok_or_else(|| {
                    ApiError::parameter(
                        "cursor",
                        "is not one; use the `next_cursor` of the page before as it is",
                    )
                })
            })
            .transpose()?;
        Ok(Self(PageRequest { limit, after }))
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

fn read(text: &str) -> Option<Cursor> {
    let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let (at, id) = bytes.split_at(8);
    let millis = i64::from_be_bytes(at.try_into().ok()?);
    // No row is older than 1970 or newer than the year 9999, and stores need not know what lies beyond.
    (0..253_402_300_800_000).contains(&millis).then_some(())?;
    Some(Cursor { at: Timestamp::from_millis(millis), id: uuid::Uuid::from_slice(id).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_anything_else_is_none() {
        let cursor = Cursor { at: Timestamp::from_millis(1_763_971_200_123), id: uuid::Uuid::from_u128(77) };
        assert_eq!(read(&cursor_text(&cursor)), Some(cursor));
        let beyond = cursor_text(&Cursor { at: Timestamp::from_millis(i64::MAX), id: uuid::Uuid::nil() });
        for text in [&beyond, "", "x", "AAAA", "!!!!", &format!("{}A", cursor_text(&cursor))] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
