//! What happens with a request, from its routes to its answer.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::HeaderValue;
use http_server::Peer;
use uuid::Uuid;

use super::{
    deployment::{Function, REGION},
    files::{self, Files},
    forward::Forwarder,
    headers::RequestId,
    pool::Pool,
    refusal::Refusal,
    routes::{Resolution, Table, Target},
};

/// A deployment that is served.
#[derive(Debug)]
struct App {
    table: Table,
    files: Files,
    pool: Arc<Pool>,
    forwarder: Forwarder,
    requests: AtomicU64,
}

/// The whole deployment as one service.
pub(crate) fn router(table: Table, files: Files, pool: Arc<Pool>, forwarder: Forwarder) -> Router {
    let app = App { table, files, pool, forwarder, requests: AtomicU64::new(0) };
    Router::new().fallback(answer).with_state(Arc::new(app))
}

async fn answer(State(app): State<Arc<App>>, peer: Peer, request: Request) -> Response {
    let id = app.next_id();
    let exists = |path: &str| app.function(path).is_some() || app.files.find(path).is_some();
    let found = app.table.resolve(request.method(), request.uri().path(), &exists);
    let matched = match &found.target {
        Target::Found(path) => HeaderValue::try_from(path).ok(),
        Target::Redirect(_) | Target::Refused(_) => None,
    };
    let mut answer = match app.answer(&found, request, peer.addr().ip(), &id).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.response(&id.public),
    };
    let headers = answer.headers_mut();
    for (name, value) in &found.headers {
        // What a function says counts more than what routes say.
        if !headers.contains_key(name) {
            headers.insert(name, value.clone());
        }
    }
    if let Ok(id) = HeaderValue::try_from(&id.public) {
        headers.insert("x-vercel-id", id);
    }
    if let Some(matched) = matched {
        headers.insert("x-matched-path", matched);
    }
    answer
}

impl App {
    async fn answer(
        &self,
        found: &Resolution,
        mut request: Request,
        client: IpAddr,
        id: &RequestId,
    ) -> Result<Response, Refusal> {
        let path = match &found.target {
            Target::Found(path) => path,
            Target::Redirect(status) => {
                let mut answer = Response::new(Body::from("Redirecting...\n"));
                *answer.status_mut() = *status;
                return Ok(answer);
            }
            Target::Refused(status) => return Err(Refusal::Route(*status)),
        };
        let mut answer = if let Some(file) = self.files.find(path) {
            request.extensions_mut().clear();
            files::answer(file, request).await?
        } else {
            let function = self.function(path).ok_or(Refusal::NotFound)?;
            self.forwarder.answer(&self.pool, function, request, &found.query, (client, id)).await?
        };
        if let Some(status) = found.status {
            *answer.status_mut() = status;
        }
        Ok(answer)
    }

    /// The function of a path: its own, or the index of the folder.
    fn function(&self, path: &str) -> Option<&Arc<Function>> {
        self.pool
            .function(path)
            .or_else(|| self.pool.function(&format!("{}/index", path.trim_end_matches('/'))))
    }

    fn next_id(&self) -> RequestId {
        let invocation = Uuid::now_v7().simple().to_string();
        RequestId {
            public: format!("{REGION}::{REGION}::{invocation}"),
            invocation,
            number: self.requests.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }
}
