//! What became of a guarded call: the attempts and the last word.

use std::{fmt, time::Duration};

use super::{Classify, Rejected};
use domain::retry::Failure;

/// One failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its kind of failure.
    pub failure: Failure,
    /// What the error said, at most [`Attempt::MAX_ERROR`] bytes.
    pub error: String,
    /// How long it took.
    pub took: Duration,
    /// How long the guard waited afterwards; `None` after the last.
    pub delay: Option<Duration>,
}

impl Attempt {
    /// Longest kept text of an error, in bytes.
    pub const MAX_ERROR: usize = 300;
}

/// Why a guarded call ended without a result.
#[derive(Debug)]
pub enum Cause<E> {
    /// The last attempt failed.
    Failed(E),
    /// The last attempt gave no answer in time.
    TimedOut {
        /// The time it had.
        limit: Duration,
    },
    /// The breaker is open for longer than the call may wait.
    Rejected {
        /// When it may be tried again.
        retry_after: Duration,
    },
}

/// A guarded call that failed, with the history of its attempts.
#[derive(Debug)]
pub struct CallError<E> {
    /// The destination's name.
    pub destination: &'static str,
    /// What was asked of it.
    pub operation: &'static str,
    /// The last word.
    pub cause: Cause<E>,
    /// All failed attempts, the first first.
    pub history: Vec<Attempt>,
}

impl<E: Classify> Classify for Cause<E> {
    fn failure(&self) -> Failure {
        match self {
            Self::Failed(error) => error.failure(),
            Self::TimedOut { .. } => Failure::Timeout,
            Self::Rejected { retry_after } => Failure::Rejected { retry_after: Some(*retry_after) },
        }
    }

    fn blames_destination(&self) -> bool {
        match self {
            Self::Failed(error) => error.blames_destination(),
            Self::TimedOut { .. } => true,
            Self::Rejected { .. } => false,
        }
    }
}

impl<E: Classify> Classify for CallError<E> {
    fn failure(&self) -> Failure {
        self.cause.failure()
    }

    fn blames_destination(&self) -> bool {
        self.cause.blames_destination()
    }
}

impl<E: fmt::Display> fmt::Display for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::TimedOut { limit } => write!(f, "no answer within {} ms", limit.as_millis()),
            Self::Rejected { retry_after } => Rejected { retry_after: *retry_after }.fmt(f),
        }
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { destination, operation, cause, history } = self;
        write!(f, "{destination} {operation} failed after {} attempt(s): {cause}", history.len())?;
        // The last attempt's error is the cause itself, unless the breaker had the last word.
        let told = usize::from(!matches!(cause, Cause::Rejected { .. }));
        let earlier = &history[..history.len().saturating_sub(told)];
        for (number, attempt) in (1..).zip(earlier) {
            let Attempt { failure, error, took, .. } = attempt;
            write!(f, "; attempt {number} ({}, {} ms): {error}", failure.as_str(), took.as_millis())?;
        }
        Ok(())
    }
}

impl<E: std::error::Error> std::error::Error for CallError<E> {}
