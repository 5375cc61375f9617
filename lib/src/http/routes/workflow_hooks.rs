//! `/api/v1/workflows/{id}/hooks`: the addresses of a workflow's webhooks.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

use super::{Problems, Routes};
use crate::{
    hooks::HookAddress,
    http::{
        extract::{Authorized, RotateBody, WorkflowPath, WorkflowsWrite},
        problem::{ApiError, Problem},
        state::AppState,
    },
    service::HookInfo,
};
use domain::{
    ids::{NodeId, WorkflowId},
    timestamp::Timestamp,
};

/// The routes.
#[must_use]
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(list, rotate))
}

/// The webhooks of a workflow.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HookPage {
    /// Whether the workflow is active: if not, `path` answers as if there were nothing.
    pub active: bool,
    /// The webhooks of its newest version, in the order of the document.
    pub items: Vec<HookAddresses>,
}

/// The addresses of a webhook. Whoever knows one may call it, as far as the webhook does not ask for more.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HookAddresses {
    /// Its node.
    pub node: NodeId,
    /// The methods that it takes, with those that are answered for it.
    pub methods: String,
    /// Its address on this host.
    #[schema(example = "/api/v1/hooks/Zm9v")]
    pub path: String,
    /// Its address for trying: it runs the newest version also while the workflow is not active, and its runs are tests.
    #[schema(example = "/api/v1/hooks/test/Zm9v")]
    pub test_path: String,
    /// When the address was last exchanged; missing if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
    /// Until when the address before is taken too; missing if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<Timestamp>,
}

impl HookAddresses {
    fn of(hook: HookInfo, now: Timestamp) -> Self {
        let HookInfo { node, params, token, rotation } = hook;
        Self {
            node,
            methods: params.methods.allow(),
            path: HookAddress::path_of(&token, false),
            test_path: HookAddress::path_of(&token, true),
            rotated_at: rotation.map(|rotation| rotation.at),
            previous_until: rotation
                .and_then(|rotation| rotation.previous_until)
                .filter(|until| *until > now),
        }
    }
}

/// Tells the addresses of a workflow's webhooks.
///
/// They are permissions, so this needs the scope `workflows:write`.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/hooks", operation_id = "listHooks", tag = "hooks", params(
    ("id" = WorkflowId, Path, description = "The workflow's id."),
), responses(
    (status = 200, description = "The webhooks.", body = HookPage),
    (status = 409, description = "There are no webhooks in this deployment (`hooks_not_set_up`).", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn list(
    State(app): State<AppState>,
    who: Authorized<WorkflowsWrite>,
    WorkflowPath(id): WorkflowPath,
) -> Result<Json<HookPage>, ApiError> {
    let found = app.hooks.list(&who.caller, id).await?;
    let now = app.hooks.now();
    let items = found.hooks.into_iter().map(|hook| HookAddresses::of(hook, now)).collect();
    Ok(Json(HookPage { active: found.active, items }))
}

/// Gives a webhook another address.
///
/// The one before is over within a second, or, with `overlap`, when that time is up. Addresses before that one are over.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/hooks", operation_id = "rotateHook", tag = "hooks",
    request_body(content = RotateBody, description = "Which webhook."),
    params(("id" = WorkflowId, Path, description = "The workflow's id.")), responses(
    (status = 200, description = "Its addresses from now on.", body = HookAddresses),
    (status = 409, description = "There are no webhooks in this deployment (`hooks_not_set_up`).", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "The body is above its limit.", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "The body is not JSON by its content type.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The body is not what it must be.", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn rotate(
    State(app): State<AppState>,
    who: Authorized<WorkflowsWrite>,
    WorkflowPath(id): WorkflowPath,
    body: RotateBody,
) -> Result<Json<HookAddresses>, ApiError> {
    let hook = app.hooks.rotate(&who.caller, id, &body.node, body.overlap()).await?;
    Ok(Json(HookAddresses::of(hook, app.hooks.now())))
}
