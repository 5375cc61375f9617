//! Runs that are to stop or to take a signal.
//!
//! A run in memory hears of it at once. For any other the journal keeps what is wanted, and a timer that is due stands for
//! it: so it is durable before its batch is answered, waits for room as all does that goes on (a cancel needs none, as the
//! end of a run's time does not), and a run that takes long to read is sent for as for any timer. What comes for a run
//! that has ended, is not known here, or does not wait for that signal, is handled: it is counted, and changes nothing.

use domain::{
    dead_letter::DeadLetter,
    event,
    ids::{RunId, TenantId},
    timestamp::Timestamp,
};
use metrics::counter;
use minireipaz::{fair::Shares, telemetry::names};

use super::{
    control::{CANCEL, Control, ControlElsewhere, Controls, SIGNAL, Wanted},
    core::Core,
    stored::bare_header,
    turn::Turn,
};
use crate::{
    CONSUMER,
    caught::read_caught,
    crash_points::{CrashPoint, pass},
    engine::{Command, StepKey},
    journal::{
        ControlPlace, Handoff, JournalError, Lane, Op, Snapshot, TimerRow,
        codec::{self, Notice},
        set_aside,
    },
    recorder::Record,
};

/// Bytes of the journal that signals may take which wait for their runs; of one tenant half of it.
const MAX_BYTES: usize = 64 << 20;

/// The place of a run's cancel: it needs no second one, and other controls have higher ones.
pub(super) const THE_CANCEL: u64 = 0;

/// What the journal keeps for runs that were not in memory.
pub(super) struct KeptControls {
    bytes: Shares<TenantId>,
    next: u64,
}

impl KeptControls {
    /// What the journal holds.
    pub(super) fn open(snapshot: &Snapshot) -> Result<Self, JournalError> {
        let mut kept = Self { bytes: Shares::halves(MAX_BYTES), next: THE_CANCEL + 1 };
        for ControlPlace { sequence, tenant, bytes } in snapshot.controls()? {
            kept.next = kept.next.max(sequence + 1);
            if let Some(tenant) = tenant.filter(|_| sequence != THE_CANCEL) {
                kept.bytes.take(&tenant, bytes);
            }
        }
        Ok(kept)
    }
}

/// What became of something that was wanted of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Became {
    /// The run has done it.
    Done,
    /// The journal keeps it until the run is in memory.
    Kept,
    /// The run has ended, or does not wait for that signal.
    Late,
    /// The run is not known here.
    Unknown,
    /// It belongs to another worker.
    HandedOver,
    /// Too much of its tenant's waits already.
    Refused,
}

impl Became {
    /// Its name in metrics.
    const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Kept => "kept",
            Self::Late => "late",
            Self::Unknown => "unknown",
            Self::HandedOver => "handed_over",
            Self::Refused => "refused",
        }
    }
}

/// Lets the counters be there from the start, at zero.
pub(crate) fn begin_controls_at_zero() {
    use Became::{Done, HandedOver, Kept, Late, Refused, Unknown};
    for kind in [CANCEL, SIGNAL] {
        for became in [Done, Kept, Late, Unknown, HandedOver, Refused] {
            count(kind, became, 0);
        }
    }
}

fn count(kind: &'static str, became: Became, times: u64) {
    let labels = [(names::CONTROL, kind), (names::OUTCOME, became.name())];
    counter!(names::WORKER_CONTROLS, &labels).increment(times);
}

/// Tells of what had no effect on its run.
fn tell(run: RunId, kind: &'static str, became: Became) {
    count(kind, became, 1);
    let why = match became {
        Became::Late if kind == CANCEL => "it has ended",
        Became::Late => "it has ended, or does not wait for that signal",
        Became::Unknown => "it is not known here, or ended long ago",
        Became::Done | Became::Kept | Became::HandedOver | Became::Refused => return,
    };
    tracing::info!(run.id = %run, "a {kind} for run {run} changes nothing: {why}");
}

#[cfg(test)]
impl Core {
    /// How many bytes of signals are kept.
    pub(super) fn kept_controls_taken(&self) -> usize {
        self.kept_controls.bytes.taken()
    }
}

impl Core {
    /// Takes what a request's records want of runs; how many of them were handled.
    pub(super) fn take_controls(
        &mut self,
        turn: &mut Turn,
        controls: Controls,
    ) -> Result<usize, JournalError> {
        let Controls { here, elsewhere } = controls;
        let all = here.len() + elsewhere.len();
        for control in here {
            let (run, kind) = (control.run, control.wanted.kind());
            let became = self.take_control(turn, control)?;
            tell(run, kind, became);
        }
        for ControlElsewhere { owner, tenant, kind, run, record } in elsewhere {
            if let Some(error) = self.handoff_queue.refusal(&tenant) {
                refuse(turn, run, &error.message, &record, &tenant);
                count(kind, Became::Refused, 1);
                continue;
            }
            let sequence = self.next_handoff;
            self.next_handoff += 1;
            turn.commit.handoffs.push(Handoff { owner, sequence, tenant, record });
            count(kind, Became::HandedOver, 1);
        }
        Ok(all)
    }

    fn take_control(&mut self, turn: &mut Turn, control: Control) -> Result<Became, JournalError> {
        let (run, now) = (control.run, turn.now);
        if self.runs.contains_key(&run) {
            return Ok(self.control(turn, run, &control.tenant, control.wanted));
        }
        if turn.ended.contains_key(&run) {
            return Ok(Became::Late);
        }
        let snapshot = turn.snapshot(&self.journal)?;
        let Some(header) = snapshot.header(run)? else {
            let ended = snapshot.finished(run, now)?.is_some();
            return Ok(if ended { Became::Late } else { Became::Unknown });
        };
        // Of a header that cannot be read nobody knows whose it is; its run fails when it is brought back.
        if bare_header(&header).is_some_and(|(_, header)| header.tenant != control.tenant) {
            return Ok(Became::Unknown);
        }
        self.keep(turn, control)
    }

    /// Keeps it in the journal, with a timer that brings the run into memory for it.
    fn keep(&mut self, turn: &mut Turn, control: Control) -> Result<Became, JournalError> {
        let Control { tenant, run, wanted, record } = control;
        let (sequence, lane, at) = match wanted {
            Wanted::Cancel { .. } => (THE_CANCEL, Lane::End, Timestamp::from_millis(0)),
            Wanted::Signal { .. } => {
                if !self.kept_controls.bytes.has_room(&tenant) {
                    let limit = self.kept_controls.bytes.limit();
                    let why = format!(
                        "the tenant's signals that wait for their runs take its part of the {limit} bytes that all \
                         may take; send it again later"
                    );
                    refuse(turn, run, &why, &record, &tenant);
                    return Ok(Became::Refused);
                }
                self.kept_controls.bytes.take(&tenant, record.len());
                self.kept_controls.next += 1;
                (self.kept_controls.next - 1, Lane::Wake, turn.now)
            }
        };
        let timer = codec::write_notice(Notice::Wanted(sequence))?;
        turn.commit.ops.push(Op::PutControl { run, sequence, tenant: tenant.clone(), record });
        let row = TimerRow { lane, tenant, at, run, timer, bytes: 0 };
        self.due.set(&(lane, row.tenant.clone()), row.due());
        turn.commit.ops.push(Op::SetTimer(row));
        Ok(Became::Kept)
    }

    /// Does what was kept for a run that is in memory now, or nowhere.
    ///
    /// # Errors
    /// When the disk fails; then it is kept.
    pub(super) fn fire_control(
        &mut self,
        turn: &mut Turn,
        row: TimerRow,
        sequence: u64,
    ) -> Result<(), JournalError> {
        let run = row.run;
        let record = turn.snapshot(&self.journal)?.control(run, sequence)?;
        let owner = row.tenant.clone();
        turn.commit.ops.push(Op::ClearTimer(row));
        // A second timer for the same.
        let Some(record) = record else { return Ok(()) };
        turn.commit.ops.push(Op::ClearControl { run, sequence });
        if sequence != THE_CANCEL {
            self.kept_controls.bytes.give_back(&owner, record.len());
        }
        match read_caught(|| read(&record)) {
            Ok(Control { tenant, wanted, .. }) => {
                let kind = wanted.kind();
                let became = self.control(turn, run, &tenant, wanted);
                tell(run, kind, became);
                turn.visited.push(run);
            }
            Err(why) => {
                let reason = format!("what is wanted of run {run} cannot be read: {why}");
                let letter = set_aside(&reason, &record, owner.as_str(), turn.now);
                turn.records.push(Record::Dead(Box::new(letter)));
            }
        }
        Ok(())
    }

    /// A run in memory does what is wanted of it, unless it is too late for that.
    fn control(&mut self, turn: &mut Turn, run: RunId, tenant: &TenantId, wanted: Wanted) -> Became {
        let Some(active) = self.runs.get(&run).filter(|active| !active.state.is_terminal()) else {
            return Became::Late;
        };
        if active.state.header().tenant != *tenant {
            return Became::Unknown;
        }
        let command = match wanted {
            Wanted::Cancel { reason } => Command::Cancel { reason },
            Wanted::Signal { node, iteration, id, name, data } => {
                let Some(node) = active.state.definition().node(node.as_str()) else { return Became::Late };
                let step = StepKey { node, iteration };
                if !active.state.waits_for_signal(&step, &name) {
                    return Became::Late;
                }
                Command::Signal { step, id, name, data }
            }
        };
        let point = match command {
            Command::Signal { .. } => CrashPoint::SignalGiven,
            _ => CrashPoint::CancelGiven,
        };
        self.advance(turn, run, command);
        pass(point);
        Became::Done
    }
}

/// What a record wants that was kept.
fn read(record: &[u8]) -> Result<Control, String> {
    let text = std::str::from_utf8(record).map_err(|error| error.to_string())?;
    let event = event::read(text).map_err(|error| error.to_string())?;
    let control = Control::of(event.tenant, event.payload, text);
    control.unwrap_or_else(|| Err("it wants nothing of a run".to_owned()))
}

/// Keeps for people what cannot be kept for its run.
fn refuse(turn: &mut Turn, run: RunId, why: &str, record: &[u8], tenant: &TenantId) {
    tracing::warn!(run.id = %run, why, "what is wanted of run {run} is lost");
    let letter = DeadLetter::new(CONSUMER, why, record, tenant.as_str(), turn.now);
    turn.records.push(Record::Dead(Box::new(letter)));
}
