//! The one wrapper around outward calls.

use std::{error::Error, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use super::{
    Attempt, Breaker, BreakerSettings, CallError, Cause, Classify, Permit, Rejected, alerts::Alerts,
};
use crate::telemetry::names;
use domain::retry::{Failure, RetryPolicy};

/// Stands in front of one dependency. One guard a dependency and process, shared by all calls to it.
///
/// From the outside in: the window of the whole call, the retries, the breaker, the time limit of an attempt.
/// Safe to cancel: a call that is dropped leaves nothing behind, in the breaker's count either.
#[derive(Debug)]
pub struct Guard {
    destination: &'static str,
    policy: RetryPolicy,
    attempt_timeout: Duration,
    breaker: Breaker,
    alerts: Alerts,
}

impl Guard {
    /// A guard for `destination`, a name for logs and metrics. No call takes longer than the policy's window,
    /// and no attempt longer than `attempt_timeout`.
    #[must_use]
    pub fn new(
        destination: &'static str,
        policy: RetryPolicy,
        attempt_timeout: Duration,
        breaker: BreakerSettings,
    ) -> Self {
        let breaker = Breaker::new(breaker);
        // Known from the start, so that the first opening shows as an increase.
        metrics::gauge!(names::BREAKER_OPEN, names::DESTINATION => destination).set(0.0);
        metrics::counter!(names::BREAKER_OPENED, names::DESTINATION => destination).increment(0);
        metrics::counter!(names::BREAKER_REJECTED, names::DESTINATION => destination).increment(0);
        Self { destination, policy, attempt_timeout, breaker, alerts: Alerts::default() }
    }

    /// Makes the call, again where that may help. Being rejected by the open breaker is waited for within the
    /// window and burns no attempt.
    ///
    /// # Errors
    /// When the attempts or the time are used up, when trying again is no use, or when the breaker is open for
    /// longer than the call may wait.
    pub async fn call<T, E, F, Fut>(&self, operation: &'static str, mut attempt: F) -> Result<T, CallError<E>>
    where
        E: Classify + Error,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let started = Instant::now();
        let deadline = started + self.policy.window();
        let mut history = Vec::new();
        loop {
            let began = Instant::now();
            let permit = match self.breaker.try_acquire(began) {
                Ok(permit) => permit,
                Err(Rejected { retry_after }) => {
                    metrics::counter!(names::BREAKER_REJECTED, names::DESTINATION => self.destination)
                        .increment(1);
                    if began + retry_after >= deadline {
                        return Err(self.error(operation, Cause::Rejected { retry_after }, history));
                    }
                    sleep(retry_after).await;
                    continue;
                }
            };
            let limit = self.attempt_timeout.min(deadline - began);
            let cause = match timeout(limit, attempt()).await {
                Ok(Ok(value)) => {
                    self.well(permit);
                    self.count(operation, "success");
                    return Ok(value);
                }
                Ok(Err(error)) => Cause::Failed(error),
                Err(_) => Cause::TimedOut { limit },
            };
            let now = Instant::now();
            if !cause.blames_destination() {
                self.well(permit);
            } else if permit.failure(now) {
                self.breaker_opened();
            }
            let failure = cause.failure();
            let delay = self
                .policy
                .delay(number(&history) + 1, failure, now - started, rand::random())
                .ok()
                .filter(|delay| now + *delay < deadline);
            let error = text(&cause);
            self.count(operation, failure.as_str());
            self.alerts.observe(self.destination, operation, failure, &error);
            history.push(Attempt { failure, error, took: now - began, delay });
            self.log(operation, &history);
            let Some(delay) = delay else { return Err(self.error(operation, cause, history)) };
            metrics::counter!(
                names::CALL_RETRIES,
                names::DESTINATION => self.destination, names::OPERATION => operation, names::FAILURE => failure.as_str()
            )
            .increment(1);
            if !delay.is_zero() {
                sleep(delay).await;
            }
        }
    }

    fn error<E>(&self, operation: &'static str, cause: Cause<E>, history: Vec<Attempt>) -> CallError<E> {
        CallError { destination: self.destination, operation, cause, history }
    }

    fn count(&self, operation: &'static str, outcome: &'static str) {
        metrics::counter!(
            names::CALL_ATTEMPTS,
            names::DESTINATION => self.destination, names::OPERATION => operation, names::OUTCOME => outcome
        )
        .increment(1);
    }

    fn well(&self, permit: Permit<'_>) {
        if permit.success() {
            metrics::gauge!(names::BREAKER_OPEN, names::DESTINATION => self.destination).set(0.0);
        }
    }

    fn breaker_opened(&self) {
        let destination = self.destination;
        tracing::warn!(destination, "the circuit breaker of {destination} opened");
        metrics::counter!(names::BREAKER_OPENED, names::DESTINATION => destination).increment(1);
        metrics::gauge!(names::BREAKER_OPEN, names::DESTINATION => destination).set(1.0);
    }

    /// One line for each failed attempt. The call's own failure is logged by whoever handles it.
    fn log(&self, operation: &'static str, history: &[Attempt]) {
        let Some(Attempt { failure, error, took, delay }) = history.last() else { return };
        let (destination, attempt, kind) = (self.destination, number(history), failure.as_str());
        let took_ms = millis(*took);
        match delay {
            Some(delay) => tracing::warn!(
                destination,
                operation,
                attempt,
                failure = kind,
                took_ms,
                delay_ms = millis(*delay),
                error,
                "{destination} {operation}: attempt {attempt} failed ({kind}), next in {} ms",
                delay.as_millis()
            ),
            None if *failure == Failure::Permanent => tracing::warn!(
                destination,
                operation,
                attempt,
                failure = kind,
                took_ms,
                review = true,
                error,
                "{destination} {operation} was refused; please review: {error}"
            ),
            None => tracing::warn!(
                destination,
                operation,
                attempt,
                failure = kind,
                took_ms,
                asked_ms = failure.asked().map(millis),
                error,
                "{destination} {operation}: attempt {attempt} failed ({kind}), it was the last"
            ),
        }
    }
}

fn number(history: &[Attempt]) -> u32 {
    u32::try_from(history.len()).unwrap_or(u32::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The error with its sources, cut to the length that a history keeps.
fn text<E: Error>(cause: &Cause<E>) -> String {
    let mut text = cause.to_string();
    if let Cause::Failed(error) = cause {
        let mut source = error.source();
        while let Some(error) = source.filter(|_| text.len() < Attempt::MAX_ERROR) {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
    }
    text.truncate(text.floor_char_boundary(Attempt::MAX_ERROR));
    text
}

#[cfg(test)]
mod tests;
