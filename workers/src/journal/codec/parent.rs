//! The run that started another one.

use std::borrow::Cow;

use domain::{
    ids::{NodeId, RunId},
    run::Parent,
};
use serde::{Deserialize, Serialize};

use super::counters;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ParentForm<'a> {
    run: RunId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<NodeId>,
    #[serde(rename = "i", default, skip_serializing_if = "<[u32]>::is_empty")]
    iteration: Cow<'a, [u32]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    item: Option<u32>,
    depth: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    waits: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    after_error: bool,
}

impl<'a> From<&'a Parent> for ParentForm<'a> {
    fn from(parent: &'a Parent) -> Self {
        let Parent { run_id, node_id, iteration, item, depth, waits, after_error } = parent;
        Self {
            run: *run_id,
            node: node_id.clone(),
            iteration: counters(iteration),
            item: *item,
            depth: *depth,
            waits: *waits,
            after_error: *after_error,
        }
    }
}

impl From<ParentForm<'_>> for Parent {
    fn from(form: ParentForm<'_>) -> Self {
        let ParentForm { run, node, iteration, item, depth, waits, after_error } = form;
        let iteration = iteration.into_owned().into();
        Self { run_id: run, node_id: node, iteration, item, depth, waits, after_error }
    }
}
