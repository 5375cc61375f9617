//! `/api/v1/workflows/{id}/{part}`: what belongs to a workflow; a file a part.

use super::{QUICK, Routes, within, workflow_hooks, workflow_runs};

/// The routes.
#[must_use]
pub fn router() -> Routes {
    within(QUICK, Routes::new().merge(workflow_hooks::router()).merge(workflow_runs::router()))
}
