//! `/api/v1/tenant/{view}`: what concerns a tenant as a whole; a file a view.

mod alerts;
mod dead_letter;
mod dead_letters;
mod me;
mod schedule_preview;
mod stats;
mod triggers;

use super::{QUICK, Routes, within};
pub use alerts::AlertPage;
pub use dead_letter::SentAgain;
pub use dead_letters::LetterPage;
pub use me::{LimitShown, Me};
pub use schedule_preview::PreviewAnswer;
pub use triggers::TriggerPage;

/// The routes.
#[must_use]
pub fn router() -> Routes {
    within(
        QUICK,
        Routes::new()
            .merge(alerts::router())
            .merge(dead_letter::router())
            .merge(dead_letters::router())
            .merge(me::router())
            .merge(schedule_preview::router())
            .merge(stats::router())
            .merge(triggers::router()),
    )
}
