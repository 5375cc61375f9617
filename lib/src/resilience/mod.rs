//! Retries, breakers and deadlines around every outward call.
//!
//! A [`Guard`] stands in front of one dependency and applies, from the outside in: the time window of the whole
//! call, the retries ([`RetryPolicy`](domain::retry::RetryPolicy)), the [`Breaker`], the time limit of one
//! attempt. Adapters only say what kind of failure an error is ([`Classify`]).

pub mod alerts;
mod breaker;
mod guard;
mod history;

pub use breaker::{Breaker, BreakerSettings, Permit, Rejected};
pub use guard::Guard;
pub use history::{Attempt, CallError, Cause};

use domain::retry::Failure;

/// Says what kind of failure an error is: all that retries and breakers ask.
pub trait Classify {
    /// The kind of failure.
    fn failure(&self) -> Failure;

    /// Whether it shows that the destination is ill, so that its breaker counts it. A destination that answers
    /// with a refusal or a rate limit is alive.
    fn blames_destination(&self) -> bool {
        matches!(self.failure(), Failure::Connection | Failure::Timeout | Failure::Server { .. })
    }
}
