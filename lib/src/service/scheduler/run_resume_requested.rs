//! Somebody sends a signal to a run: the worker that has it is given it.

use super::{Plan, Received};
use domain::event::{Payload, ResumeRun};

pub(super) fn plan(received: Received, resume: ResumeRun, plan: &mut Plan) {
    let id = resume.signal_id.to_string();
    plan.hand_over(received, id, Payload::TaskResume(resume));
}
