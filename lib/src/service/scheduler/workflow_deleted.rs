//! A workflow was deleted. The function that deleted it has written that already, if it could.

use super::{Plan, Received};
use crate::store::WorkflowChange;
use domain::event::WorkflowDeleted;

pub(super) fn plan(received: Received, deleted: WorkflowDeleted, plan: &mut Plan) {
    plan.changes.push(WorkflowChange::Deleted { tenant: received.tenant, deleted });
}
