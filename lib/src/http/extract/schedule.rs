//! A schedule that is looked at, and whose triggers are.

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::{StatusCode, request::Parts};
use serde_json::{Map, Value};

use super::{
    super::problem::ApiError,
    body::JsonBytes,
    document, invalid,
    query::parsed,
    shape::{self, Fields, Shape},
};
use domain::{
    ids::WorkflowId,
    timestamp::Timestamp,
    violation::{Violation, Violations},
};

/// How many occurrences are told when nobody says.
const DEFAULT_COUNT: u32 = 10;
/// How many are told at most.
const MOST: u32 = 100;

/// A schedule, and which of its occurrences are asked for: `{"schedule": {…}, "count": …, "from": …}`.
#[derive(Debug, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewBody {
    /// Its parameters, as a node of the kind `schedule` has them.
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub schedule: Map<String, Value>,
    /// How many: 1 to 100 (10).
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
    pub count: u32,
    /// After when (now). An interval without `start` is counted from there.
    #[serde(default)]
    pub from: Option<Timestamp>,
}

/// Parameters that are not a schedule's.
pub(in crate::http) fn invalid_schedule(violations: Vec<Violation>) -> ApiError {
    invalid("the schedule", "invalid_schedule", violations)
}

impl<S: Send + Sync> FromRequest<S> for PreviewBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let JsonBytes(bytes) = JsonBytes::from_request(request, state).await?;
        if bytes.is_empty() {
            let detail = "send a schedule as JSON: {\"schedule\": {\"cron\": …}}";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", detail));
        }
        shape::read(document::json(&bytes)?).map_err(|misfits| invalid("the body", "invalid_body", misfits))
    }
}

impl Shape for PreviewBody {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let schedule = fields.required("schedule");
        let count: Option<Option<u32>> = fields.optional("count");
        if count.flatten().is_some_and(|count| !(1..=MOST).contains(&count)) {
            fields.misfit("count", "it is a number from 1 to 100");
        }
        let from = fields.optional("from");
        fields.nothing_else("known are: schedule, count, from")?;
        Some(Self { schedule: schedule?, count: count?.unwrap_or(DEFAULT_COUNT), from: from? })
    }
}

impl Shape for Timestamp {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        shape::parsed(value, at, misfits, |text| {
            text.parse::<Self>()
                .map_err(|error| format!("{error}; write a time such as \"2026-12-24T18:00:00Z\""))
        })
    }
}

/// `?workflow_id=`: what is of one workflow alone.
#[derive(Debug)]
pub struct OfWorkflow(pub Option<WorkflowId>);

impl<S: Send + Sync> FromRequestParts<S> for OfWorkflow {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(parsed(&parts.uri, "workflow_id", "a workflow's id")?))
    }
}
