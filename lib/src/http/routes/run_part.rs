//! `/api/v1/runs/{id}/{part}`: what is wanted of a run, and what is asked of it; a file a part.

mod cancel;
mod file;
mod items;
mod replay;
mod resume;

use super::{QUICK, Routes, within};

/// The routes.
#[must_use]
pub fn router() -> Routes {
    within(
        QUICK,
        Routes::new()
            .merge(cancel::router())
            .merge(file::router())
            .merge(items::router())
            .merge(replay::router())
            .merge(resume::router()),
    )
}
