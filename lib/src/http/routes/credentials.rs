//! `/api/v1/credentials`, and all below it, which is one function; a file a purpose.

mod all;
mod consent;
mod one;
mod trial;

use super::{QUICK, Routes, within};

/// The routes.
#[must_use]
pub fn router() -> Routes {
    within(
        QUICK,
        Routes::new()
            .merge(all::router())
            .merge(one::router())
            .merge(trial::router())
            .merge(consent::router()),
    )
}
