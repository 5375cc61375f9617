//! A version of a workflow was saved. The function that saved it has written it already, if it could.

use super::{Plan, Received};
use crate::store::WorkflowChange;
use domain::workflow::StoredWorkflow;

pub(super) fn plan(received: Received, workflow: StoredWorkflow, plan: &mut Plan) {
    plan.changes.push(WorkflowChange::Saved { tenant: received.tenant, workflow });
}
