//! What follows from a command: the engine decides, and what takes no time is done at once.

use std::{collections::VecDeque, sync::Arc};

use domain::ids::RunId;

use super::{
    active::Active,
    computed::compute,
    core::{Core, TURN_BYTES},
    memory::RunMemory,
    pending::Pending,
    seating,
    turn::Turn,
};
use crate::{
    caught::{Panicked, caught},
    crash_points::{CrashPoint, ENABLED, may_panic, may_panic_over, pass},
    engine::{self, Command},
    recorder::Backlog,
    runner::Runner,
};

/// A run has so many steps computed in a turn; then it goes on behind those of others. Most runs have fewer.
const TURN_STEPS: usize = 500;
/// And no more once so many events came of it: steps that are skipped are not computed, and cost all the same.
const TURN_EVENTS: usize = 4 * TURN_STEPS;

impl Core {
    /// Decides what follows from a command, and from the steps that need no waiting: those are computed here, unless
    /// there were many already, the turn is large, or the tenant has more in memory or in the backlog than it may. Then
    /// they take their turn like all others. A run over which that panics ends.
    pub(super) fn advance(&mut self, turn: &mut Turn, run: RunId, command: Command) {
        match self.decide(turn, run, command) {
            Ok(()) => self.follow(turn, run),
            Err(Panicked) => self.fail_broken(turn, run),
        }
    }

    /// Decides it; nothing but the run has changed then.
    ///
    /// # Errors
    /// When it panics: then the run's state is of no use any more.
    pub(super) fn decide(&mut self, turn: &mut Turn, run: RunId, command: Command) -> Result<(), Panicked> {
        let Self { runs, runner, memory, backlog, .. } = self;
        let Some(active) = runs.get_mut(&run) else { return Ok(()) };
        let mut pending = active.pending.take().unwrap_or_else(|| {
            turn.touched.push(run);
            Box::new(Pending::new())
        });
        let deciding = Deciding { active, runner, memory, backlog, turn, pending: &mut pending };
        let decided = caught(|| deciding.all_from(command));
        active.pending = Some(pending);
        decided
    }

    /// Does what follows at once from what was decided of a run: it gives its seat back, and the runs are there that it
    /// has started.
    pub(super) fn follow(&mut self, turn: &mut Turn, run: RunId) {
        let Self { runs, to_begin, .. } = self;
        let Some(active) = runs.get_mut(&run) else { return };
        let starts = active.pending.as_mut().map(|pending| std::mem::take(&mut pending.starts));
        if active.state.is_terminal() {
            seating::leave(active, &mut turn.seats, to_begin);
        }
        for called in starts.unwrap_or_default() {
            turn.started.push((run, called.header.run_id));
            self.start_called(turn, called);
        }
    }
}

struct Deciding<'c> {
    active: &'c mut Active,
    runner: &'c Runner,
    memory: &'c RunMemory,
    backlog: &'c Backlog,
    turn: &'c mut Turn,
    pending: &'c mut Pending,
}

impl Deciding<'_> {
    fn all_from(self, command: Command) {
        let Self { active, runner, memory, backlog, turn, pending } = self;
        let header = Arc::clone(active.state.header());
        let tenant = &header.tenant;
        let mut commands = VecDeque::from([command]);
        let mut computed = 0;
        while let Some(command) = commands.pop_front() {
            if ENABLED {
                may_panic_at(active, &command);
            }
            let decision = match engine::step(&mut active.state, command, turn.now) {
                Ok(decision) => decision,
                Err(illegal) => {
                    // A late echo of something that is settled.
                    let run = header.run_id;
                    tracing::debug!(run.id = %run, %illegal, "nothing follows for run {run}");
                    continue;
                }
            };
            pending.events.extend(decision.events);
            for effect in decision.effects {
                let computes = computed < TURN_STEPS
                    && pending.events.len() < TURN_EVENTS
                    && turn.computed <= TURN_BYTES
                    && memory.has_room(tenant)
                    && backlog.has_room(tenant);
                match computes.then(|| compute(runner, active, &effect)).flatten() {
                    Some((done, bytes)) => {
                        pass(CrashPoint::ComputedAhead);
                        computed += 1;
                        turn.computed += bytes;
                        commands.push_back(done);
                    }
                    None => pending.add(effect),
                }
            }
        }
    }
}

/// Tests let the engine panic over what a step gave, and over the run's end.
fn may_panic_at(active: &Active, command: &Command) {
    let definition = active.state.definition();
    match command {
        Command::StepFinished { step, .. } => {
            if let Some(node) = definition.nodes.get(step.node) {
                may_panic(&node.id, "deciding");
                may_panic(&node.id, "deciding and ending");
            }
        }
        Command::Fail { .. } => {
            may_panic_over(definition, "deciding and ending");
            may_panic_over(definition, "ending");
        }
        _ => {}
    }
}
