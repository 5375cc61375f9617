//! A run was accepted: it starts in the newest version of its workflow.

use serde_json::Value;

use super::{Plan, Received, Start};
use domain::{event::RunRequested, items::read_input, run::NodeError};

pub(super) fn plan(received: Received<'_>, run: RunRequested, plan: &mut Plan) {
    let Received { tenant, traceparent, record } = received;
    match read_input(&run.input) {
        Ok(input) => plan.start(Start { tenant, traceparent, run, input }),
        Err(error) => {
            let why = format!(
                "the input of run {} cannot be read: {error}; start the run again with one that can be",
                run.run_id
            );
            let version = run.workflow_version;
            let run = run.at_version(version, Value::Null);
            plan.fail(tenant, run, NodeError::new("invalid_input", why), record);
        }
    }
}
