//! The playground's shop: pages of customers, jobs that take their time, bookings, and files.

use std::{collections::HashSet, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{calls::Calls, number_of};

const MAX_UPLOAD: usize = 16 << 20;
const CUSTOMERS_A_PAGE: usize = 3;

/// Some of them twice, one without an address.
const CUSTOMERS: [(u32, &str, &str); 8] = [
    (1, "Ada", "ada@example.com"),
    (2, "Bob", " Bob@Example.com"),
    (3, "Cyd", "cyd@example.com"),
    (4, "Dan", ""),
    (5, "Ada", "ADA@example.com"),
    (6, "Cyd", "Cyd@example.com "),
    (7, "Ada", "ada@example.com"),
    (8, "Eve", "eve@example.com"),
];

pub(super) fn router() -> Router<Arc<Calls>> {
    Router::new()
        .route("/customers", get(customers))
        .route("/jobs/{key}", get(job))
        .route("/bookings/{what}", any(booking))
        .route("/files/{name}", get(file))
        .route("/upload", post(upload).layer(DefaultBodyLimit::max(MAX_UPLOAD)))
}

#[derive(Deserialize)]
struct Page {
    #[serde(default = "first")]
    page: usize,
}

const fn first() -> usize {
    1
}

async fn customers(Query(Page { page }): Query<Page>) -> Json<Value> {
    let from = page.saturating_sub(1).saturating_mul(CUSTOMERS_A_PAGE).min(CUSTOMERS.len());
    let to = (from + CUSTOMERS_A_PAGE).min(CUSTOMERS.len());
    let shown = CUSTOMERS[from..to].iter();
    let items: Vec<_> =
        shown.map(|(id, name, email)| json!({"id": id, "name": name, "email": email})).collect();
    Json(json!({"items": items, "next": (to < CUSTOMERS.len()).then_some(page + 1)}))
}

#[derive(Deserialize)]
struct Polls {
    #[serde(default = "three")]
    polls: usize,
}

const fn three() -> usize {
    3
}

/// Done when it has been asked for so often. The same request that comes twice is one.
async fn job(
    State(calls): State<Arc<Calls>>,
    Path(key): Path<String>,
    Query(Polls { polls }): Query<Polls>,
) -> Json<Value> {
    let calls = calls.list(Some(&format!("/jobs/{key}")));
    let asked = calls.iter().map(|call| &call.idempotency_key).collect::<HashSet<_>>().len();
    let state = if asked >= polls { "done" } else { "running" };
    Json(json!({"job": key, "state": state, "asked": asked}))
}

#[derive(Deserialize)]
struct Booking {
    #[serde(default)]
    full: bool,
    booking: Option<String>,
}

async fn booking(method: Method, Path(what): Path<String>, Query(query): Query<Booking>) -> Response {
    if method == Method::DELETE {
        return Json(json!({"cancelled": query.booking})).into_response();
    }
    if query.full {
        return (StatusCode::CONFLICT, Json(json!({"error": "nothing is free"}))).into_response();
    }
    (StatusCode::CREATED, Json(json!({"booking": format!("{what}-{}", number_of(&what))}))).into_response()
}

/// Bytes that depend on nothing but the name, and are no text.
async fn file(Path(name): Path<String>) -> ([(HeaderName, &'static str); 1], Vec<u8>) {
    let seed = number_of(&name);
    let bytes = (0..seed * 7).map(|i| u8::try_from((i * 31 + seed) % 256).unwrap_or_default()).collect();
    let kind = if name.ends_with(".png") { "image/png" } else { "application/octet-stream" };
    ([(header::CONTENT_TYPE, kind)], bytes)
}

async fn upload(headers: HeaderMap, body: Bytes) -> Json<Value> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let hash: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    Json(json!({"bytes": body.len(), "type": kind, "sha256": hash}))
}
