//! What a connection waits for, and since when. Noting it costs a store, so that it can be done on every read and
//! write; deadlines are looked at from outside, once in a while.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::extract::FromRequestParts;
use http::request::Parts;
use tokio::{sync::Notify, time::Instant};

/// What the server does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It waits for the rest of a request's head.
    Head,
    /// It waits for a body.
    Body,
    /// It works for it: nobody waits for the client.
    Work,
    /// The answer is complete, and not all of it is on its way.
    Flush,
    /// It waits for the next request.
    Idle,
    /// It has answered and waits until the client has stopped sending.
    Closing,
}

impl Phase {
    const fn of(bits: u64) -> Self {
        match bits & PHASE {
            0 => Self::Head,
            1 => Self::Body,
            2 => Self::Work,
            3 => Self::Flush,
            4 => Self::Idle,
            _ => Self::Closing,
        }
    }
}

/// The bits of [`Connection::state`] that hold the phase; above them are milliseconds.
const PHASE: u64 = 0b111;
const PHASE_BITS: u32 = 3;

/// A connection, as everybody sees it who has to do with it.
#[derive(Debug)]
pub(crate) struct Connection {
    peer: SocketAddr,
    began: Instant,
    /// The phase, and when it began, in milliseconds since `began`.
    state: AtomicU64,
    /// When a write first had to wait, in milliseconds since `began`, and one more; 0: none waits.
    stalled: AtomicU64,
    /// The body of the request that is being answered has no deadlines.
    lifted: AtomicBool,
    /// A request's body was not read to its end.
    unread: AtomicBool,
    /// Told to end at once.
    cut: Notify,
}

impl Connection {
    pub(crate) fn new(peer: SocketAddr) -> Self {
        Self {
            peer,
            began: Instant::now(),
            state: AtomicU64::new(Phase::Head as u64),
            stalled: AtomicU64::new(0),
            lifted: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            cut: Notify::new(),
        }
    }

    pub(crate) const fn peer(&self) -> SocketAddr {
        self.peer
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX >> PHASE_BITS)
    }

    fn enter(&self, phase: Phase, at: Instant) {
        self.state.store((self.millis(at) << PHASE_BITS) | phase as u64, Relaxed);
    }

    /// Bytes have come.
    pub(crate) fn has_read(&self) {
        if Phase::of(self.state.load(Relaxed)) == Phase::Idle {
            self.enter(Phase::Head, Instant::now());
        }
    }

    /// A request's head is there.
    pub(crate) fn has_request(&self) {
        self.lifted.store(false, Relaxed);
        self.enter(Phase::Work, Instant::now());
    }

    /// The handler waits for the body, since then.
    pub(crate) fn waits_for_body(&self, since: Instant) {
        self.enter(Phase::Body, since);
    }

    /// What the handler waited for has come.
    pub(crate) fn has_body(&self) {
        if Phase::of(self.state.load(Relaxed)) == Phase::Body {
            self.enter(Phase::Work, Instant::now());
        }
    }

    /// A request's body is given up before its end.
    pub(crate) fn leaves_body(&self) {
        self.unread.store(true, Relaxed);
    }

    /// The answer is complete.
    pub(crate) fn has_answered(&self) {
        self.enter(Phase::Flush, Instant::now());
    }

    /// All that was to be sent is on its way.
    pub(crate) fn has_flushed(&self) {
        if Phase::of(self.state.load(Relaxed)) == Phase::Flush {
            self.enter(Phase::Idle, Instant::now());
        }
    }

    /// It ends. Whether the client may still be sending: if the connection were closed then, the client would be
    /// told so before it reads the answer.
    pub(crate) fn closes(&self) -> bool {
        self.enter(Phase::Closing, Instant::now());
        self.unread.load(Relaxed)
    }

    /// A write has to wait for the reader, or goes on.
    pub(crate) fn writes(&self, waits: bool) {
        if !waits {
            if self.stalled.load(Relaxed) != 0 {
                self.stalled.store(0, Relaxed);
            }
        } else if self.stalled.load(Relaxed) == 0 {
            self.stalled.store(self.millis(Instant::now()) + 1, Relaxed);
        }
    }

    pub(crate) fn is_lifted(&self) -> bool {
        self.lifted.load(Relaxed)
    }

    /// The phase, and how long it has lasted.
    pub(crate) fn phase(&self, now: Instant) -> (Phase, Duration) {
        let state = self.state.load(Relaxed);
        (Phase::of(state), Duration::from_millis(self.millis(now).saturating_sub(state >> PHASE_BITS)))
    }

    /// How long a write has been waiting.
    pub(crate) fn stalled(&self, now: Instant) -> Option<Duration> {
        let since = self.stalled.load(Relaxed).checked_sub(1)?;
        Some(Duration::from_millis(self.millis(now).saturating_sub(since)))
    }

    /// Ends it at once.
    pub(crate) fn cut(&self) {
        self.cut.notify_one();
    }

    /// Waits until it is to end at once.
    pub(crate) async fn is_cut(&self) {
        self.cut.notified().await;
    }
}

/// Who sent a request. Taken as an extractor.
#[derive(Debug, Clone)]
pub struct Peer(pub(crate) Arc<Connection>);

impl Peer {
    /// Nobody, for requests that came over no connection, as in tests of a handler.
    #[must_use]
    pub fn nobody() -> Self {
        Self(Arc::new(Connection::new(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))))
    }

    /// Where it comes from.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.0.peer()
    }

    /// The body of this request is a stream that goes on as long as its sender wants: the handler sees to its
    /// deadlines.
    pub fn lift_body_deadlines(&self) {
        self.0.lifted.store(true, Relaxed);
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_else(Self::nobody))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_phase_lasts_from_when_it_began() {
        let connection = connection();
        let second = Duration::from_secs(1);
        tokio::time::advance(second).await;
        connection.has_read();
        assert_eq!(
            connection.phase(Instant::now()),
            (Phase::Head, second),
            "the first head from the start on"
        );
        connection.has_request();
        connection.has_read();
        connection.has_body();
        assert_eq!(connection.phase(Instant::now()), (Phase::Work, Duration::ZERO));
        let began = Instant::now();
        for _ in 0..3 {
            tokio::time::advance(second).await;
            connection.waits_for_body(began);
        }
        assert_eq!(connection.phase(Instant::now()), (Phase::Body, 3 * second));
        connection.has_body();
        connection.has_flushed();
        connection.has_answered();
        assert_eq!(connection.phase(Instant::now()), (Phase::Flush, Duration::ZERO));
        connection.has_flushed();
        tokio::time::advance(second).await;
        connection.has_flushed();
        assert_eq!(connection.phase(Instant::now()), (Phase::Idle, second));
        connection.has_read();
        assert_eq!(connection.phase(Instant::now()), (Phase::Head, Duration::ZERO));
        assert!(!connection.closes());
        assert_eq!(connection.phase(Instant::now()), (Phase::Closing, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_stalls_from_the_first_that_waits_until_one_goes_on() {
        let connection = connection();
        assert_eq!(connection.stalled(Instant::now()), None);
        connection.writes(true);
        tokio::time::advance(Duration::from_secs(2)).await;
        connection.writes(true);
        assert_eq!(connection.stalled(Instant::now()), Some(Duration::from_secs(2)));
        connection.writes(false);
        assert_eq!(connection.stalled(Instant::now()), None);
    }
}
