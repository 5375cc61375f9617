//! `/api/v1/tenant/{view}`: what concerns a tenant as a whole; a file a view.

mod schedule_preview;
mod triggers;

use super::{QUICK, Routes, within};
pub use schedule_preview::PreviewAnswer;
pub use triggers::TriggerPage;

/// The routes.
#[must_use]
pub fn router() -> Routes {
    within(QUICK, Routes::new().merge(schedule_preview::router()).merge(triggers::router()))
}
