//! The laws of runs with pins, or of a part of their workflow.

use std::sync::Arc;

use domain::{
    definition::Definition,
    items::{Item, Ports},
    run::{Extent, RunPlan, Trigger},
};
use proptest::{collection::vec, prelude::*};
use serde_json::json;

use super::{
    plan::{definitions, happenings},
    world::World,
};
use crate::engine::{
    Command, RunHeader, RunState,
    tests::scenario::{CREATED, header},
};

/// A test run of any part of the workflow with pins of any of its nodes, as far as they fit it.
fn planned(definition: &Arc<Definition>, pinned: &[usize], extent: (u8, usize)) -> RunHeader {
    let node = |pick: usize| &definition.nodes[pick % definition.nodes.len()];
    let header = |plan| RunHeader { plan, trigger: Trigger::test(), ..header(json!([{}])) };
    let fits =
        |plan: &RunPlan| RunState::new(header(plan.clone()), Arc::clone(definition)).course().is_some();
    let id = node(extent.1).id.clone();
    let extent =
        [Extent::All, Extent::Until(id.clone()), Extent::Only(id)][usize::from(extent.0 % 3)].clone();
    let mut plan = RunPlan { extent, ..RunPlan::default() };
    if !fits(&plan) {
        plan.extent = Extent::All;
    }
    for node in pinned.iter().map(|pick| node(*pick)) {
        let Some(port) = node.ports.last() else { continue };
        let mut more = plan.clone();
        let ports = Ports::from([(Arc::clone(port), Arc::new(vec![Item::new()]))]);
        more.pins.insert(node.id.clone(), ports);
        if fits(&more) {
            plan = more;
        }
    }
    header(plan)
}

proptest! {
    #[test]
    fn a_crash_at_any_point_of_a_planned_run_repeats_nothing_that_is_done(
        definition in definitions(),
        happenings in happenings(),
        pinned in vec(any::<usize>(), 0..4),
        extent in any::<(u8, usize)>(),
    ) {
        let header = planned(&definition, &pinned, extent);
        let mut lived = World::of(header.clone(), &definition, &[], CREATED);
        lived.tell(Command::Start).unwrap();
        happenings.iter().for_each(|happening| lived.happen(happening));
        lived.drive_to_end(0);
        prop_assert!(lived.state.is_terminal());
        for length in (0..lived.journal.len()).step_by(1 + lived.journal.len() / 50) {
            let kept = &lived.journal[..length];
            let mut world = World::of(header.clone(), &definition, kept, lived.now);
            world.restart();
            world.drive_to_end(0);
            prop_assert_eq!(&world.journal[..length], kept);
            prop_assert!(world.state.is_terminal());
        }
    }
}
