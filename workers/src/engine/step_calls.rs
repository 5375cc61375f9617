//! What a step knows of the runs that it has called.

use std::sync::Arc;

use domain::ids::RunId;
use serde_json::Value;

use super::{step_run::StepRun, step_state::StepState};

impl StepRun {
    /// The runs that it waits for, or has waited for and goes on without.
    #[must_use]
    pub fn open_runs(&self) -> &[RunId] {
        self.carried.as_ref().map_or(&[], |carried| &carried.open)
    }

    /// What has come of the runs that it waited for.
    pub fn ends(&self) -> impl Iterator<Item = &Arc<Value>> {
        let carried = self.carried.as_deref().into_iter();
        let all = carried
            .flat_map(|carried| carried.woken.iter().flat_map(|woken| &woken.ended).chain(&carried.ended));
        all.map(|(_, end)| end)
    }

    /// Whether a run has ended since its execution that is under way began.
    pub(super) fn has_seen_end_of(&self, run: RunId) -> bool {
        self.carried.as_ref().is_some_and(|carried| carried.ended.iter().any(|(ended, _)| *ended == run))
    }

    /// Whether enough of the runs have ended that it is suspended for.
    pub(super) fn runs_have_ended(&self) -> bool {
        let StepState::Suspended { retrying: false, .. } = self.state else { return false };
        self.carried
            .as_ref()
            .is_some_and(|carried| !carried.ended.is_empty() && (carried.any || carried.open.is_empty()))
    }
}
