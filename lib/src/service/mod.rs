//! Use cases: what the routes do, without HTTP.
//!
//! Each use case has its own error; only `http::error` maps them to status codes.

mod accept;
mod accept_once;
mod cancel;
mod credentials;
mod found_run;
mod hooks;
mod idempotency;
mod items;
mod of_node;
mod replay;
mod resume;
mod run_watch;
mod runs;
mod scheduler;
mod schedules;
mod signals;
mod start;
mod tenant;
mod test_run;
mod workflows;

pub use cancel::CancelRunError;
pub use credentials::{Consent, CredentialChange, CredentialError, Credentials, NewCredential};
pub use found_run::FoundRun;
pub use hooks::{Delivered, FoundHook, HookError, HookInfo, HookList, Hooks, LONGEST_OVERLAP};
pub use idempotency::{IdempotencyKey, InvalidIdempotencyKey};
pub use items::{FoundItems, ReadItemsError};
pub use replay::{ReplayError, ReplayRun, ReplayVersion};
pub use resume::{Answerable, ResumeRunError, SendSignal, Sent};
pub use run_watch::{Heard, RunWatch, Subscription, TooManyWaiters, Wanted, WatchSettings};
pub use runs::{Follow, ReadRunError, Runs, Until};
pub use scheduler::{Scheduled, Scheduler, SchedulerError};
pub use schedules::{MissedOccurrences, Preview, Previewed, Schedules, Trigger, TriggerKind};
pub use start::{StartRun, StartRunError, Started};
pub use tenant::{AlertError, Lag, LetterError, OpenBreakerShown, Overview, StatsWindow, Tenants};
pub use test_run::TestRun;
pub use workflows::{Precondition, WorkflowError, Workflows};

use std::hash::Hash;

use quick_cache::{
    DefaultHashBuilder, UnitWeighter,
    unsync::{Cache, DefaultLifecycle},
};

use crate::{clock::Clock, remembered};
use domain::{
    event::{Event, Payload},
    ids::TenantId,
};

/// What every use case knows of the request it serves.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Whose data may be read and written.
    pub tenant: TenantId,
    /// W3C trace context of the request, to be handed on with the events it causes.
    pub traceparent: Option<String>,
}

impl Caller {
    /// A caller without trace context.
    #[must_use]
    pub const fn of(tenant: TenantId) -> Self {
        Self { tenant, traceparent: None }
    }

    fn event(&self, clock: &dyn Clock, payload: Payload) -> Event {
        Event {
            id: uuid::Uuid::now_v7().to_string(),
            time: clock.now(),
            tenant: self.tenant.clone(),
            traceparent: self.traceparent.clone(),
            payload,
        }
    }
}

/// A table of at most `capacity` entries. Those that are used again and again have the part `lasting` of it, and go
/// last; the rest of it belongs to new ones, of which the first to come are the first to go.
fn bounded<K: Eq + Hash, V>(capacity: usize, lasting: f64) -> Cache<K, V> {
    let options = remembered::options(capacity, capacity, |options| {
        options.hot_allocation(lasting);
    });
    Cache::with_options(options, UnitWeighter, DefaultHashBuilder::default(), DefaultLifecycle::default())
}
