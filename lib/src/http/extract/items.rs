//! Which items of a run are asked for.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::{
    super::problem::ApiError,
    query::{AN_ITERATION, parsed},
};
use crate::live::{ItemsAsk, MOST_ITEMS};

const DEFAULT_LIMIT: usize = 100;

/// `?node=&iteration=&port=&side=&offset=&limit=`.
#[derive(Debug)]
pub struct ItemsQuery(pub ItemsAsk);

impl<S: Send + Sync> FromRequestParts<S> for ItemsQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let uri = &parts.uri;
        let node = parsed(uri, "node", "a node's id")?;
        let node = node.ok_or_else(|| ApiError::parameter("node", "is required: a node's id"))?;
        let expected = "a number from 1 to 1,000";
        let limit = parsed(uri, "limit", expected)?.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MOST_ITEMS).contains(&limit) {
            return Err(ApiError::parameter("limit", format!("must be {expected}")));
        }
        let offset: Option<u32> = parsed(uri, "offset", "a number from 0")?;
        Ok(Self(ItemsAsk {
            node,
            iteration: parsed(uri, "iteration", AN_ITERATION)?,
            port: parsed(uri, "port", "a port's name")?,
            side: parsed(uri, "side", "`in` or `out`")?.unwrap_or_default(),
            offset: offset.and_then(|offset| usize::try_from(offset).ok()).unwrap_or_default(),
            limit,
        }))
    }
}
