//! A task is for a worker, and on the wrong topic here.

use super::{Plan, Received};
use domain::event::Topic;

pub(super) fn plan(received: &Received<'_>, plan: &mut Plan) {
    plan.refuse(received, format!("a task belongs to topic {}", Topic::Tasks.as_str()));
}
