//! A run was accepted: it starts in the newest version of its workflow.

use super::{Plan, Received, Start};
use domain::event::RunRequested;

pub(super) fn plan(received: Received<'_>, run: RunRequested, plan: &mut Plan) {
    plan.start(Start { tenant: received.tenant, traceparent: received.traceparent, run });
}
