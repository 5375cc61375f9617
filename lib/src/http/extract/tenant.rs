//! What the views of a tenant are asked with.

use std::{str::FromStr, time::Duration};

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::{StatusCode, request::Parts};
use serde_json::Value;

use super::{
    super::problem::ApiError,
    body::JsonBytes,
    document, invalid,
    query::parsed,
    shape::{self, Fields, Shape},
};
use crate::service::StatsWindow;
use domain::{
    ids::{AlertId, LetterId, WorkflowId},
    stats::Bucket,
    timestamp::Timestamp,
    violation::{ViolationCode, Violations},
};

/// The window without any parameter.
const HOURS: u32 = 24;
/// The largest: so long hours are kept.
const MOST_HOURS: u32 = 400 * 24;

/// `?workflow_id=&hours=&from=&to=&bucket=`.
#[derive(Debug)]
pub struct WindowQuery {
    workflow: Option<WorkflowId>,
    hours: Option<u32>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    bucket: Option<Bucket>,
}

impl<S: Send + Sync> FromRequestParts<S> for WindowQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let uri = &parts.uri;
        let moment = "a moment, such as 2026-11-30T10:00:00Z";
        let hours = parsed(uri, "hours", "a number of hours, from 1 to 9600")?;
        if hours.is_some_and(|hours| !(1..=MOST_HOURS).contains(&hours)) {
            return Err(ApiError::parameter("hours", format!("must be from 1 to {MOST_HOURS}")));
        }
        let from = parsed(uri, "from", moment)?;
        if from.is_some() && hours.is_some() {
            return Err(ApiError::parameter("hours", "excludes `from`; send one of them"));
        }
        let bucket: Option<BucketText> = parsed(uri, "bucket", "`hour` or `day`")?;
        Ok(Self {
            workflow: parsed(uri, "workflow_id", "a workflow's id")?,
            hours,
            from,
            to: parsed(uri, "to", moment)?,
            bucket: bucket.map(|BucketText(bucket)| bucket),
        })
    }
}

impl WindowQuery {
    /// The window that is meant at `now`.
    ///
    /// # Errors
    /// When it ends before it begins, or is too long.
    pub fn at(self, now: Timestamp) -> Result<StatsWindow, ApiError> {
        let Self { workflow, hours, from, to, bucket } = self;
        // Of the hour that goes on, all that there will be.
        let to = to.unwrap_or_else(|| Timestamp::from_millis(now.as_millis() + 1));
        let first = |hours: u32| {
            let last = Bucket::Hour.start(Timestamp::from_millis(to.as_millis() - 1));
            last.minus(Duration::from_hours(u64::from(hours.saturating_sub(1))))
        };
        let from = from.unwrap_or_else(|| first(hours.unwrap_or(HOURS)));
        let longest = Duration::from_hours(u64::from(MOST_HOURS));
        if from >= to || to.since(from) > longest {
            let why = format!("must be after `from`, by at most {MOST_HOURS} hours");
            return Err(ApiError::parameter("to", why));
        }
        Ok(StatsWindow { workflow, from, to, bucket })
    }
}

struct BucketText(Bucket);

impl FromStr for BucketText {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "hour" => Ok(Self(Bucket::Hour)),
            "day" => Ok(Self(Bucket::Day)),
            _ => Err(()),
        }
    }
}

/// `?state=`: which alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum AlertState {
    /// Those that go on.
    Open,
    /// Those that are over, too.
    All,
}

impl FromStr for AlertState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "open" => Ok(Self::Open),
            "all" => Ok(Self::All),
            _ => Err(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AlertState {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(parsed(&parts.uri, "state", "`open` or `all`")?.unwrap_or(Self::Open))
    }
}

/// `?id=`: which dead letter.
#[derive(Debug, Clone, Copy)]
pub struct LetterQuery(pub LetterId);

impl<S: Send + Sync> FromRequestParts<S> for LetterQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let expected = "a dead letter's id";
        let id = parsed(&parts.uri, "id", expected)?;
        id.map(Self).ok_or_else(|| ApiError::parameter("id", format!("is required: {expected}")))
    }
}

/// An alert is acknowledged: `{"id": …}`.
#[derive(Debug, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeBody {
    /// Which alert.
    pub id: AlertId,
}

impl<S: Send + Sync> FromRequest<S> for AcknowledgeBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let JsonBytes(bytes) = JsonBytes::from_request(request, state).await?;
        if bytes.is_empty() {
            let detail = "send which alert as JSON: {\"id\": …}";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", detail));
        }
        shape::read(document::json(&bytes)?)
            .map_err(|violations| invalid("the body", "invalid_body", violations))
    }
}

impl Shape for AcknowledgeBody {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let id = fields.required("id");
        fields.nothing_else("known is: id")?;
        Some(Self { id: id? })
    }
}

impl Shape for AlertId {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let text = String::read(value, at, misfits)?;
        let id = text.parse();
        id.map_err(|_| misfits.add(at, ViolationCode::InvalidValue, "an alert's id is a UUID")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(hours: Option<u32>, from: Option<&str>, to: Option<&str>) -> Option<(String, String)> {
        let moment = |text: &str| text.parse().unwrap();
        let query =
            WindowQuery { workflow: None, hours, from: from.map(moment), to: to.map(moment), bucket: None };
        let window = query.at("2026-11-30T10:20:00Z".parse().unwrap()).ok()?;
        Some((window.from.to_string(), window.to.to_string()))
    }

    #[test]
    fn a_window_of_hours_ends_with_the_one_that_goes_on() {
        let (from, to) = window(Some(1), None, None).unwrap();
        assert_eq!((from.as_str(), to.as_str()), ("2026-11-30T10:00:00.000Z", "2026-11-30T10:20:00.001Z"));
        assert_eq!(window(None, None, None).unwrap().0, "2026-11-29T11:00:00.000Z");
        let until_ten = window(Some(2), None, Some("2026-11-30T10:00:00Z")).unwrap();
        assert_eq!(until_ten.0, "2026-11-30T08:00:00.000Z");
    }

    #[test]
    fn a_window_that_ends_before_it_begins_or_is_too_long_is_refused() {
        assert!(window(None, Some("2026-11-30T10:20:00Z"), Some("2026-11-30T10:20:00Z")).is_none());
        assert!(window(None, Some("2025-10-01T00:00:00Z"), None).is_none());
        assert!(window(None, Some("2025-11-01T00:00:00Z"), None).is_some());
    }
}
