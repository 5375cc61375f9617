//! `/api/v1/runs/{id}/…`: what is done to a run, a verb a file.

mod replay;

use super::{QUICK, Routes, within};

/// The routes.
#[must_use]
pub fn router() -> Routes {
    within(QUICK, Routes::new().merge(replay::router()))
}
