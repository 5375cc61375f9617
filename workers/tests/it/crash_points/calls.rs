//! The server that the runs call. It outlives the workers, and counts calls by their idempotency key.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use domain::ids::RunId;
use serde_json::json;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

/// A path that answers 200, and one that refuses each call once.
pub(super) const ONCE: &str = "/once";
pub(super) const AGAIN: &str = "/again";
/// Paths that answer once the run of the call is released, and never.
pub(super) const HELD: &str = "/held";
pub(super) const NEVER: &str = "/never";
/// A path that answers with a text that is no JSON, and the text.
pub(super) const FILE: &str = "/file";
pub(super) const FILE_TEXT: &str = "a file";

pub(super) struct Calls {
    addr: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    released: watch::Sender<HashSet<String>>,
    _server: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    /// Which life the first worker has.
    life: usize,
    /// How many calls came.
    count: usize,
    by_key: HashMap<String, Vec<Call>>,
}

struct Call {
    /// Its place among all calls.
    place: usize,
    path: String,
    life: usize,
}

impl Calls {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let released = watch::Sender::default();
        let state = (Arc::clone(&seen), watch::Sender::clone(&released));
        let router = Router::new().fallback(answer).with_state(state);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { addr, seen, released, _server: server }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(super) fn next_life(&self) {
        self.seen.lock().unwrap().life += 1;
    }

    /// The calls of that run that are held are answered from now on.
    pub(super) fn release(&self, run: RunId) {
        self.released.send_modify(|released| {
            released.insert(run.to_string());
        });
    }

    /// How often a call with that key came.
    pub(super) fn count(&self, key: &str) -> usize {
        self.seen.lock().unwrap().by_key.get(key).map_or(0, Vec::len)
    }

    /// Whether every call was made once, or again only where a crash cut its step off: at most `cut_off` of them.
    pub(super) fn check(&self, cut_off: usize) {
        let seen = self.seen.lock().unwrap();
        let mut repeated = 0;
        for (key, calls) in &seen.by_key {
            // One that refuses is called once more for that.
            let most = if calls[0].path == AGAIN { 2 } else { 1 };
            assert!(calls.len() >= most, "{key} was refused and not called again");
            for of_one_life in calls.chunk_by(|one, other| one.life == other.life) {
                assert!(of_one_life.len() <= most, "{key} was called too often by one worker");
            }
            repeated += calls.len() - most;
        }
        assert!(
            repeated <= cut_off,
            "{repeated} calls were repeated, and {cut_off} steps were cut off at most"
        );
        assert!(repeated > 0, "no crash has cut a call off: there was no load");
    }

    /// Whether no call of a node came after the first one of the node behind it: what is done stays done.
    pub(super) fn came_in_order(&self, keys: &[String]) -> bool {
        let seen = self.seen.lock().unwrap();
        keys.windows(2).all(|pair| {
            let last_of_one = seen.by_key[&pair[0]].last().map(|call| call.place);
            last_of_one < seen.by_key[&pair[1]].first().map(|call| call.place)
        })
    }
}

type Server = (Arc<Mutex<Seen>>, watch::Sender<HashSet<String>>);

async fn answer(State((seen, released)): State<Server>, uri: Uri, headers: HeaderMap) -> Response {
    let key = headers.get("idempotency-key").unwrap().to_str().unwrap().to_owned();
    let path = uri.path().to_owned();
    let run = key.split(':').next().unwrap().to_owned();
    let is_first = note(&seen, key, &path);
    match path.as_str() {
        AGAIN if is_first => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        FILE => return ([(header::CONTENT_TYPE, "text/plain")], FILE_TEXT).into_response(),
        NEVER => std::future::pending().await,
        HELD => {
            let mut released = released.subscribe();
            released.wait_for(|released| released.contains(&run)).await.unwrap();
        }
        _ => {}
    }
    Json(json!({ "answered": true })).into_response()
}

/// Notes a call; whether it is the first one with its key.
fn note(seen: &Mutex<Seen>, key: String, path: &str) -> bool {
    let mut seen = seen.lock().unwrap();
    let (life, place) = (seen.life, seen.count);
    seen.count += 1;
    let calls = seen.by_key.entry(key).or_default();
    calls.push(Call { place, path: path.to_owned(), life });
    calls.len() == 1
}
