//! Where the issuer's keys come from: fetched, kept, and fetched again when they are old or lack one.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio_util::task::TaskTracker;
use url::Url;

use super::{
    AuthError,
    keys::{Found, KeySet, Wanted},
};
use crate::clock::Clock;
use crate::{
    outbound::{self, Outbound, OutboundError},
    resilience::{BreakerSettings, Classify, Guard},
    telemetry::redact::Secrets,
};
use domain::{
    retry::{Failure, RetryPolicy},
    timestamp::Timestamp,
};

/// Keys that old are fetched again, while callers go on with them.
const REFRESH_AFTER: Duration = Duration::from_secs(600);
/// Keys that old (a process that slept) are only used after an attempt to fetch them again.
const DOUBT_AFTER: Duration = Duration::from_secs(3_600);
/// Keys that old are not used any more, even when no newer ones can be had.
const FORGET_AFTER: Duration = Duration::from_secs(86_400);
/// A token with an unknown key causes a fetch, but not more often than this: anybody can send such tokens.
const MIN_INTERVAL: Duration = Duration::from_secs(30);
/// The same after a fetch that failed, when callers have nothing to go on with.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// The largest key set.
const MAX_BODY: usize = 256 * 1024;
const RETRY: RetryPolicy = RetryPolicy::standard(3, Duration::from_secs(4));
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// The issuer's keys.
pub(super) struct KeySource {
    inner: Arc<Inner>,
    /// Fetches run in tasks: a caller that goes away neither stops one nor makes it count as failed.
    tasks: TaskTracker,
}

struct Inner {
    origin: Option<Origin>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Held while fetching.
    fetching: tokio::sync::Mutex<()>,
}

struct Origin {
    outbound: Outbound,
    url: Url,
    guard: Guard,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// When the last fetch ended, and whether it succeeded.
    attempted: Option<(Timestamp, bool)>,
}

#[derive(Clone)]
struct Held {
    keys: Arc<KeySet>,
    digest: [u8; 32],
    fetched: Timestamp,
}

/// Why no keys came.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Transport(#[from] OutboundError),
    #[error("status {status}: {message}")]
    Status { status: u16, retry_after: Option<Duration>, message: String },
    #[error("not a key set: {0}")]
    NotKeys(#[from] serde_json::Error),
}

impl Classify for FetchError {
    fn failure(&self) -> Failure {
        match self {
            Self::Transport(error) => error.failure(),
            Self::Status { status, retry_after, .. } => {
                Failure::of_status(*status, *retry_after).unwrap_or(Failure::Permanent)
            }
            Self::NotKeys(_) => Failure::Permanent,
        }
    }
}

impl KeySource {
    /// Keys that are fetched from `url` when they are first needed.
    pub(super) fn fetched(url: Url, clock: Arc<dyn Clock>) -> Self {
        let guard = Guard::new("jwks", RETRY, ATTEMPT_TIMEOUT, BreakerSettings::default());
        let origin = Origin { outbound: Outbound::to(&url), url, guard };
        Self::of(Some(origin), State::default(), clock)
    }

    /// Keys that never change.
    pub(super) fn fixed(keys: KeySet, clock: Arc<dyn Clock>) -> Self {
        let held = Held { keys: Arc::new(keys), digest: [0; 32], fetched: clock.now() };
        Self::of(None, State { held: Some(held), attempted: None }, clock)
    }

    fn of(origin: Option<Origin>, state: State, clock: Arc<dyn Clock>) -> Self {
        let inner =
            Inner { origin, clock, state: Mutex::new(state), fetching: tokio::sync::Mutex::default() };
        Self { inner: Arc::new(inner), tasks: TaskTracker::new() }
    }

    /// The generation of the keys, if they are fresh: what was verified with them needs no further look.
    pub(super) fn fresh_generation(&self) -> Option<u64> {
        let age = |held: &Held| self.inner.clock.now().since(held.fetched);
        let fixed = self.inner.origin.is_none();
        self.inner
            .lock()
            .held
            .as_ref()
            .filter(|held| fixed || age(held) < REFRESH_AFTER)
            .map(|held| held.keys.generation)
    }

    /// The set with the key that a token names, fetched if need be.
    pub(super) async fn with(&self, wanted: &Wanted) -> Result<Arc<KeySet>, AuthError> {
        if self.inner.origin.is_none() {
            return self.inner.usable(wanted);
        }
        let held = self.inner.lock().held.clone();
        let known = held.as_ref().is_some_and(|held| !matches!(held.keys.find(wanted), Found::None));
        let age = held.map_or(Duration::MAX, |held| self.inner.clock.now().since(held.fetched));
        match age {
            _ if !known || age >= DOUBT_AFTER => {
                let inner = Arc::clone(&self.inner);
                let fetch = self.tasks.spawn(async move { inner.refresh().await });
                // A fetch that panicked is one that brought nothing.
                let _ = fetch.await;
            }
            _ if age >= REFRESH_AFTER && self.inner.may_fetch() => {
                let inner = Arc::clone(&self.inner);
                self.tasks.spawn(async move { inner.refresh().await });
            }
            _ => {}
        }
        self.inner.usable(wanted)
    }
}

impl Inner {
    /// The keys as they are, if they have the wanted one and are not too old.
    fn usable(&self, wanted: &Wanted) -> Result<Arc<KeySet>, AuthError> {
        let state = self.lock();
        let unavailable = AuthError::Unavailable { retry_after: RETRY_INTERVAL };
        let now = self.clock.now();
        let held = state.held.as_ref();
        let held = held.filter(|held| self.origin.is_none() || now.since(held.fetched) < FORGET_AFTER);
        match held {
            Some(held) if !matches!(held.keys.find(wanted), Found::None) => Ok(Arc::clone(&held.keys)),
            // With the issuer away, it is not known whether the key is.
            Some(_) if state.attempted.is_none_or(|(_, succeeded)| succeeded) => Err(AuthError::UnknownKey),
            _ => Err(unavailable),
        }
    }

    fn may_fetch(&self) -> bool {
        let state = self.lock();
        let interval = match (&state.held, state.attempted) {
            (Some(_), _) | (_, Some((_, true))) => MIN_INTERVAL,
            _ => RETRY_INTERVAL,
        };
        state.attempted.is_none_or(|(at, _)| self.clock.now().since(at) >= interval)
    }

    /// Fetches the keys, unless that was done a moment ago: also by whoever held the lock until now.
    async fn refresh(&self) {
        let _fetching = self.fetching.lock().await;
        let Some(origin) = self.origin.as_ref().filter(|_| self.may_fetch()) else { return };
        let generation = self.lock().held.as_ref().map_or(0, |held| held.keys.generation + 1);
        let fetched = origin.guard.call("fetch", || origin.fetch(generation)).await;
        let now = self.clock.now();
        let mut state = self.lock();
        state.attempted = Some((now, fetched.is_ok()));
        match fetched {
            Ok((keys, digest)) => match &mut state.held {
                // The same set keeps its generation, so that what was verified with it stays verified.
                Some(held) if held.digest == digest => held.fetched = now,
                _ => state.held = Some(Held { keys: Arc::new(keys), digest, fetched: now }),
            },
            Err(error) => {
                drop(state);
                tracing::error!(error = %error, "the keys of the token issuer cannot be fetched: {error}");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origin {
    async fn fetch(&self, generation: u64) -> Result<(KeySet, [u8; 32]), FetchError> {
        let request =
            self.outbound.client()?.get(self.url.clone()).header(http::header::ACCEPT, "application/json");
        let reply = outbound::send(request, MAX_BODY).await?;
        if !reply.is_success() {
            let mut secrets = Secrets::default();
            secrets.url(&self.url);
            let message = reply.excerpt(&secrets.redactor());
            return Err(FetchError::Status { status: reply.status, retry_after: reply.retry_after, message });
        }
        Ok((KeySet::parse(&reply.body, generation)?, Sha256::digest(&reply.body).into()))
    }
}
