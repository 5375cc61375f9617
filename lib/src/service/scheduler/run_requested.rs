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
            let version = run.workflow_version;
            Err(plan.fail(tenant, run.at_version(version, Value::Null), NodeError::new("invalid_input", why)))
        }
    }
}
