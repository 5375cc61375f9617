//! What follows from a command: the engine decides, and what takes no time is done at once.

use std::{collections::VecDeque, sync::Arc};

use domain::ids::RunId;

use super::{
    computed::compute,
    core::{Core, TURN_BYTES},
    pending::Pending,
    seating,
    turn::Turn,
};
use crate::{
    crash_points::{CrashPoint, pass},
    engine::{self, Command},
};

/// A run has so many steps computed in a turn; then it goes on behind those of others. Most runs have fewer.
const TURN_STEPS: usize = 500;
/// And no more once so many events came of it: steps that are skipped are not computed, and cost all the same.
const TURN_EVENTS: usize = 4 * TURN_STEPS;

impl Core {
    /// Decides what follows from a command, and from the steps that need no waiting: those are computed here, unless
    /// there were many already, the turn is large, or the tenant has more in memory or in the backlog than it may. Then
    /// they take their turn like all others.
    pub(super) fn advance(&mut self, turn: &mut Turn, run: RunId, command: Command) {
        let Self { runs, runner, memory, backlog, to_begin, .. } = self;
        let Some(active) = runs.get_mut(&run) else { return };
        let header = Arc::clone(active.state.header());
        let mut pending = active.pending.take().unwrap_or_else(|| {
            turn.touched.push(run);
            Box::new(Pending::new())
        });
        let mut commands = VecDeque::from([command]);
        let mut computed = 0;
        while let Some(command) = commands.pop_front() {
            let decision = match engine::step(&mut active.state, command, turn.now) {
                Ok(decision) => decision,
                Err(illegal) => {
                    // A late echo of something that is settled.
                    tracing::debug!(run.id = %run, %illegal, "nothing follows for run {run}");
                    continue;
                }
            };
            pending.events.extend(decision.events);
            for effect in decision.effects {
                let tenant = &header.tenant;
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
        let starts = std::mem::take(&mut pending.starts);
        active.pending = Some(pending);
        if active.state.is_terminal() {
            seating::leave(active, &mut turn.seats, to_begin);
        }
        for called in starts {
            self.start_called(turn, called);
        }
    }
}
