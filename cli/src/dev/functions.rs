//! The functions, served as one program: the same routers, under the paths that `vercel.json` gives them.

use std::{io::ErrorKind, net::Ipv4Addr, path::Path};

use anyhow::Context as _;
use axum::{Json, Router, routing::get};
use minireipaz::http::AppState;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower_http::services::ServeDir;

/// Takes the port, before anything else is started.
pub(crate) fn listen(port: u16) -> anyhow::Result<std::net::TcpListener> {
    match std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(listener) => {
            listener.set_nonblocking(true)?;
            Ok(listener)
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            anyhow::bail!("port {port} is in use: stop what uses it, or choose another with --port")
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on port {port}")),
    }
}

/// The API, the local issuer's keys, and the page of `public/` where there is one.
pub(crate) fn router(state: AppState, jwks: Value) -> Router {
    let api = minireipaz::http::app(state);
    let keys = get(move || async move { Json(jwks) });
    let router = Router::new().route("/.well-known/jwks.json", keys);
    let public = Path::new("public");
    if public.is_dir() {
        let files = ServeDir::new(public).append_index_html_on_directories(true);
        router.nest_service("/api", api_under_its_prefix(api)).fallback_service(files)
    } else {
        router.fallback_service(api)
    }
}

/// `nest_service` strips the prefix that the API's own routes have.
fn api_under_its_prefix(api: Router) -> Router {
    Router::new().fallback_service(tower::util::MapRequest::new(
        api,
        |mut request: axum::extract::Request| {
            if let Some(original) = request.extensions().get::<axum::extract::OriginalUri>().cloned() {
                *request.uri_mut() = original.0;
            }
            request
        },
    ))
}

/// Serves until `stop`; then finishes the requests that have begun.
pub(crate) fn serve(
    listener: std::net::TcpListener,
    router: Router,
    stop: CancellationToken,
) -> anyhow::Result<JoinHandle<std::io::Result<()>>> {
    let listener = TcpListener::from_std(listener)?;
    let server = axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |stream| {
            // A reply of a few hundred bytes must not wait for the acknowledgement of the one before.
            let _ = stream.set_nodelay(true);
        }),
        router,
    );
    Ok(tokio_util::task::TaskTracker::new()
        .spawn(async move { server.with_graceful_shutdown(async move { stop.cancelled().await }).await }))
}
