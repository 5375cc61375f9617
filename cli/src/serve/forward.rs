//! A request's way to a function and the answer's way back.

use std::{
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use http::{
    Request, Uri, Version,
    header::{CONTENT_LENGTH, EXPECT},
    request::Parts,
    uri::PathAndQuery,
};
use http_body_util::{BodyExt as _, Full};
use http_server::room::{Held, Room};
use hyper::body::{Frame, Incoming};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use super::{
    deployment::Function,
    event::{Event, Tell},
    headers::{self, RequestId},
    instance::Lease,
    pool::{NoInstance, Pool},
    refusal::Refusal,
};

/// Largest body of a request: 4.5 MB on the platform.
const MAX_BODY: usize = 4_500_000;
/// How much of a larger one is read before the client is told, whether it listens or not.
const MAX_DISCARDED: usize = 64 << 20;
/// Memory for the bodies of all requests: 256 MiB.
const ALL_BODIES: usize = 256 << 20;

/// Passes requests on to processes.
#[derive(Debug)]
pub(crate) struct Forwarder {
    client: Client<HttpConnector, Full<Bytes>>,
    bodies: Arc<Room>,
    tell: Tell,
}

impl Forwarder {
    /// One for all functions.
    pub(crate) fn new(tell: Tell) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // A connection for each request: one that was kept may belong to a process that has just died, and nobody
        // could say whether a request on it was seen. A new one is refused, and the request can be sent again.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Self { client, bodies: Room::new(ALL_BODIES), tell }
    }

    /// Lets a function answer.
    ///
    /// # Errors
    /// When it does not: what the client is to be told.
    pub(crate) async fn answer(
        &self,
        pool: &Pool,
        function: &Arc<Function>,
        request: Request<Body>,
        query: &str,
        from: (IpAddr, &RequestId),
    ) -> Result<Response, Refusal> {
        let (mut parts, body) = request.into_parts();
        let mut room = self.bodies.hold(from.0);
        let body = whole(body, &parts, &mut room).await?;
        headers::for_function(&mut parts.headers, from.0, from.1);
        let path = path_and_query(&parts.uri, query);
        let mut tried = false;
        loop {
            let lease = match pool.lease(function).await {
                Ok(lease) => lease,
                Err(NoInstance::Full) => return Err(Refusal::Throttled),
                Err(NoInstance::Start(_)) => return Err(Refusal::Failed),
            };
            let deadline = Instant::now() + function.max_duration;
            let request = for_process(&parts, &path, lease.port(), body.clone()).ok_or(Refusal::Failed)?;
            match timeout_at(deadline, self.client.request(request)).await {
                Ok(Ok(answer)) => return Ok(self.answered(answer, lease, deadline, function)),
                // Nothing was sent, so sending it again is safe.
                Ok(Err(error)) if error.is_connect() && !tried => {
                    tried = true;
                    lease.is_gone();
                }
                Ok(Err(_)) => {
                    lease.is_failing();
                    return Err(Refusal::Failed);
                }
                Err(_) => {
                    (self.tell)(&function.path, Event::TimedOut(function.max_duration));
                    return Err(Refusal::Timeout);
                }
            }
        }
    }

    fn answered(
        &self,
        answer: http::Response<Incoming>,
        lease: Lease,
        deadline: Instant,
        function: &Arc<Function>,
    ) -> Response {
        let (mut parts, body) = answer.into_parts();
        headers::remove_hop_by_hop(&mut parts.headers);
        let body = Answering {
            body,
            deadline: Box::pin(sleep_until(deadline)),
            function: Arc::clone(function),
            tell: self.tell,
            _lease: lease,
        };
        Response::from_parts(parts, Body::new(body))
    }
}

/// The body as a whole: the platform too calls a function only when it has all of it.
async fn whole(body: Body, parts: &Parts, room: &mut Held) -> Result<Bytes, Refusal> {
    let header = |name| parts.headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let announced: usize = header(CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or(0);
    if announced > MAX_BODY && header(EXPECT).is_some() {
        // The client waits for a word before it sends.
        return Err(Refusal::PayloadTooLarge);
    }
    room.check(announced.min(MAX_BODY)).map_err(|_| Refusal::Throttled)?;
    collected(body, room).await
}

/// A body that is too large is read on for a while: a client that is still sending does not see an answer.
async fn collected(mut body: Body, room: &mut Held) -> Result<Bytes, Refusal> {
    let mut bytes = Vec::new();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::Unreadable)?.into_data() else { continue };
        read += data.len();
        if read <= MAX_BODY {
            room.resize(read).map_err(|_| Refusal::Throttled)?;
            bytes.extend_from_slice(&data);
        } else if read > MAX_DISCARDED {
            break;
        }
    }
    if read > MAX_BODY { Err(Refusal::PayloadTooLarge) } else { Ok(bytes.into()) }
}

/// A function sees the path that was asked for; what the routes captured is added to the query, as the platform does.
/// A parameter of the same name that the client sent gives way.
fn path_and_query(asked: &Uri, added: &str) -> String {
    let path = asked.path();
    let Some(given) = asked.query().filter(|given| !given.is_empty()) else {
        return if added.is_empty() { path.to_owned() } else { format!("{path}?{added}") };
    };
    if added.is_empty() {
        return format!("{path}?{given}");
    }
    fn name(pair: &str) -> &str {
        pair.split('=').next().unwrap_or_default()
    }
    let taken: Vec<_> = added.split('&').map(name).collect();
    let kept = given.split('&').filter(|pair| !taken.contains(&name(pair)));
    let pairs: Vec<_> = kept.chain([added]).collect();
    format!("{path}?{}", pairs.join("&"))
}

fn for_process(parts: &Parts, path: &str, port: u16, body: Bytes) -> Option<Request<Full<Bytes>>> {
    let uri = Uri::builder()
        .scheme("http")
        .authority(format!("127.0.0.1:{port}"))
        .path_and_query(path.parse::<PathAndQuery>().ok()?)
        .build()
        .ok()?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = parts.headers.clone();
    Some(request)
}

/// A function's answer on its way: each piece goes on as it comes. It holds its process until its end, and dropping
/// it (the client has gone) closes the connection, which is how a function learns that nobody listens.
struct Answering {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
    function: Arc<Function>,
    tell: Tell,
    _lease: Lease,
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.deadline.as_mut().poll(context).is_ready() {
            (self.tell)(&self.function.path, Event::TimedOut(self.function.max_duration));
            return Poll::Ready(Some(Err(axum::Error::new(TooLong))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("FUNCTION_INVOCATION_TIMEOUT: the function took longer than its maxDuration")]
struct TooLong;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_are_added_to_the_query_and_cannot_be_overruled() {
        for (asked, added, expected) in [
            ("/api/v1/ping", "", "/api/v1/ping"),
            ("/api/v1/ping?deep=true", "", "/api/v1/ping?deep=true"),
            ("/api/v1/runs/7", "id=7", "/api/v1/runs/7?id=7"),
            ("/api/v1/runs/7?wait=5&id=8&after=2", "id=7", "/api/v1/runs/7?wait=5&after=2&id=7"),
        ] {
            assert_eq!(path_and_query(&asked.parse().unwrap(), added), expected);
        }
    }
}
