//! A run was accepted: it starts.

use serde_json::Value;

use super::{Plan, Received, Start};
use crate::ingest::Refused;
use domain::{event::RunRequested, items::read_input, run::NodeError};

pub(super) fn plan(received: Received, run: RunRequested, plan: &mut Plan) -> Result<(), Refused> {
    let Received { tenant, traceparent } = received;
    match read_input(&run.input) {
        Ok(input) => {
            plan.start(Start { tenant, traceparent, run, input });
            Ok(())
        }
        Err(error) => {
            let why = format!(
                "the input of run {} cannot be read: {error}; start the run again with one that can be",
                run.run_id
            );
            Err(plan.fail(tenant, run.as_far_as_known(Value::Null), NodeError::new("invalid_input", why)))
        }
    }
}
