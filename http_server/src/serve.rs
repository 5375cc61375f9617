//! Accepting connections and answering on them.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{
    body::{AnswerBody, PacedBody},
    connection::{Connection, Peer},
    connections::{Connections, Place},
    limits::{BodyPace, ServerLimits},
    stream::Stream,
};

/// How long to wait when the system gives no more connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Warnings about the same come no more often.
const WARN_PAUSE: Duration = Duration::from_secs(60);

/// Serves until `stop`, and then until all requests that have begun are answered. Handlers may take a [`Peer`].
///
/// Dropping this future closes the listener; connections that there are go on until they end.
pub async fn serve(listener: TcpListener, router: Router, limits: ServerLimits, stop: CancellationToken) {
    let connections = limits.connections_here();
    let connections = Connections::new(ServerLimits { connections, ..limits });
    let mut http = http1::Builder::new();
    // Heads and pauses have deadlines of their own here; without a timer hyper has none.
    http.header_read_timeout(None::<Duration>);
    http.max_buf_size(connections.limits().head_bytes.max(MIN_BUFFER));
    let mut server = Server { connections, router, http, stop, tasks: TaskTracker::new(), warned: None };
    server.accept(listener).await;
    server.finish().await;
}

/// What hyper needs at least.
const MIN_BUFFER: usize = 8 << 10;

struct Server {
    connections: Arc<Connections>,
    router: Router,
    http: http1::Builder,
    stop: CancellationToken,
    tasks: TaskTracker,
    warned: Option<Instant>,
}

impl Server {
    /// Takes connections until it is told to stop.
    async fn accept(&mut self, listener: TcpListener) {
        let stop = self.stop.clone();
        let mut ticks = interval(self.connections.tick());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {
                    self.connections.cut_late();
                    continue;
                }
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, peer)) => {
                    let placed = stop.run_until_cancelled(self.place(peer)).await;
                    let Some(place) = placed else { return };
                    self.spawn(socket, place);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // No more files may be open: one that is only waited for is one too many.
                    self.warn(&format!("no connection can be accepted: {error}"));
                    self.connections.make_room();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// A place for a connection that is there. While all are taken by requests that are worked on, it waits; those
    /// after it wait in the system's queue.
    async fn place(&mut self, peer: SocketAddr) -> Place {
        loop {
            if let Some(place) = self.connections.enter(peer) {
                return place;
            }
            let limit = self.connections.limits().connections;
            self.warn(&format!(
                "the limit of {limit} connections is reached: those that are waited for are closed"
            ));
            if !self.connections.make_room() {
                // Meanwhile one of them may become one that is waited for, or be late.
                self.connections.cut_late();
                let _ = tokio::time::timeout(ACCEPT_PAUSE, self.connections.one_has_ended()).await;
            }
        }
    }

    fn spawn(&self, socket: TcpStream, place: Place) {
        // An answer of a few bytes must not wait for the acknowledgement of the one before. Without it, it only takes
        // longer.
        let _ = socket.set_nodelay(true);
        let (router, http, stop) = (self.router.clone(), self.http.clone(), self.stop.clone());
        let pace = self.connections.limits().body;
        self.tasks
            .spawn(async move { converse(socket, &place.connection, router, &http, pace, &stop).await });
    }

    /// Waits until all connections have ended.
    async fn finish(self) {
        self.connections.stop();
        self.tasks.close();
        let mut ticks = interval(self.connections.tick());
        loop {
            tokio::select! {
                () = self.tasks.wait() => return,
                _ = ticks.tick() => self.connections.cut_late(),
            }
        }
    }

    fn warn(&mut self, what: &str) {
        let now = Instant::now();
        if self.warned.is_none_or(|warned| now.saturating_duration_since(warned) >= WARN_PAUSE) {
            self.warned = Some(now);
            tracing::warn!("{what}");
        }
    }
}

/// One connection, from its first request to its last.
async fn converse(
    socket: TcpStream,
    connection: &Arc<Connection>,
    router: Router,
    http: &http1::Builder,
    pace: BodyPace,
    stop: &CancellationToken,
) {
    let service = service_fn(|request| answer(router.clone(), Arc::clone(connection), pace, request));
    let stream = TokioIo::new(Stream::new(socket, Arc::clone(connection)));
    let mut conversation = pin!(http.serve_connection(stream, service));
    tokio::select! {
        // What goes wrong on a connection is the client's business.
        _ = conversation.as_mut() => return,
        () = connection.is_cut() => return,
        () = stop.cancelled() => {}
    }
    conversation.as_mut().graceful_shutdown();
    tokio::select! {
        _ = conversation => {}
        () = connection.is_cut() => {}
    }
}

async fn answer(
    router: Router,
    connection: Arc<Connection>,
    pace: BodyPace,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    connection.has_request();
    let mut request = request.map(|body| Body::new(PacedBody::new(body, pace, Arc::clone(&connection))));
    request.extensions_mut().insert(Peer(Arc::clone(&connection)));
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| AnswerBody { body, connection }))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
