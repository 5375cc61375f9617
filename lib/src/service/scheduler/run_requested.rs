//! A run was accepted: it starts in the newest version of its workflow.

use super::{Plan, Received, Start};
use crate::ingest::Refused;
use domain::{event::RunRequested, items::read_input};

pub(super) fn plan(received: Received, run: RunRequested, plan: &mut Plan) -> Result<(), Refused> {
    match read_input(&run.input) {
        Ok(input) => {
            let Received { tenant, traceparent } = received;
            plan.start(Start { tenant, traceparent, run, input });
            Ok(())
        }
        Err(error) => {
            Err(received.refused(format!("the input of run {} cannot be read: {error}", run.run_id)))
        }
    }
}
