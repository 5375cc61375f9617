//! The laws of runs that call each other, where every called run is a run of its own: each is driven by the engine, their
//! messages come late, twice and in any order, and the worker dies between any two events of any of them. What comes of it
//! is held against the interpreter of [`super::sequential`], which has a called run done on the spot.

mod calling;
mod log;
mod sequential;
mod world;

use std::{collections::BTreeSet, sync::Arc};

use calling::{Workflows, ends_of};
use domain::{
    definition::Definition,
    ids::RunId,
    kinds::Kind,
    run::{NodeError, RunStatus},
};
use proptest::{collection::vec, prelude::*};
use sequential::{count_runs, expected};
use world::{Chance, Family};

use super::{plan::graphs, sequential::all_steps};
use crate::engine::{Command, Timer};

/// Many that call, and what else has to do with it.
const KINDS: [Kind; 10] = [
    Kind::CallWorkflow,
    Kind::CallWorkflow,
    Kind::CallWorkflow,
    Kind::CallWorkflow,
    Kind::Set,
    Kind::HttpRequest,
    Kind::If,
    Kind::Wait,
    Kind::Merge,
    Kind::Loop,
];

/// More runs than this prove nothing more.
const MOST_RUNS: usize = 60;

/// Workflows that call each other and themselves. The first one is that of the run that nobody has called.
fn workflows() -> impl Strategy<Value = Workflows> {
    let small = || graphs(&KINDS, 1..9, 2..18, 0.15);
    let first =
        prop_oneof![6 => graphs(&KINDS, 1..9, 2..18, 0.15), 1 => graphs(&KINDS, 20..60, 30..90, 0.04)];
    (first, vec(small(), 0..3), any::<u64>()).prop_map(|(first, others, seed)| {
        let all: Vec<Arc<Definition>> = std::iter::once(first).chain(others).collect();
        Workflows { all: all.into(), seed }
    })
}

/// Every run that there is has come to what the interpreter says of it, and has called whom the interpreter calls. Only
/// what nobody waits for any more may be cancelled.
fn check_all(family: &Family) -> Result<(), TestCaseError> {
    for (id, world) in &family.runs {
        let status = world.state.status();
        let expected = expected(&family.workflows, world.state.header());
        match status {
            RunStatus::Cancelled => {
                let caller = family.waiting_caller(*id).map(|caller| caller.state.status());
                prop_assert!(
                    caller.is_some_and(|caller| caller.is_terminal() && caller != RunStatus::Succeeded),
                    "{} was cancelled, and its caller is {:?}",
                    id,
                    caller
                );
            }
            RunStatus::Succeeded => {
                let steps = expected.steps.as_ref().expect("the interpreter says that it fails");
                prop_assert_eq!(&all_steps(world), steps, "run {}", id);
                let called: BTreeSet<RunId> = family.called_by(*id).collect();
                prop_assert_eq!(&called, &expected.called, "run {} calls", id);
            }
            RunStatus::Failed => prop_assert!(expected.steps.is_none(), "run {} failed", id),
            other => prop_assert!(false, "run {} is {}", id, other),
        }
        prop_assert_eq!(
            ends_of(world),
            family.told_of(*id),
            "its end is told to whom it concerns, as it was"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn runs_that_call_each_other_give_what_one_after_the_other_gives(
        workflows in workflows(),
        seed in any::<u64>(),
    ) {
        prop_assume!(count_runs(&workflows) <= MOST_RUNS);
        let mut family = Family::started(&workflows);
        family.play(&mut Chance(seed), 4);
        check_all(&family)?;
        prop_assert_ne!(family.root().state.status(), RunStatus::Cancelled);
    }

    #[test]
    fn a_crash_between_any_two_events_of_runs_that_call_each_other_leads_to_the_same_end(
        workflows in workflows(),
        seed in any::<u64>(),
        cuts in any::<[usize; 2]>(),
    ) {
        prop_assume!(count_runs(&workflows) <= MOST_RUNS);
        let mut lived = Family::started(&workflows);
        lived.play(&mut Chance(seed), 0);
        let end = lived.root().state.status();
        for cut in cuts {
            let mut family = lived.cut(cut % (lived.log.len() + 1));
            family.play(&mut Chance(seed ^ cut as u64), 0);
            check_all(&family)?;
            prop_assert_eq!(family.root().state.status(), end);
        }
    }

    #[test]
    fn whoever_ends_takes_along_all_that_it_waits_for_however_deep(
        workflows in workflows(),
        seed in any::<u64>(),
        cut in any::<usize>(),
        how in 0..4usize,
        late in any::<bool>(),
    ) {
        prop_assume!(count_runs(&workflows) <= MOST_RUNS);
        let mut lived = Family::started(&workflows);
        lived.play(&mut Chance(seed), 0);
        let mut family = lived.cut(cut % (lived.log.len() + 1));
        if family.root().state.is_terminal() {
            return Ok(());
        }
        let open = family.descendants();
        let (command, end) = [
            (Command::Cancel { reason: "enough".to_owned() }, RunStatus::Cancelled),
            (Command::TimerFired(Timer::Deadline), RunStatus::TimedOut),
            (Command::Fail { error: NodeError::new("limit", "too much").into() }, RunStatus::Failed),
            (Command::GiveWay { error: NodeError::new("replaced", "another runs").into() }, RunStatus::Cancelled),
        ][how].clone();
        family.end_root(command);
        prop_assert_eq!(family.root().state.status(), end);
        if !late {
            // Told at once, none of them does anything any more.
            family.hear_all();
            for run in &open {
                prop_assert_eq!(family.runs[run].state.status(), RunStatus::Cancelled, "run {}", run);
            }
            prop_assert_eq!(family.descendants(), BTreeSet::new());
        }
        family.play(&mut Chance(seed), 2);
        for (id, world) in family.runs.iter().filter(|(id, _)| **id != family.root) {
            let status = world.state.status();
            let own_end = if expected(&family.workflows, world.state.header()).steps.is_some() {
                RunStatus::Succeeded
            } else {
                RunStatus::Failed
            };
            // Who is told late may have come to its own end.
            let waited_for = family.waiting_caller(*id).is_some();
            prop_assert!(status == own_end || waited_for && status == RunStatus::Cancelled, "run {} is {}", id, status);
        }
    }
}

/// A family is many runs: half of the cases takes as long as those of another law.
fn few() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.div_ceil(2), max_global_rejects: 100_000, ..config }
}
