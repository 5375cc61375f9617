//! Rows that cannot be read: set aside, so that one of them holds up neither the worker nor other runs.

use domain::{dead_letter::DeadLetter, timestamp::Timestamp};
use metrics::counter;
use minireipaz::telemetry::names;

use crate::CONSUMER;

/// Tells of a row that cannot be read, and gives it as a dead letter. The tenant is empty where it is not known.
pub(crate) fn set_aside(reason: &str, row: &[u8], tenant: &str, at: Timestamp) -> DeadLetter {
    counter!(names::JOURNAL_UNREADABLE_ROWS).increment(1);
    tracing::error!(reason, "a row of the journal cannot be read and becomes a dead letter");
    DeadLetter::new(CONSUMER, reason, row, tenant, at)
}
