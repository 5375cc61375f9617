//! Runs that other runs call: how they start, and what the two are told of each other.
//!
//! A called run is started in the commit that says that it is called, so neither is there without the other. Its end is
//! written down for whoever called it in the commit that ends it, with a notice that is due at once; so is the end of
//! whoever called it. A notice is kept as a timer is: it comes when there is room, after a crash too, and who has
//! heard it already takes no notice.

use std::sync::Arc;

use domain::{
    ids::{RunId, TenantId},
    run::{NodeError, RunEnd, RunStatus},
    timestamp::Timestamp,
    workflow::OnFailure,
};

use super::{
    Task, broken::internal_error, core::Core, deliver::fail, due::Due, error_runs::intend_error_run,
    turn::Turn, write::DISK_PAUSE,
};
use crate::{
    caught::{Panicked, caught},
    crash_points::{CrashPoint, pass},
    engine::{CalledRun, Command},
    journal::{
        JournalError, Lane, Op, TimerRow,
        codec::{self, Notice},
        set_aside,
    },
    recorder::Record,
};

impl Core {
    /// Starts a run that a step of another one has called.
    pub(super) fn start_called(&mut self, turn: &mut Turn, called: CalledRun) {
        let CalledRun { header, document, hash } = called;
        let text = document.clone();
        let started = match self.documents.compile(&hash, &document) {
            Ok(workflow) => {
                let task = Task { header: Arc::clone(&header), hash, document, workflow };
                self.start_new(turn, task).map_err(|error| ("journal_unreadable", error.to_string()))
            }
            Err(why) => Err(("invalid_workflow", why)),
        };
        if let Err((code, why)) = started {
            fail(turn, &header, NodeError::new(code, format!("the run cannot be started: {why}")));
            if let Err(error) = intend_error_run(turn, &OnFailure::said_by(text.as_str()), &header) {
                let run = header.run_id;
                tracing::error!(%error, run.id = %run, "nothing is started for the failure of run {run}");
            }
        }
    }

    /// Starts a run unless it is known.
    pub(super) fn start_new(&mut self, turn: &mut Turn, task: Task) -> Result<(), JournalError> {
        if self.is_new(turn, &task.header)? { self.accept(turn, task) } else { Ok(()) }
    }

    /// Tells a run what it has to be told; it is in memory, or nowhere.
    pub(super) fn give_notice(&mut self, turn: &mut Turn, row: TimerRow, notice: Notice) {
        let run = row.run;
        match notice {
            Notice::Wanted(sequence) => {
                if let Err(error) = self.fire_control(turn, row, sequence) {
                    // It is due as before.
                    tracing::error!(%error, run.id = %run, "what is wanted of run {run} cannot be read; trying again");
                    self.inbox.wait(DISK_PAUSE);
                }
            }
            Notice::CallerEnded => {
                pass(CrashPoint::OrphanFires);
                turn.commit.ops.push(Op::ClearTimer(row));
                let reason = "the run that called it waits for it no more".to_owned();
                self.advance(turn, run, Command::Cancel { reason });
            }
            Notice::CalledEnded(called) => {
                let end = turn.snapshot(&self.journal).and_then(|snapshot| snapshot.call_end(run, called));
                let end = match end {
                    Ok(end) => end.unwrap_or_default(),
                    Err(error) => {
                        // It is due as before.
                        tracing::error!(%error, run.id = %run, "what run {run} has to be told cannot be read; trying again");
                        self.inbox.wait(DISK_PAUSE);
                        return;
                    }
                };
                let end = caught(|| codec::read_end(&end)).ok().flatten().unwrap_or_else(|| {
                    let reason = format!("what run {run} has to be told of run {called} cannot be read");
                    let letter = set_aside(&reason, &end, row.tenant.as_str(), turn.now);
                    turn.records.push(Record::Dead(Box::new(letter)));
                    RunEnd::failed(called, RunStatus::Failed, Some(&NodeError::new("lost", reason)))
                        .to_value()
                });
                turn.commit.ops.push(Op::ClearTimer(row));
                turn.commit.ops.push(Op::CallTold { caller: run, called });
                self.advance(turn, run, Command::RunEnded { run: called, end: Arc::new(end) });
            }
        }
    }

    /// Writes down, for whoever waits for a run that has ended in this turn, what came of it: its end is that record.
    pub(super) fn tell_caller(&mut self, turn: &mut Turn, place: usize) -> Result<(), JournalError> {
        let Some(Record::Run(record)) = turn.records.get(place) else { return Ok(()) };
        let (run, caller) = (&record.run, record.run.trigger.waiting_caller());
        let Some(caller) = caller.filter(|_| run.status.is_terminal()) else { return Ok(()) };
        let (called, tenant) = (run.id, record.tenant.clone());
        let end = caught(|| RunEnd::of(run))
            .unwrap_or_else(|Panicked| RunEnd::failed(called, RunStatus::Failed, Some(&internal_error())));
        self.write_end(turn, &tenant, (caller, called), &end)
    }

    /// Writes down for a run what came of one that it has called.
    pub(super) fn write_end(
        &mut self,
        turn: &mut Turn,
        tenant: &TenantId,
        (caller, called): (RunId, RunId),
        end: &RunEnd,
    ) -> Result<(), JournalError> {
        let end = codec::write_end(end)?;
        turn.commit.ops.push(Op::CallEnded { caller, called, end });
        let notice = notice(tenant, (Lane::Wake, turn.now), caller, Notice::CalledEnded(called))?;
        set(&mut self.due, &mut turn.commit.ops, notice);
        Ok(())
    }
}

/// Has runs cancelled that nobody waits for any more.
pub(super) fn tell_orphans(
    due: &mut Due,
    ops: &mut Vec<Op>,
    (tenant, now): (&TenantId, Timestamp),
    orphans: impl IntoIterator<Item = RunId>,
) -> Result<(), JournalError> {
    for run in orphans {
        set(due, ops, notice(tenant, (Lane::End, now), run, Notice::CallerEnded)?);
    }
    Ok(())
}

fn notice(
    tenant: &TenantId,
    (lane, at): (Lane, Timestamp),
    run: RunId,
    notice: Notice,
) -> Result<TimerRow, JournalError> {
    Ok(TimerRow { lane, tenant: tenant.clone(), at, run, timer: codec::write_notice(notice)?, bytes: 0 })
}

fn set(due: &mut Due, ops: &mut Vec<Op>, row: TimerRow) {
    due.set(&(row.lane, row.tenant.clone()), row.due());
    ops.push(Op::SetTimer(row));
}
