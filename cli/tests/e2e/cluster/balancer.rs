//! One address for several receivers: in turn, request by request, past those that cannot be reached. And the place
//! where the network goes wrong on demand.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, DefaultBodyLimit, State, connect_info::Connected},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
    serve::{IncomingStream, Listener},
};
use minireipaz::testing::eventually;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::{services::url, settings::CONNECTOR_SECRET};

/// What goes wrong, each with how many requests it happens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The receiver takes the request, and the connection is cut in the middle of its reply.
    Cut(usize),
    /// The receiver takes the request, and its reply comes only after this time.
    Hold(usize, Duration),
    /// The request is answered with this status, before a receiver sees it.
    Refuse(usize, u16),
}

impl Fault {
    fn times(&mut self) -> &mut usize {
        match self {
            Self::Cut(times) | Self::Hold(times, _) | Self::Refuse(times, _) => times,
        }
    }
}

/// A load balancer.
#[derive(Debug)]
pub struct Balancer {
    url: String,
    inner: Arc<Inner>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Inner {
    receivers: Vec<String>,
    next: AtomicUsize,
    fault: Mutex<Option<Fault>>,
    records: Mutex<Vec<Weak<Mutex<Vec<Bytes>>>>>,
    http: reqwest::Client,
}

/// What has been sent since it was asked for.
#[derive(Debug)]
pub struct Recording(Arc<Mutex<Vec<Bytes>>>);

impl Recording {
    /// The bodies that have come so far, oldest first.
    pub fn bodies(&self) -> Vec<Bytes> {
        self.0.lock().unwrap().clone()
    }

    /// The events in them.
    pub fn events(&self) -> Vec<Value> {
        let bodies = self.bodies();
        let records = bodies.iter().flat_map(|body| minireipaz::ingest::records(body));
        records.map(|record| serde_json::from_str(&record.unwrap()).unwrap()).collect()
    }
}

impl Balancer {
    pub async fn start(receivers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = url(&listener);
        let inner = Arc::new(Inner {
            receivers: receivers.iter().map(|&receiver| receiver.to_owned()).collect(),
            next: AtomicUsize::new(0),
            fault: Mutex::new(None),
            records: Mutex::default(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        });
        let router = Router::new()
            .fallback(pass)
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&inner))
            .into_make_service_with_connect_info::<Cut>();
        let server = async move { axum::serve(Wires(listener), router).await.unwrap() };
        Self { url, inner, _server: AbortOnDropHandle::new(TaskTracker::new().spawn(server)) }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Lets this go wrong from now on.
    pub fn inject(&self, fault: Fault) {
        *self.inner.fault.lock().unwrap() = Some(fault);
    }

    /// Lets nothing go wrong any more.
    pub fn mend(&self) {
        *self.inner.fault.lock().unwrap() = None;
    }

    /// Keeps the bodies that come from now on, while the recording is held.
    pub fn record(&self) -> Recording {
        let bodies = Arc::default();
        self.inner.records.lock().unwrap().push(Arc::downgrade(&bodies));
        Recording(bodies)
    }

    /// Sends a body as a connector does, again and again until it is taken.
    pub async fn deliver(&self, path: &str, body: Bytes) {
        eventually("the body is taken", async || {
            let request = self.inner.http.post(format!("{}{path}", self.url)).bearer_auth(CONNECTOR_SECRET);
            let request = request.header(header::CONTENT_TYPE, "application/json").body(body.clone());
            request.send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// How many requests it has yet to happen to.
    pub fn left(&self) -> usize {
        self.inner.fault.lock().unwrap().as_mut().map_or(0, |fault| *fault.times())
    }
}

impl Inner {
    /// What goes wrong with this request.
    fn take_fault(&self) -> Option<Fault> {
        let mut fault = self.fault.lock().unwrap();
        let times = fault.as_mut()?.times();
        if *times == 0 {
            return None;
        }
        *times -= 1;
        *fault
    }
}

async fn pass(
    State(inner): State<Arc<Inner>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // Faults and recordings are about what connectors send, not about what functions read.
    if method == Method::GET {
        return inner.forward(&method, &uri, &headers, &body).await;
    }
    for recording in inner.records.lock().unwrap().iter().filter_map(Weak::upgrade) {
        recording.lock().unwrap().push(body.clone());
    }
    let fault = inner.take_fault();
    if let Some(Fault::Refuse(_, status)) = fault {
        return (StatusCode::from_u16(status).unwrap(), [(header::RETRY_AFTER, "1")]).into_response();
    }
    let answer = inner.forward(&method, &uri, &headers, &body).await;
    match fault {
        Some(Fault::Cut(_)) => cut.0.store(true, Ordering::Release),
        Some(Fault::Hold(_, time)) => tokio::time::sleep(time).await,
        _ => {}
    }
    answer
}

impl Inner {
    async fn forward(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Response {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for number in 0..self.receivers.len() {
            let receiver = &self.receivers[(first + number) % self.receivers.len()];
            let mut request =
                self.http.request(method.clone(), format!("{receiver}{uri}")).body(body.clone());
            for (name, value) in headers.iter().filter(|(name, _)| !is_of_the_connection(name)) {
                request = request.header(name, value);
            }
            match request.send().await {
                Ok(answer) => return copied(answer).await,
                Err(error) if error.is_connect() => {}
                // It may have been taken; only the sender can decide what to do now.
                Err(_) => return StatusCode::BAD_GATEWAY.into_response(),
            }
        }
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

async fn copied(answer: reqwest::Response) -> Response {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let Ok(body) = answer.bytes().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    for (name, value) in headers.iter().filter(|(name, _)| !is_of_the_connection(name)) {
        response.headers_mut().append(name, value.clone());
    }
    response
}

fn is_of_the_connection(name: &header::HeaderName) -> bool {
    [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::HOST].contains(name)
}

/// Whether a connection is cut in its next reply.
#[derive(Debug, Clone)]
struct Cut(Arc<AtomicBool>);

impl Connected<IncomingStream<'_, Wires>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Wires>) -> Self {
        Self(Arc::clone(&stream.io().cut))
    }
}

/// Connections that can be cut.
struct Wires(TcpListener);

impl Listener for Wires {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, from) = Listener::accept(&mut self.0).await;
        let _ = stream.set_nodelay(true);
        (Wire { stream, cut: Arc::default(), written: 0 }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

struct Wire {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
    written: usize,
}

/// So much of a reply gets through: not even the whole status line.
const BEGINNING: usize = 10;

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.cut.load(Ordering::Acquire) {
            return Pin::new(&mut this.stream).poll_write(cx, bytes);
        }
        let room = BEGINNING.saturating_sub(this.written).min(bytes.len());
        if room == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let wrote = std::task::ready!(Pin::new(&mut this.stream).poll_write(cx, &bytes[..room]))?;
        this.written += wrote;
        Poll::Ready(Ok(wrote))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}
