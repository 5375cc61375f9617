//! A request's records: which runs are new, and which are known.

use domain::run::NodeError;
use metrics::counter;
use minireipaz::telemetry::names;

use super::{
    Delivery, Receipt, Refused, Rejected, Task,
    active::Active,
    core::Core,
    turn::{Reply, Turn},
};
use crate::{
    engine::{Command, RunHeader},
    journal::{Handoff, JournalError, Op},
    recorder::{Record, RunRecord},
};

impl Core {
    pub(super) fn deliver(&mut self, turn: &mut Turn, delivery: Delivery) {
        let Delivery { tasks, rejected, elsewhere, letters, reply, admission } = delivery;
        let taken = self.take_tasks(turn, tasks, rejected);
        let answer = taken.map(|receipt| Receipt {
            dead_letters: receipt.dead_letters + letters.len(),
            handed_over: elsewhere.len(),
            ..receipt
        });
        for (owner, record) in elsewhere {
            let sequence = self.next_handoff;
            self.next_handoff += 1;
            turn.commit.handoffs.push(Handoff { owner, sequence, record });
        }
        turn.records.extend(letters.into_iter().map(|letter| Record::Dead(Box::new(letter))));
        if let Ok(receipt) = &answer {
            count("accepted", receipt.accepted);
            count("duplicate", receipt.duplicates);
            count("handed_over", receipt.handed_over);
            count("dead_letter", receipt.dead_letters);
        }
        let answer = answer.map_err(|error| {
            tracing::error!(%error, "the journal cannot be read");
            Refused
        });
        turn.replies.push(Reply { sender: reply, answer, admission });
    }

    fn take_tasks(
        &mut self,
        turn: &mut Turn,
        tasks: Vec<Task>,
        rejected: Vec<Rejected>,
    ) -> Result<Receipt, JournalError> {
        let mut receipt = Receipt::default();
        for task in tasks {
            if self.is_new(turn, &task.header)? {
                self.accept(turn, task);
                receipt.accepted += 1;
            } else {
                receipt.duplicates += 1;
            }
        }
        for Rejected { header, error, letter } in rejected {
            if !self.is_new(turn, &header)? {
                receipt.duplicates += 1;
                continue;
            }
            receipt.dead_letters += 1;
            turn.records.push(Record::Dead(Box::new(letter)));
            fail(turn, &header, error);
        }
        Ok(receipt)
    }

    /// Begins a run, or lets it wait in the journal until there is room for it, behind those of its tenant that wait.
    fn accept(&mut self, turn: &mut Turn, task: Task) {
        let (run, tenant) = (task.header.run_id, &task.header.tenant);
        let command = if self.may_come(tenant) && !self.to_begin.has(tenant) {
            Command::Start
        } else if let Some(error) = self.to_begin.refusal(tenant) {
            tracing::info!(run.id = %run, "run {run} fails: too much of its tenant's waits to begin");
            return fail(turn, &task.header, error);
        } else {
            Command::Queue
        };
        self.hold(run, Active::new(task));
        self.advance(turn, run, command);
    }

    /// Whether no attempt as high as this one is known. An unfinished lower one makes way.
    fn is_new(&mut self, turn: &mut Turn, header: &RunHeader) -> Result<bool, JournalError> {
        let run = header.run_id;
        if !self.runs.contains_key(&run) {
            let now = turn.now;
            if turn.snapshot(&self.journal)?.finished(run, now)?.is_some_and(|known| known >= header.attempt)
            {
                return Ok(false);
            }
            if turn.snapshot(&self.journal)?.header(run)?.is_some() {
                // One that waits must not stay in memory for an echo of its task.
                turn.visited.push(run);
                self.load(turn, run)?;
            }
        }
        let in_memory = self.runs.get(&run).map(|active| active.state.header().attempt);
        let Some(known) = in_memory.or_else(|| turn.ended.get(&run).copied()) else { return Ok(true) };
        if known >= header.attempt {
            return Ok(false);
        }
        tracing::warn!(run.id = %run, attempt = header.attempt, "attempt {} of run {run} replaces an earlier one", header.attempt);
        self.drop_run(turn, run)?;
        Ok(true)
    }
}

/// Ends a run that cannot begin.
fn fail(turn: &mut Turn, header: &RunHeader, error: NodeError) {
    let row = header.new_run().failed(error, 1, turn.now);
    turn.records.push(Record::Run(Box::new(RunRecord {
        tenant: header.tenant.clone(),
        run: row,
        steps: Vec::new(),
    })));
    let (run, attempt, at) = (header.run_id, header.attempt, turn.now);
    turn.commit.ops.push(Op::Finish { run, attempt, at });
    turn.ended.insert(run, attempt);
}

fn count(outcome: &'static str, records: usize) {
    counter!(names::WORKER_TASKS, names::OUTCOME => outcome).increment(records as u64);
}
