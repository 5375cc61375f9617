//! Who is called: gives files of any size as they are asked for, and takes what comes without keeping it.

use std::convert::Infallible;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::Path,
    http::header,
    response::IntoResponse,
    routing::{get, post},
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, task::JoinSet};

const PIECE: usize = 64 * 1024;

pub(crate) struct Outside {
    base: String,
    _task: JoinSet<()>,
}

impl Outside {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/files/{size}", get(file)).route("/sink", post(sink));
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, _task: task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }
}

/// The pieces of the file of that size: each begins with its number.
fn pieces(size: usize) -> impl Iterator<Item = Bytes> {
    (0..size.div_ceil(PIECE)).map(move |number| {
        let mut piece = vec![(number % 251) as u8; PIECE.min(size - number * PIECE)];
        for (byte, digit) in piece.iter_mut().zip((number as u64).to_be_bytes()) {
            *byte = digit;
        }
        piece.into()
    })
}

fn digits(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of the file of that size.
pub(crate) fn hash(size: usize) -> String {
    let mut hash = Sha256::new();
    for piece in pieces(size) {
        hash.update(&piece);
    }
    digits(hash)
}

async fn file(Path(size): Path<usize>) -> impl IntoResponse {
    let body = Body::from_stream(stream::iter(pieces(size)).map(Ok::<_, Infallible>));
    ([(header::CONTENT_LENGTH, size.to_string())], body)
}

async fn sink(body: Body) -> Json<Value> {
    let taken = taken(body.into_data_stream()).await;
    Json(json!({"bytes": taken.0, "sha256": taken.1}))
}

/// How much comes, and its hash; nothing of it is kept.
pub(crate) async fn taken<E: std::fmt::Debug>(
    pieces: impl futures_util::Stream<Item = Result<Bytes, E>>,
) -> (u64, String) {
    let mut pieces = std::pin::pin!(pieces);
    let (mut bytes, mut hash) = (0, Sha256::new());
    while let Some(piece) = pieces.next().await {
        let piece = piece.unwrap();
        bytes += piece.len() as u64;
        hash.update(&piece);
    }
    (bytes, digits(hash))
}
