//! Call: a step has other runs started, and goes on when they have ended.

use std::sync::Arc;

use domain::{
    limits::MAX_RUN_CALLS,
    run::{NodeError, WaitsFor},
};
use serde_json::json;

use super::{
    Deciding,
    finish_step::{check_kept, said},
};
use crate::engine::{
    command::{Call, Calling},
    effect::Effect,
    event::{Called, StepChange, Suspension, Wake},
    illegal::Illegal,
    key::StepKey,
};

impl Deciding<'_> {
    /// The runs are started in the commit that says so. A call that could not be made has ended at once.
    pub(super) fn call(&mut self, step: &StepKey, attempt: u32, calling: Calling) -> Result<(), Illegal> {
        let Calling { mut waits_for, any, calls, kept } = calling;
        if let Err(above) = check_kept(kept.as_ref()) {
            return self.fail_step(step, attempt, *above, None);
        }
        let runs = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        if self.state.progress.called.saturating_add(runs) > MAX_RUN_CALLS {
            let message = format!(
                "the steps of the run would call more than {MAX_RUN_CALLS} runs (MAX_RUN_CALLS); call fewer, with more \
                 items each"
            );
            let details = json!({ "limit": "MAX_RUN_CALLS", "most": MAX_RUN_CALLS });
            let error = NodeError::new("limit", message).with_details(details);
            return self.fail_step(step, attempt, error, None);
        }
        let goes_on = waits_for.is_empty();
        // Some may have ended while the attempt was under way.
        let run = self.step(step)?;
        waits_for.retain(|waited| !run.has_seen_end_of(*waited));
        let waits_for = WaitsFor { until: goes_on.then_some(self.now), runs: waits_for, signal: None };
        let called = Some(Called { runs, any });
        let suspension = Suspension { waits_for, kept: said(kept), failure: None, called };
        self.change(step, attempt, StepChange::Suspended(Box::new(suspension)))?;
        for Call { run, start } in calls {
            match start {
                Ok(child) => self.effect(Effect::StartRun(child)),
                Err(end) => {
                    let end = Arc::new(end.to_value());
                    self.change(step, attempt, StepChange::RunEnded { run, end })?;
                }
            }
        }
        if goes_on {
            self.resume(step.clone(), Wake::Moment)
        } else {
            self.resume_if_runs_ended(step.clone())
        }
    }
}
