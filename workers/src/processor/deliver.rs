//! A request's records: which runs are new, and which are known.

use std::sync::Arc;

use domain::{
    event::{self, Payload},
    items::read_input,
    run::NodeError,
};
use metrics::counter;
use minireipaz::telemetry::names;
use serde_json::Value;

use super::{
    Delivery, Elsewhere, Receipt, Refused, Rejected, Task,
    active::Active,
    broken::put_aside_new,
    core::Core,
    error_runs::intend_error_run,
    seating::Entry,
    stored::bare_header,
    to_begin::{Awaits, ROW_BYTES},
    turn::{Reply, Turn},
};
use crate::{
    caught::{Panicked, caught},
    crash_points::may_panic_over,
    engine::{Command, RunHeader},
    journal::{Handoff, JournalError, Op, codec},
    recorder::{InputAt, Record, RunRecord},
};

impl Core {
    pub(super) fn deliver(&mut self, turn: &mut Turn, delivery: Delivery) {
        let Delivery { tasks, rejected, elsewhere, controls, letters, reply, admission } = delivery;
        let taken = self.take_tasks(turn, tasks, rejected);
        let kept = taken.and_then(|receipt| self.keep_elsewhere(turn, elsewhere, receipt));
        // Behind the tasks: a run may be stopped by the batch that brings it.
        let kept = kept.and_then(|receipt| {
            let controls = self.take_controls(turn, controls)?;
            Ok(Receipt { controls, ..receipt })
        });
        let answer =
            kept.map(|receipt| Receipt { dead_letters: receipt.dead_letters + letters.len(), ..receipt });
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
                self.accept(turn, task)?;
                receipt.accepted += 1;
            } else {
                receipt.duplicates += 1;
            }
        }
        for Rejected { header, error, on_failure, letter } in rejected {
            if !self.is_new(turn, &header)? {
                receipt.duplicates += 1;
                continue;
            }
            receipt.dead_letters += 1;
            turn.records.push(Record::Dead(Box::new(letter)));
            fail(turn, &header, error);
            intend_error_run(turn, &on_failure, &header)?;
        }
        Ok(receipt)
    }

    /// Begins a run, or lets it wait in the journal: until there is a seat for it, if its workflow has a limit, and until
    /// there is room for it, behind those of its tenant that wait for that.
    ///
    /// One that another run has started goes on with what has begun, and comes before those that have not.
    pub(super) fn accept(&mut self, turn: &mut Turn, task: Task) -> Result<(), JournalError> {
        let (header, workflow) = (Arc::clone(&task.header), Arc::clone(&task.workflow));
        let (run, tenant) = (header.run_id, header.tenant.clone());
        let started_by_run = header.trigger.parent.is_some();
        let taken = caught(|| {
            may_panic_over(workflow.definition(), "accepting");
            let active = Active::new(task);
            let entry = self.enter(turn, &active)?;
            Ok::<_, JournalError>((active, entry))
        });
        let (mut active, entry) = match taken {
            Ok(taken) => taken?,
            Err(Panicked) => {
                put_aside_new(turn, &header, &workflow);
                return Ok(());
            }
        };
        let awaits = match &entry {
            Entry::Skipped(error) => {
                let error = Box::new(error.clone());
                self.hold(run, active);
                self.advance(turn, run, Command::GiveWay { error });
                return Ok(());
            }
            Entry::Waits(..) => Some(Awaits::Seat),
            Entry::Free | Entry::Sits(_) => {
                let begins = self.may_come(&tenant) && (started_by_run || !self.to_begin.has(&tenant));
                (!begins).then_some(Awaits::Room)
            }
        };
        if awaits.is_some()
            && let Some(error) = self.to_begin.refusal(&tenant)
        {
            tracing::info!(run.id = %run, "run {run} fails: too much of its tenant's waits to begin");
            fail(turn, &header, error);
            return intend_error_run(turn, workflow.on_failure(), &header);
        }
        if let Some(awaits) = awaits {
            self.count(turn, &mut active, awaits)?;
            if started_by_run {
                tell_of_queued(turn, active.state.header());
            }
        }
        Self::take_seat(turn, &mut active, &entry);
        self.hold(run, active);
        let command = match awaits {
            None => Command::Start,
            Some(Awaits::Room) => Command::Queue,
            Some(Awaits::Seat) => Command::AwaitSeat,
        };
        self.advance(turn, run, command);
        Ok(())
    }

    /// Counts what a run will take of the journal while it waits to begin: now, since the next one is judged by it.
    fn count(&mut self, turn: &mut Turn, active: &mut Active, awaits: Awaits) -> Result<(), JournalError> {
        let row = codec::write_header(&active.hash, active.state.header())?;
        let known = turn.snapshot(&self.journal)?.has_document(&active.hash)?;
        let document = if known { 0 } else { active.document.as_str().len() };
        active.to_begin = row.len() + document + ROW_BYTES;
        active.row = Some(row);
        self.to_begin.add(&active.state.header().tenant, active.to_begin, awaits);
        Ok(())
    }

    /// Keeps tasks of other workers until these have them. A run whose tenant has too many of them waiting fails here:
    /// to send its batch back would stop others' runs.
    fn keep_elsewhere(
        &mut self,
        turn: &mut Turn,
        elsewhere: Vec<Elsewhere>,
        mut receipt: Receipt,
    ) -> Result<Receipt, JournalError> {
        for Elsewhere { owner, header, record } in elsewhere {
            let (run, now) = (header.run_id, turn.now);
            let ended = match turn.ended.get(&run) {
                Some(known) => Some(*known),
                None => turn.snapshot(&self.journal)?.finished(run, now)?,
            };
            // One that failed here, because a reply was lost, must not begin there.
            if ended.is_some_and(|known| known >= header.attempt) {
                receipt.duplicates += 1;
                continue;
            }
            receipt.handed_over += 1;
            if let Some(error) = self.handoff_queue.refusal(&header.tenant) {
                tracing::info!(run.id = %run, "run {run} fails: its worker is away, and too much of its tenant's waits");
                let input = input_of(&record);
                fail(turn, &RunHeader { input, ..header }, error);
                continue;
            }
            let sequence = self.next_handoff;
            self.next_handoff += 1;
            turn.commit.handoffs.push(Handoff { owner, sequence, tenant: header.tenant, record });
        }
        Ok(receipt)
    }

    /// Whether no attempt as high as this one is known, and the run was not cancelled. An unfinished lower one makes way.
    pub(super) fn is_new(&mut self, turn: &mut Turn, header: &RunHeader) -> Result<bool, JournalError> {
        let run = header.run_id;
        if !self.runs.contains_key(&run) {
            let now = turn.now;
            if turn.snapshot(&self.journal)?.finished(run, now)?.is_some_and(|known| known >= header.attempt)
            {
                return Ok(false);
            }
            if let Some(row) = turn.snapshot(&self.journal)?.header(run)? {
                // Its history may be long, and an echo of its task needs no more of it than its attempt.
                if bare_header(&row).is_some_and(|(_, known)| known.attempt >= header.attempt) {
                    return Ok(false);
                }
                turn.visited.push(run);
                self.load(turn, run)?;
            }
        }
        let in_memory = self.runs.get(&run).map(|active| active.state.last_attempt());
        let Some(known) = in_memory.or_else(|| turn.ended.get(&run).copied()) else { return Ok(true) };
        if known >= header.attempt {
            return Ok(false);
        }
        tracing::warn!(run.id = %run, attempt = header.attempt, "attempt {} of run {run} replaces an earlier one", header.attempt);
        self.drop_run(turn, run)?;
        Ok(true)
    }
}

/// The input of a task, as far as it can be read.
fn input_of(record: &[u8]) -> Value {
    let event = std::str::from_utf8(record).ok().and_then(|text| event::read(text).ok());
    match event.map(|event| event.payload) {
        Some(Payload::TaskExecute(task)) => read_input(&task.input).unwrap_or_default(),
        _ => Value::Null,
    }
}

/// Nobody else has announced a run that another one has started.
fn tell_of_queued(turn: &mut Turn, header: &RunHeader) {
    let (tenant, run) = (header.tenant.clone(), header.new_run().queued());
    turn.records.push(Record::Run(Box::new(RunRecord {
        tenant,
        run,
        input: InputAt::Here,
        steps: Vec::new(),
    })));
}

/// Ends a run that cannot begin.
pub(super) fn fail(turn: &mut Turn, header: &RunHeader, error: NodeError) {
    let row = header.new_run().failed(error, 1, turn.now);
    turn.records.push(Record::Run(Box::new(RunRecord {
        tenant: header.tenant.clone(),
        run: row,
        input: InputAt::Here,
        steps: Vec::new(),
    })));
    let (run, attempt, at) = (header.run_id, header.attempt, turn.now);
    turn.commit.ops.push(Op::Finish { run, attempt, at });
    turn.ended.insert(run, attempt);
}

fn count(outcome: &'static str, records: usize) {
    counter!(names::WORKER_TASKS, names::OUTCOME => outcome).increment(records as u64);
}
