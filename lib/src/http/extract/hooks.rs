//! How a webhook's address is exchanged.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use http::StatusCode;
use serde_json::Value;

use super::{
    super::problem::ApiError,
    body::JsonBytes,
    document, invalid,
    shape::{self, Fields, Shape},
};
use crate::service::LONGEST_OVERLAP;
use domain::{
    duration::HumanDuration,
    ids::NodeId,
    violation::{Violation, Violations},
};

/// Which webhook is to have another address: `{"node": …, "overlap": "1h"}`.
#[derive(Debug, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateBody {
    /// The webhook's node.
    pub node: NodeId,
    /// For how long the address before is taken, too: at most `30d`. Without it that one is over at once.
    #[serde(default)]
    pub overlap: Option<HumanDuration>,
}

fn misfit(violations: Vec<Violation>) -> ApiError {
    invalid("the body", "invalid_body", violations)
}

impl RotateBody {
    /// For how long both addresses are taken.
    #[must_use]
    pub fn overlap(&self) -> Duration {
        self.overlap.map_or(Duration::ZERO, |overlap| overlap.0)
    }
}

impl<S: Send + Sync> FromRequest<S> for RotateBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let JsonBytes(bytes) = JsonBytes::from_request(request, state).await?;
        if bytes.is_empty() {
            let detail = "say which webhook as JSON: {\"node\": …}";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", detail));
        }
        shape::read(document::json(&bytes)?).map_err(misfit)
    }
}

impl Shape for RotateBody {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let node = fields.required("node");
        let overlap = fields.optional::<HumanDuration>("overlap");
        if matches!(overlap, Some(Some(HumanDuration(overlap))) if overlap > LONGEST_OVERLAP) {
            fields.misfit("overlap", "two addresses are taken for 30 days at most");
        }
        fields.nothing_else("known are: node, overlap")?;
        Some(Self { node: node?, overlap: overlap? })
    }
}
