//! A small stand-in for Lambda: it starts a function's binary, and hands it events through the runtime API.
//!
//! Events and replies have the form that API Gateway gives them.

mod event;
mod runtime_api;

pub(crate) use event::Gateway;

use std::process::Stdio;

use tokio::{net::TcpListener, process::Child};
use tokio_util::task::AbortOnDropHandle;

use self::runtime_api::{Outcome, RuntimeApi};
use crate::{
    function::{Variables, command},
    request::{Answer, Call},
};

/// A function on Lambda, killed when it is dropped. Like an instance there, it takes one event at a time.
pub(crate) struct Lambda {
    _process: Child,
    _served: AbortOnDropHandle<()>,
    api: RuntimeApi,
}

impl Lambda {
    /// Starts an instance.
    pub(crate) async fn start(binary: &str, variables: &Variables) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let api = RuntimeApi::new();
        let router = api.router();
        let served = AbortOnDropHandle::new(tokio_util::task::TaskTracker::new().spawn(async move {
            axum::serve(listener, router).await.unwrap();
        }));
        let process = command(binary, variables)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { _process: process, _served: served, api }
    }

    /// Sends a request as that gateway would.
    pub(crate) async fn send(&self, gateway: Gateway, call: &Call) -> Answer {
        match self.api.invoke(gateway.event(call)).await {
            Outcome::Response(reply) => gateway.answer(&reply),
            Outcome::Error(error) => panic!("the function failed: {error}"),
        }
    }

    /// Hands over any event; the error that the function reports.
    pub(crate) async fn fail(&self, event: serde_json::Value) -> String {
        match self.api.invoke(event).await {
            Outcome::Error(error) => error,
            Outcome::Response(reply) => panic!("not refused: {reply}"),
        }
    }
}
