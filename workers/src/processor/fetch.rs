//! Sends for runs that take long to read, and goes on with them once they are there.

use domain::ids::{RunId, TenantId};

use super::{
    aside::Returned,
    core::Core,
    input::Input,
    recovery::Presence,
    returning::Errand,
    stored::{Found, Patience},
    turn::Turn,
    write::DISK_PAUSE,
};
use crate::{
    crash_points::{CrashPoint, pass},
    engine::Command,
};

impl Core {
    /// Something has come for a run that takes long to read, and about so many bytes of memory.
    pub(super) fn send_for(&mut self, tenant: &TenantId, run: RunId, bytes: usize, errand: Errand) {
        self.memory.expects(tenant, run, bytes);
        self.returning.send_for(tenant, run, errand);
        self.read_next();
    }

    fn read_next(&mut self) {
        while let Some((tenant, run, ticket)) = self.returning.next() {
            self.aside.read(tenant, run, ticket);
        }
    }

    /// Brings the runs back whose steps may begin.
    pub(super) fn bring_back(&mut self, turn: &mut Turn) {
        for (tenant, run) in std::mem::take(&mut self.coming) {
            turn.visited.push(run);
            match self.bring(turn, run, Patience::Little) {
                Ok(Presence::Settled) => self.coming.push((tenant, run)),
                Ok(Presence::Far(bytes)) => self.send_for(&tenant, run, bytes, Errand::Step),
                Err(error) => {
                    tracing::error!(%error, "a run whose turn it is cannot be read; trying again");
                    self.coming.push((tenant, run));
                    self.inbox.wait(DISK_PAUSE);
                }
            }
        }
    }

    /// A run was read: what waited for it goes on, in its order.
    pub(super) fn returned(&mut self, turn: &mut Turn, returned: Returned) {
        let Returned { tenant, run, ticket, found } = returned;
        let errands = self.returning.read(&tenant, run, ticket);
        let Some(errands) = errands else {
            self.read_next();
            return self.dispose(found);
        };
        // Whoever stops begins nothing; the timers are in the journal.
        if self.draining() {
            if errands.contains(&Errand::Step) {
                self.dispatcher.give_back(&tenant);
            }
            self.memory.gives_up(run);
            return self.dispose(found);
        }
        self.read_next();
        pass(CrashPoint::RunReturns);
        self.take_back(turn, run, found);
        turn.visited.push(run);
        if self.unrecovered.remove(&run) {
            self.advance(turn, run, Command::Recover);
        }
        for errand in errands {
            match errand {
                Errand::Timer(row) => {
                    self.fired.push((row.lane, row.tenant.clone()));
                    self.fire_timer(turn, row);
                }
                Errand::Step => self.coming.push((tenant.clone(), run)),
                Errand::Seat => {}
            }
        }
        self.look_at_group_of(run);
    }

    fn dispose(&self, found: Found) {
        if let Found::Run(active) = found {
            self.aside.dispose(active.weight(), active);
        }
    }

    /// Waits until nothing is being read any more, so that the journal is free for the next worker.
    pub(super) fn end_reads(&mut self) {
        self.aside.stop();
        let mut waiting = self.inbox.take_all().into_iter();
        while self.returning.reading() > 0 {
            let next = waiting.next().or_else(|| self.inbox.receive(DISK_PAUSE).ok());
            if let Some(Input::Returned(returned)) = next {
                let Returned { tenant, run, ticket, .. } = *returned;
                self.returning.read(&tenant, run, ticket);
            }
        }
    }
}
