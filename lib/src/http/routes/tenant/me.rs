//! `/api/v1/tenant/me`: who the token says is calling.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

use super::super::{Problems, Routes};
use crate::{
    auth::Scope,
    http::extract::{AnyScope, Authorized},
};
use domain::{ids::TenantId, limits};

/// The route.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(me))
}

/// Who is calling, what they may do, and how much is taken.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Me {
    /// Whose data it is.
    pub tenant: TenantId,
    /// Who it is at the issuer: the claim `sub`.
    pub subject: String,
    /// What they may do.
    pub scopes: Vec<String>,
    /// The published limits.
    pub limits: Vec<LimitShown>,
}

/// A limit.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LimitShown {
    /// Its name, as errors name it.
    pub name: String,
    /// The most that is taken.
    pub most: u64,
    /// Of what.
    pub unit: String,
}

/// Who you are: tenant, subject and scopes of the token, and the limits of what is taken.
#[utoipa::path(get, path = "/api/v1/tenant/me", operation_id = "getMe", tag = "tenant",
    responses((status = 200, description = "You.", body = Me), Problems))]
async fn me(who: Authorized<AnyScope>) -> Json<Me> {
    let principal = who.principal;
    let scopes = Scope::ALL.iter().filter(|scope| principal.scopes.contains(scope));
    let limits = limits::ALL.iter().map(|limit| LimitShown {
        name: limit.name.to_owned(),
        most: limit.most as u64,
        unit: limit.unit.to_owned(),
    });
    Json(Me {
        tenant: principal.tenant,
        subject: principal.subject.to_string(),
        scopes: scopes.map(ToString::to_string).collect(),
        limits: limits.collect(),
    })
}
