//! Query parameters.

use std::{borrow::Cow, str::FromStr, time::Duration};

use axum::extract::FromRequestParts;
use http::{HeaderMap, Uri, request::Parts};

use super::{super::problem::ApiError, accept::wants_stream};
use crate::live::LONGEST_WAIT;
use domain::{ids::NodeId, iteration::Iteration};

/// Longest wait of a request: as long as a worker is asked to wait for it.
pub(in crate::http) const MAX_WAIT: Duration = LONGEST_WAIT;

/// The parameter, if it is there. Twice it would mean two things.
pub(super) fn parameter<'u>(uri: &'u Uri, name: &str) -> Result<Option<Cow<'u, str>>, ApiError> {
    let query = uri.query().unwrap_or_default();
    let mut values = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    let (value, another) = (values.next(), values.next());
    if another.is_some() {
        return Err(ApiError::parameter(name, "is given more than once"));
    }
    Ok(value.map(|(_, value)| value))
}

/// The parameter as a `T`, if it is there.
pub(super) fn parsed<T: FromStr>(uri: &Uri, name: &str, expected: &str) -> Result<Option<T>, ApiError> {
    parameter(uri, name)?
        .map(|text| text.parse().map_err(|_| ApiError::parameter(name, format!("must be {expected}"))))
        .transpose()
}

/// `?deep=`: whether a sign of life reaches for the other parts.
#[derive(Debug, Clone, Copy)]
pub struct Deep(pub bool);

impl<S: Send + Sync> FromRequestParts<S> for Deep {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(parsed(&parts.uri, "deep", "true or false")?.unwrap_or_default()))
    }
}

/// What a parameter must be that names one.
pub(super) const AN_ITERATION: &str = "an iteration, such as 2 or 0.3";

/// `?node=&before=`: of which node a reader of a run wants the steps alone, and before which of its iterations.
#[derive(Debug, Clone)]
pub struct OfNode {
    /// The node.
    pub node: Option<NodeId>,
    /// The iteration; only with a node.
    pub before: Option<Iteration>,
}

impl<S: Send + Sync> FromRequestParts<S> for OfNode {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let node = parsed(&parts.uri, "node", "a node's id")?;
        let before = parsed(&parts.uri, "before", AN_ITERATION)?;
        if before.is_some() && node.is_none() {
            return Err(ApiError::parameter("before", "has a meaning only with `node`"));
        }
        Ok(Self { node, before })
    }
}

/// How long a reader of a run waits, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// `?wait=` or `Prefer: wait=`, at most 60 seconds.
    pub wait: Option<Duration>,
    /// `?after=`, or `Last-Event-ID` for a stream.
    pub after: Option<u64>,
    /// Whether the reader wants a stream of events.
    pub stream: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Waiting {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let (uri, headers) = (&parts.uri, &parts.headers);
        let after = match parsed(uri, "after", "a run's revision, such as 7")? {
            Some(revision) => Some(revision),
            None => text(headers, "last-event-id").and_then(|id| id.parse().ok()),
        };
        let wait = wait(parts, MAX_WAIT)?;
        Ok(Self { wait, after, stream: wants_stream(headers) })
    }
}

/// Longest wait of a request that starts something: within what a function may take for one.
const MAX_BRIEF_WAIT: Duration = Duration::from_secs(20);

/// How long who starts a run waits for its end: `?wait=` or `Prefer: wait=`, at most 20 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BriefWait(pub Duration);

impl<S: Send + Sync> FromRequestParts<S> for BriefWait {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(wait(parts, MAX_BRIEF_WAIT)?.unwrap_or_default()))
    }
}

/// The parameter, which is at most `most`, or what is preferred, of which so much is granted.
fn wait(parts: &Parts, most: Duration) -> Result<Option<Duration>, ApiError> {
    let Some(seconds) = parsed::<u64>(&parts.uri, "wait", "a number of seconds, such as 10")? else {
        return Ok(preferred_wait(&parts.headers).map(|seconds| Duration::from_secs(seconds).min(most)));
    };
    let wait = Duration::from_secs(seconds);
    if wait > most {
        return Err(ApiError::parameter("wait", format!("must be at most {} seconds", most.as_secs())));
    }
    Ok(Some(wait))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// `wait=25` among the preferences (RFC 7240); what cannot be read is ignored, as the RFC asks.
fn preferred_wait(headers: &HeaderMap) -> Option<u64> {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    preferences
        .flat_map(|value| value.split([',', ';']))
        .filter_map(|preference| preference.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
        .and_then(|(_, seconds)| seconds.trim().trim_matches('"').parse().ok())
}
