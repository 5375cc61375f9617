//! `/api/v1/runs/{id}/{part}`: what is wanted of a run, and what is asked of it; a file a part.

mod file;

use super::{QUICK, Routes, within};

/// The routes.
#[must_use]
pub fn router() -> Routes {
    within(QUICK, Routes::new().merge(file::router()))
}
