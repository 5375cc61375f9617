//! `/api/v1/scheduler/{kind}`: what the scheduler is told, and by whom; a file a kind.

mod events;
mod tick;

use super::{QUICK, Routes, within};

/// The routes.
#[must_use]
pub fn router() -> Routes {
    within(QUICK, Routes::new().merge(events::router()).merge(tick::router()))
}
