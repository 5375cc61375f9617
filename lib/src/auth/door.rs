//! The door that connectors call, the same at the scheduler and at the worker: who is turned away for good is told what
//! to do, counted, and written to the log now and then. A connector that is refused says so nowhere but in its own log,
//! and calls itself running.

use std::{fmt, sync::Arc};

use http::HeaderMap;
use metrics::counter;

use super::{CallbackSecrets, NotAdmitted};
use crate::{
    clock::Clock,
    telemetry::{names, seldom::Seldom},
};

/// A door for connectors.
pub struct ConnectorDoor {
    /// Whose it is: `scheduler` or `worker`.
    consumer: &'static str,
    secrets: CallbackSecrets,
    clock: Arc<dyn Clock>,
    strangers: Seldom,
    too_large: Seldom,
}

/// Why a request gets nothing but this text, however often it is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TurnedAway {
    /// 401: it shows no secret, or another one.
    #[error(
        "the secret is {}: send `Authorization: Bearer <secret>` or `X-API-KEY: <secret>` with what CONNECTOR_SECRET \
         or CONNECTOR_SECRET_NEXT is set to here",
        match .0 { NotAdmitted::Missing => "missing", NotAdmitted::Wrong => "wrong" }
    )]
    Stranger(NotAdmitted),
    /// 413: its body is above the limit, in bytes.
    #[error("a batch has at most {0} bytes: lower the connector's batch.max.size (api1.max.batch.size)")]
    TooLarge(usize),
}

impl TurnedAway {
    /// The label's value.
    const fn reason(self) -> &'static str {
        match self {
            Self::Stranger(NotAdmitted::Missing) => "secret_missing",
            Self::Stranger(NotAdmitted::Wrong) => "secret_wrong",
            Self::TooLarge(_) => "too_large",
        }
    }
}

impl ConnectorDoor {
    /// The door of `consumer`. Its counters are there from the start, at zero.
    #[must_use]
    pub fn new(consumer: &'static str, secrets: CallbackSecrets, clock: Arc<dyn Clock>) -> Self {
        let (strangers, too_large) = (Seldom::once_a_minute(), Seldom::once_a_minute());
        let door = Self { consumer, secrets, clock, strangers, too_large };
        let all = [NotAdmitted::Missing, NotAdmitted::Wrong].map(TurnedAway::Stranger);
        for refusal in all.into_iter().chain([TurnedAway::TooLarge(0)]) {
            door.count(refusal, 0);
        }
        door
    }

    /// Lets in who shows a secret.
    ///
    /// # Errors
    /// When it shows none, or another one.
    pub fn admit(&self, headers: &HeaderMap) -> Result<(), TurnedAway> {
        let Err(why) = self.secrets.check(headers) else { return Ok(()) };
        let refusal = TurnedAway::Stranger(why);
        self.count(refusal, 1);
        if let Some(more) = self.strangers.may_speak(self.clock.now()) {
            let (consumer, reason) = (self.consumer, refusal.reason());
            tracing::warn!(
                consumer,
                reason,
                more,
                "the {consumer} answers a connector with 401, and {more} more times since this was last said: it does \
                 not have this {consumer}'s CONNECTOR_SECRET, and delivers nothing until it does"
            );
        }
        Err(refusal)
    }

    /// Turns away a body above the limit, in bytes.
    pub fn too_large(&self, limit: usize) -> TurnedAway {
        let refusal = TurnedAway::TooLarge(limit);
        self.count(refusal, 1);
        if let Some(more) = self.too_large.may_speak(self.clock.now()) {
            let (consumer, reason) = (self.consumer, refusal.reason());
            tracing::warn!(
                consumer,
                reason,
                more,
                "the {consumer} answers a batch above {limit} bytes with 413, and {more} more since this was last \
                 said: it is sent again for ever; lower the connector's batch.max.size"
            );
        }
        refusal
    }

    fn count(&self, refusal: TurnedAway, times: u64) {
        let labels = [(names::CONSUMER, self.consumer), (names::REASON, refusal.reason())];
        counter!(names::CONNECTOR_REFUSED, &labels).increment(times);
    }
}

impl fmt::Debug for ConnectorDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectorDoor").field("consumer", &self.consumer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn who_is_turned_away_is_told_what_to_do_and_no_secret() {
        let secret = "0123456789abcdef";
        let secrets = CallbackSecrets::new(&secret.into(), None).unwrap();
        let door = ConnectorDoor::new("worker", secrets, Arc::new(SystemClock));
        let mut headers = HeaderMap::new();
        let missing = door.admit(&headers).unwrap_err();
        headers.insert("x-api-key", "0123456789abcdeg".parse().unwrap());
        let wrong = door.admit(&headers).unwrap_err();
        assert_eq!((missing.reason(), wrong.reason()), ("secret_missing", "secret_wrong"));
        for told in [missing.to_string(), wrong.to_string()] {
            assert!(told.contains("X-API-KEY") && told.contains("CONNECTOR_SECRET"), "{told}");
            assert!(!told.contains(secret) && !told.contains("abcdeg"), "{told}");
        }
        headers.insert("x-api-key", secret.parse().unwrap());
        assert_eq!(door.admit(&headers), Ok(()));
        assert!(
            door.too_large(7).to_string().contains("at most 7 bytes: lower the connector's batch.max.size")
        );
    }
}
