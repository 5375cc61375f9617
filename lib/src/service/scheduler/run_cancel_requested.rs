//! Somebody wants a run to stop: the worker that has it is told.

use super::{Plan, Received};
use domain::event::{CancelRun, Payload};

pub(super) fn plan(received: Received, cancel: CancelRun, plan: &mut Plan) {
    // One cancel of a run is as good as another.
    let id = format!("{}-cancel", cancel.run_id);
    plan.hand_over(received, id, Payload::TaskCancel(cancel));
}
