//! How a client finds the cluster's id.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use serde_json::json;

use crate::http::{Front, Refusal};

/// `GET /v3/clusters`.
pub(in crate::http) async fn clusters(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    front.auth.check(&headers)?;
    let list = json!({
        "kind": "KafkaClusterList",
        "metadata": { "self": "/v3/clusters", "next": null },
        "data": [description(&front.cluster_id)],
    });
    Ok(Json(list).into_response())
}

/// `GET /v3/clusters/{id}`.
pub(in crate::http) async fn cluster(
    State(front): State<Arc<Front>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    front.auth.check(&headers)?;
    if id != front.cluster_id {
        return Err(Refusal::unknown_cluster(&id));
    }
    Ok(Json(description(&id)).into_response())
}

fn description(id: &str) -> serde_json::Value {
    json!({
        "kind": "KafkaCluster",
        "metadata": { "self": format!("/v3/clusters/{id}"), "resource_name": format!("crn:///kafka={id}") },
        "cluster_id": id,
    })
}
