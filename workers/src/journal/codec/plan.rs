//! What a run does otherwise than to go from its trigger to the end.

use std::{borrow::Cow, collections::BTreeSet};

use domain::{
    ids::NodeId,
    run::{Extent, Pins, RunPlan},
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct PlanForm<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extent: Option<ExtentForm<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trigger: Option<Cow<'a, NodeId>>,
    #[serde(default, skip_serializing_if = "nothing_pinned")]
    pins: Cow<'a, Pins>,
    /// Nodes that give what they gave in the run that this one replays.
    #[serde(default, skip_serializing_if = "nothing_taken_over")]
    earlier: Cow<'a, BTreeSet<NodeId>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ExtentForm<'a> {
    Until(Cow<'a, NodeId>),
    Only(Cow<'a, NodeId>),
}

#[expect(clippy::ptr_arg, reason = "serde's signature")]
fn nothing_pinned(pins: &Cow<'_, Pins>) -> bool {
    pins.is_empty()
}

#[expect(clippy::ptr_arg, reason = "serde's signature")]
fn nothing_taken_over(earlier: &Cow<'_, BTreeSet<NodeId>>) -> bool {
    earlier.is_empty()
}

impl<'a> PlanForm<'a> {
    /// `None`: of an ordinary run.
    pub(super) fn of(plan: &'a RunPlan) -> Option<Self> {
        let RunPlan { extent, trigger, pins, earlier } = plan;
        (!plan.is_ordinary()).then(|| Self {
            extent: match extent {
                Extent::All => None,
                Extent::Until(node) => Some(ExtentForm::Until(Cow::Borrowed(node))),
                Extent::Only(node) => Some(ExtentForm::Only(Cow::Borrowed(node))),
            },
            trigger: trigger.as_ref().map(Cow::Borrowed),
            pins: Cow::Borrowed(pins),
            earlier: Cow::Borrowed(earlier),
        })
    }
}

impl From<PlanForm<'_>> for RunPlan {
    fn from(PlanForm { extent, trigger, pins, earlier }: PlanForm<'_>) -> Self {
        Self {
            extent: match extent {
                None => Extent::All,
                Some(ExtentForm::Until(node)) => Extent::Until(node.into_owned()),
                Some(ExtentForm::Only(node)) => Extent::Only(node.into_owned()),
            },
            trigger: trigger.map(Cow::into_owned),
            pins: pins.into_owned(),
            earlier: earlier.into_owned(),
        }
    }
}
