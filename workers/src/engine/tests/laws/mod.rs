//! What holds for every workflow, whatever happens to its runs. [`world::World`] checks after every decision that
//! the fold of the journal is the state, that no attempt is executed twice, that a node starts once its inputs are
//! settled and never again after it is, that what runs and which timers are set is what the state says, that a signal or
//! a run's end lets one step go on at most, and that events survive being written.
//!
//! `PROPTEST_CASES` says how many workflows each law is tried on.

mod family;
mod plan;
mod planned;
mod sequential;
mod waiting;
mod world;

pub(super) use plan::batch;

use std::sync::Arc;

use domain::{
    definition::Definition,
    ids::{RunId, SignalId, SignalName},
    items::Output,
    run::{NodeError, RunStatus},
};
use plan::{Happening, definitions, happenings};
use proptest::prelude::*;
use serde_json::Value;
use world::World;

use crate::engine::{Command, Illegal, Outcome, StepKey, Timer, facts};

fn started(definition: &Arc<Definition>) -> World {
    let mut world = World::new(definition);
    world.tell(Command::Start).unwrap();
    world
}

fn lived(definition: &Arc<Definition>, happenings: &[Happening]) -> World {
    let mut world = started(definition);
    happenings.iter().for_each(|happening| world.happen(happening));
    world
}

/// What a run can be told whatever it is doing, once each.
fn every_command() -> Vec<Command> {
    let (run, nothing) = (RunId(uuid::Uuid::nil()), Arc::new(Value::Null));
    let step = StepKey::outside(0);
    let outcome = Outcome::Succeeded(Output::default());
    vec![
        Command::Start,
        Command::Queue,
        Command::NoSeat,
        Command::StepFinished { step: step.clone(), attempt: 1, outcome, jitter: 0.5 },
        Command::TimerFired(Timer::Begin),
        Command::TimerFired(Timer::Deadline),
        Command::TimerFired(Timer::Wake(step)),
        Command::Signal {
            step: StepKey::outside(0),
            id: SignalId(uuid::Uuid::nil()),
            name: SignalName::parse("approved").unwrap(),
            data: Arc::clone(&nothing),
        },
        Command::RunEnded { run, end: nothing },
        Command::Stop,
        Command::Recover,
        Command::Fail { error: Box::new(NodeError::new("limit", "too much")) },
        Command::Cancel { reason: String::new() },
    ]
}

proptest! {
    #[test]
    fn every_run_ends_and_stays_ended(definition in definitions(), happenings in happenings()) {
        let mut world = lived(&definition, &happenings);
        world.drive_to_end(0);
        let end = world.state.status();
        let ended = world.state.progress.clone();
        for command in every_command() {
            prop_assert_eq!(world.tell(command), Err(Illegal::Terminal(end)));
        }
        prop_assert_eq!(&world.state.progress, &ended);
        world.happen(&Happening::Echo { pick: 0 });
        prop_assert_eq!(world.state.status(), end);
        prop_assert_eq!(facts::run(&world.state).output.is_some(), end == RunStatus::Succeeded);
    }

    #[test]
    fn a_crash_at_any_point_repeats_nothing_that_is_done(definition in definitions(), happenings in happenings()) {
        let mut lived = lived(&definition, &happenings);
        lived.drive_to_end(0);
        // Of a long one, as loops make it, not each point.
        for length in (0..lived.journal.len()).step_by(1 + lived.journal.len() / 50) {
            let mut world = World::after(&definition, &lived.journal[..length], lived.now);
            world.restart();
            world.drive_to_end(0);
            let (kept, end) = (&lived.journal[..length], world.state.status());
            prop_assert_eq!(&world.journal[..length], kept);
            prop_assert!(end.is_terminal());
        }
    }

    #[test]
    fn cancel_ends_a_run_at_any_point(definition in definitions(), happenings in happenings()) {
        let lived = lived(&definition, &happenings);
        let live = lived.journal.len() - usize::from(lived.state.is_terminal());
        for length in (0..=live).step_by(1 + live / 50) {
            let mut world = World::after(&definition, &lived.journal[..length], lived.now);
            world.tell(Command::Cancel { reason: "enough".to_owned() }).unwrap();
            prop_assert_eq!(world.state.status(), RunStatus::Cancelled);
        }
    }

    #[test]
    fn the_order_in_which_branches_finish_changes_nothing(definition in definitions(), picks in any::<[usize; 2]>()) {
        let [one, other] = picks.map(|pick| {
            let mut world = started(&definition);
            world.drive_to_end(pick);
            let statuses: Vec<_> = (0..definition.nodes.len())
                .map(|node| {
                    let step = facts::step(&world.state, node, world.state.steps().newest(node)?)?;
                    Some((step.iteration, step.status, step.output))
                })
                .collect();
            // A run that has too many iterations ends wherever its other branches are.
            let succeeded = world.state.status() == RunStatus::Succeeded;
            succeeded.then(|| (facts::run(&world.state).output, statuses))
        });
        prop_assert_eq!(one, other);
    }
}
