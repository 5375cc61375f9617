//! What asks for a replay.

use axum::extract::{FromRequest, Request};
use serde_json::Value;

use super::{
    super::problem::ApiError,
    body::{InputSchema, optional},
    pins::PinsSchema,
    shape::{Fields, Shape, chosen},
};
use crate::service::ReplayVersion;
use domain::{
    ids::NodeId,
    run::Pins,
    violation::{ViolationCode, Violations},
};

/// How a run is replayed: nothing, for one from the start, with its input, in its version.
#[derive(Debug, Default, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayBody {
    /// `start`, or the node from which on it is replayed: that and all that comes after it is executed; what else gave
    /// something is taken over. (`start` never means a node of that id.)
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub from: Option<NodeId>,
    /// `same` (the run's) or `newest`.
    #[serde(default)]
    #[schema(value_type = Option<VersionSchema>)]
    pub version: ReplayVersion,
    /// Another input than the run's; only from the start.
    #[serde(default)]
    #[schema(value_type = Option<InputSchema>)]
    pub input: Option<Value>,
    /// Outputs of nodes that are not executed, by node.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::BTreeMap<String, PinsSchema>>)]
    pub pins: Pins,
}

/// Which version of its workflow a replay runs.
#[derive(utoipa::ToSchema)]
#[schema(as = ReplayVersion, rename_all = "snake_case")]
#[expect(dead_code, reason = "only describes")]
enum VersionSchema {
    /// That of the run.
    Same,
    /// The newest that there is.
    Newest,
}

/// What `from` is called that is no node.
const START: &str = "start";

impl<S: Send + Sync> FromRequest<S> for ReplayBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Ok(optional(request, state, super::invalid_plan).await?.0)
    }
}

impl Shape for ReplayBody {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        const HINT: &str = "known are: from, version, input, pins";
        if !value.is_object() {
            misfits.add(at, ViolationCode::InvalidType, HINT);
            return None;
        }
        let mut fields = Fields::of(value, at, misfits)?;
        let from = fields.optional::<NodeId>("from");
        let version = fields.or_default("version");
        let input = fields.optional("input");
        let pins = fields.or_default("pins");
        fields.nothing_else(HINT)?;
        let from = from?.filter(|node| node.as_str() != START);
        Some(Self { from, version: version?, input: input?, pins: pins? })
    }
}

impl Shape for ReplayVersion {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        chosen(value, at, misfits, &[("same", Self::Same), ("newest", Self::Newest)])
    }
}
