//! What survives a crash: the events of all runs in the order in which they were written, each with what is written in one
//! piece with it.
//!
//! In the worker a whole decision is one commit. Here a crash may come between any two events of one, which is more than
//! can happen; only what would be lost with an event stands beside it: the runs that a suspension starts, the ends of calls
//! that could not be made, and what others are told.

use std::{collections::HashMap, sync::Arc};

use domain::ids::RunId;
use serde_json::Value;

use super::{super::world::World, calling::ends_of};
use crate::engine::{Effect, RunEvent, RunHeader, StepChange, StepKey};

/// Events of a run, with what is written in one piece with them.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) run: RunId,
    pub(super) events: Vec<RunEvent>,
    pub(super) starts: Vec<Arc<RunHeader>>,
    pub(super) tells: Vec<Message>,
}

/// What one run is told of another.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message {
    /// One that it waits for has ended so.
    Ended { caller: RunId, called: RunId, end: Value },
    /// Whoever called it waits no more.
    Orphaned { called: RunId },
}

/// The runs that the steps of a run wait for.
pub(super) type Open = HashMap<RunId, StepKey>;

pub(super) fn open(world: &World) -> Open {
    let live = world.state.live();
    live.flat_map(|(step, run)| {
        run.open_runs().iter().map(move |open| (*open, step.clone())).collect::<Vec<_>>()
    })
    .collect()
}

/// The entries of what a run has decided since its journal had `before` events; `open` is what it waited for then.
pub(super) fn entries(world: &mut World, before: usize, open: &Open) -> Vec<Entry> {
    let run = world.state.header().run_id;
    let mut entries: Vec<Entry> = Vec::new();
    for event in &world.journal[before..] {
        // A call that cannot be made ends with the suspension that says that it was called.
        let belongs = matches!(event, RunEvent::Step(event) if
            matches!(&event.change, StepChange::RunEnded { run, .. } if !open.contains_key(run)));
        match entries.last_mut() {
            Some(last) if belongs => last.events.push(event.clone()),
            _ => entries.push(Entry {
                run,
                events: vec![event.clone()],
                starts: Vec::new(),
                tells: Vec::new(),
            }),
        }
    }
    for effect in std::mem::take(&mut world.asked) {
        match effect {
            Effect::StartRun(called) => {
                let entry = find(&mut entries, |step, change| {
                    let parent = called.header.trigger.parent.as_ref().unwrap();
                    let calls =
                        matches!(change, StepChange::Suspended(suspension) if suspension.called.is_some());
                    calls && step.iteration == parent.iteration
                });
                entry.starts.push(called.header);
            }
            Effect::CancelRuns(runs) => {
                for called in runs {
                    let entry = find(&mut entries, |step, change| {
                        let settles = matches!(
                            change,
                            StepChange::Succeeded { .. } | StepChange::Failed { .. } | StepChange::Cancelled
                        );
                        settles && *step == open[&called]
                    });
                    entry.tells.push(Message::Orphaned { called });
                }
            }
            other => panic!("nobody else is asked: {other:?}"),
        }
    }
    if let (Some(end), Some(last)) = (ends_of(world), entries.last_mut()) {
        let caller = world.state.header().trigger.parent.as_ref().unwrap().run_id;
        last.tells.push(Message::Ended { caller, called: run, end });
    }
    entries
}

fn find(entries: &mut [Entry], is_it: impl Fn(&StepKey, &StepChange) -> bool) -> &mut Entry {
    let found = entries.iter_mut().find(|entry| {
        entry
            .events
            .iter()
            .any(|event| matches!(event, RunEvent::Step(event) if is_it(&event.step, &event.change)))
    });
    found.expect("what others are asked follows from an event")
}
