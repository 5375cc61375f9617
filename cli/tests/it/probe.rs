//! A function for the tests of `minireipaz serve`: it echoes, waits, streams and crashes as it is asked to.

#![allow(clippy::unwrap_used, reason = "only tests run it")]

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::{Barrier, Semaphore};
use tower::ServiceBuilder;
use vercel_runtime::axum::VercelLayer;

struct Probe {
    two: Barrier,
    released: Semaphore,
    dropped: Arc<Semaphore>,
}

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    println!("the probe starts");
    let probe =
        Probe { two: Barrier::new(2), released: Semaphore::new(0), dropped: Arc::new(Semaphore::new(0)) };
    let app = Router::new().route("/api/{*what}", axum::routing::any(answer)).with_state(Arc::new(probe));
    vercel_runtime::run(ServiceBuilder::new().layer(VercelLayer::new()).service(app)).await
}

async fn answer(State(probe): State<Arc<Probe>>, Path(what): Path<String>, request: Request) -> Response {
    match what.rsplit('/').next().unwrap() {
        "echo" => echo(request).await.into_response(),
        // Two requests that are in the process at the same time.
        "meet" => {
            probe.two.wait().await;
            StatusCode::NO_CONTENT.into_response()
        }
        // Waits until it is released.
        "hold" => {
            probe.released.acquire().await.unwrap().forget();
            "released".into_response()
        }
        "release" => {
            probe.released.add_permits(1);
            StatusCode::NO_CONTENT.into_response()
        }
        // An event at once, the next when it is released. Those who ask `dropped` are told when nobody listens.
        "events" => {
            let told = Told(Arc::clone(&probe.dropped));
            let events = stream::unfold((0, probe, told), |(number, probe, told)| async move {
                if number > 0 {
                    probe.released.acquire().await.ok()?.forget();
                }
                let event = Bytes::from(format!("data: {number}\n\n"));
                Some((Ok::<_, Infallible>(event), (number + 1, probe, told)))
            });
            ([("content-type", "text/event-stream")], Body::from_stream(events)).into_response()
        }
        "never" => std::future::pending().await,
        "dropped" => {
            probe.dropped.acquire().await.unwrap().forget();
            StatusCode::NO_CONTENT.into_response()
        }
        "crash" => std::process::exit(3),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

struct Told(Arc<Semaphore>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let headers: serde_json::Map<String, Value> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap_or_default())))
        .collect();
    let length = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes().len();
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let said = json!({
        "method": parts.method.as_str(),
        "uri": parts.uri.to_string(),
        "headers": headers,
        "length": length,
        "pid": std::process::id(),
        "port": variable("VERCEL_DEV_PORT"),
        "region": variable("VERCEL_REGION"),
        "given": variable("GIVEN"),
        "own": variable("OWN"),
    });
    // One header that routes set too, one that belongs to the connection.
    ([("x-both", "function"), ("keep-alive", "timeout=5")], Json(said)).into_response()
}
