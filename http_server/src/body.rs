//! Bodies in both directions.

use std::{
    error::Error,
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{BoxError, body::Body as AxumBody};
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{connection::Connection, limits::BodyPace};

/// A request's body that comes fast enough, or ends with [`TooSlow`].
pub(crate) struct PacedBody {
    body: Incoming,
    pace: BodyPace,
    connection: Arc<Connection>,
    received: u64,
    /// When it was first waited for, or for a body without deadlines: since the last piece.
    waits: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether all of it was read.
    ended: bool,
}

/// A body came too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSlow {
    /// What was asked for.
    pub pace: BodyPace,
    /// Bytes that were there.
    pub received: u64,
    /// After that time.
    pub after: Duration,
}

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pace: BodyPace { grace, bytes_per_second, total }, received, after } = self;
        write!(
            f,
            "the body came too slowly: after {after:.1?} there were {received} bytes of it; after {grace:?} a body \
             has at least {bytes_per_second} bytes a second, and all of it is there within {total:?}"
        )
    }
}

impl Error for TooSlow {}

/// That a body came too slowly, if that is among the causes of an error of reading it. Others find it as an
/// [`io::Error`] of the kind `TimedOut`.
#[must_use]
pub fn too_slow<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a TooSlow> {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.find_map(|error| error.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref())
}

impl PacedBody {
    pub(crate) const fn new(body: Incoming, pace: BodyPace, connection: Arc<Connection>) -> Self {
        Self { body, pace, connection, received: 0, waits: None, timer: None, ended: false }
    }

    /// Nothing is there: waits, but not for ever.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<TooSlow> {
        let since = *self.waits.get_or_insert_with(Instant::now);
        self.connection.waits_for_body(since);
        if self.connection.is_lifted() {
            return Poll::Pending;
        }
        loop {
            let deadline = since + self.pace.allows(self.received);
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            if now >= deadline {
                let after = now.saturating_duration_since(since);
                return Poll::Ready(TooSlow { pace: self.pace, received: self.received, after });
            }
            timer.as_mut().reset(deadline);
        }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            let slow = ready!(self.wait(cx));
            return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, slow).into())));
        };
        self.connection.has_body();
        self.ended |= frame.is_none();
        if let Some(Ok(frame)) = &frame {
            self.received += frame.data_ref().map_or(0, |data| data.len() as u64);
            if self.connection.is_lifted() {
                self.waits = None;
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for PacedBody {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            self.connection.leaves_body();
        }
    }
}

/// An answer's body, which tells when it is complete.
pub(crate) struct AnswerBody {
    pub(crate) body: AxumBody,
    pub(crate) connection: Arc<Connection>,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.connection.has_answered();
    }
}
