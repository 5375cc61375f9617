//! What a deployment finds elsewhere: the identity provider, and the web API that workflows call.

use std::path::Path;

use axum::{Json, Router, routing::get};
use tokio::net::TcpListener;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::client::Identity;

/// Both, served until this is dropped.
#[derive(Debug)]
pub struct Services {
    pub identity: Identity,
    pub playground: String,
    _servers: [AbortOnDropHandle<()>; 2],
}

impl Services {
    pub async fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let identity = Identity { folder: folder.join("issuer"), url: url(&listener) };
        let keys = identity.issuer().jwks();
        let router = Router::new()
            .route("/.well-known/jwks.json", get(move || std::future::ready(Json(keys.clone()))));
        let issuer = serve(listener, router);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let playground = url(&listener);
        let server = serve(listener, cli::playground::router());
        Self { identity, playground, _servers: [issuer, server] }
    }
}

pub fn url(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().unwrap())
}

fn serve(listener: TcpListener, router: Router) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await.unwrap() }),
    )
}
