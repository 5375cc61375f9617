//! The API on a real socket.

use std::net::SocketAddr;

use axum::Router;
use tokio::{net::TcpListener, task::JoinSet};

/// A server that ends when this is dropped.
pub struct Server {
    addr: SocketAddr,
    _task: JoinSet<()>,
}

impl Server {
    pub async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { addr, _task: task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}
