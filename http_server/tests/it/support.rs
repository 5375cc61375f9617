//! A server, and clients that say exactly what they are told to.

use std::{future::Future, net::SocketAddr, time::Duration};

use axum::Router;
use http_server::{BodyPace, ServerLimits, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// A deadline that is reached in a test.
pub(crate) const SOON: Duration = Duration::from_millis(100);
/// One that is not.
pub(crate) const NEVER: Duration = Duration::from_secs(3_600);

/// Waits for what must come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come"))
}

/// Limits that nobody reaches.
pub(crate) fn patient() -> ServerLimits {
    ServerLimits {
        head: NEVER,
        idle: NEVER,
        body: BodyPace { grace: NEVER, bytes_per_second: 1, total: NEVER },
        stalled: NEVER,
        closing: NEVER,
        ..ServerLimits::default()
    }
}

/// A server that ends with the test.
pub(crate) struct TestServer {
    pub(crate) addr: SocketAddr,
    pub(crate) stop: CancellationToken,
    serving: JoinSet<()>,
}

impl TestServer {
    pub(crate) async fn start(limits: ServerLimits, router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, router, limits, stop.clone()));
        Self { addr, stop, serving }
    }

    pub(crate) async fn client(&self) -> Client {
        Client(TcpStream::connect(self.addr).await.unwrap())
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(mut self) {
        within("the end of the server", self.serving.join_next()).await.unwrap().unwrap();
    }
}

/// A connection.
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Sends as long as the other side takes it; whether it took all.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// The next answer of known length: its head and its body.
    pub(crate) async fn answer(&mut self) -> (String, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within("an answer", self.0.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        within("a body", self.0.read_exact(&mut body)).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    /// Waits until the server has closed the connection, and gives what came before.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = within("the end of the connection", self.0.read_to_end(&mut rest)).await;
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// One request and its answer's status line.
    pub(crate) async fn get(&mut self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: s\r\n\r\n")).await;
        self.answer().await.0.lines().next().unwrap().to_owned()
    }
}
