//! Time has passed: what is due is started. Of several ticks in a batch one is enough.

use super::Plan;

pub(super) const fn plan(plan: &mut Plan) {
    plan.ticked = true;
}
