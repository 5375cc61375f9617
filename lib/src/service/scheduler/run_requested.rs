//! A run was accepted: it starts.

use super::{Plan, Received, Start};
use domain::{event::RunRequested, items::read_input};

pub(super) fn plan(received: Received<'_>, run: RunRequested, plan: &mut Plan) {
    match read_input(&run.input) {
        Ok(input) => {
            let Received { tenant, traceparent, .. } = received;
            plan.start(Start { tenant, traceparent, run, input });
        }
        Err(error) => {
            plan.refuse(&received, format!("the input of run {} cannot be read: {error}", run.run_id));
        }
    }
}
