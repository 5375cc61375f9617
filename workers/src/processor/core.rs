//! The loop: wait, decide, write, act.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::Receiver,
    },
    time::{Duration, Instant},
};

use domain::ids::{RunId, TenantId};
use metrics::gauge;
use minireipaz::clock::Clock;
use minireipaz::telemetry::names;
use tokio::sync::oneshot;

use super::{
    Gate, Input, Inputs, ProcessorDeps,
    active::Active,
    aside::Aside,
    computed::{finished, lost},
    controls::KeptControls,
    dispatch::Dispatcher,
    due::{Due, Stream},
    error_runs::ErrorRuns,
    inbox::Inbox,
    memory::RunMemory,
    returning::Returning,
    seating::Vacancies,
    settled::Settled,
    to_begin::ToBegin,
    turn::{Effects, Turn},
};
use crate::{
    alerts::Alerts,
    crash_points::{CrashPoint, pass},
    documents::Documents,
    engine::Command,
    journal::{self, Journal, JournalError, OutboxRow},
    peers::HandoffQueue,
    readers::Readers,
    recorder::{Backlog, Committed, RowPlace},
    runner::Runner,
    vitals::Vitals,
};

pub(super) struct Core {
    pub(super) journal: Arc<Journal>,
    pub(super) documents: Arc<Documents>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) runs: HashMap<RunId, Active>,
    /// When to look for whose due timers; not later than the first is due.
    pub(super) due: Due,
    /// Streams of which timers fired, or may have: to be looked at again after the commit.
    pub(super) fired: Vec<Stream>,
    pub(super) to_begin: ToBegin,
    /// Groups of runs that share a limit, of which somebody may sit down.
    pub(super) vacancies: Vacancies,
    pub(super) next_sequence: u64,
    pub(super) backlog: Arc<Backlog>,
    pub(super) gate: Arc<Gate>,
    pub(super) runner: Runner,
    pub(super) dispatcher: Dispatcher,
    pub(super) memory: RunMemory,
    /// Runs of which a step may begin, and which were in the journal only; the places are taken.
    pub(super) coming: Vec<(TenantId, RunId)>,
    /// Runs on their way back that take long to read.
    pub(super) returning: Returning,
    /// Those of them that have not been told yet that the worker has started again.
    pub(super) unrecovered: HashSet<RunId>,
    /// Runs over which something panicked that was done after a commit: they end in the next turn.
    pub(super) broken: Vec<RunId>,
    pub(super) aside: Aside,
    pub(super) inbox: Inbox,
    /// What counts errors.
    pub(super) alerts: Arc<Alerts>,
    vitals: Arc<Vitals>,
    /// Who waits for runs.
    pub(super) readers: Arc<Readers>,
    /// What others have confirmed.
    settled: Settled,
    pub(super) next_handoff: u64,
    /// What is wanted of runs that were not in memory.
    pub(super) kept_controls: KeptControls,
    /// Runs of error workflows that are to be started.
    pub(super) error_runs: ErrorRuns,
    pub(super) handoff_queue: Arc<HandoffQueue>,
    /// The hour up to which finished runs have been forgotten.
    pub(super) forgotten: u32,
    /// Once it stops: who is told when no step is under way, unless that was said already.
    drained: Option<Option<oneshot::Sender<()>>>,
    ready: Option<oneshot::Sender<()>>,
    pub(super) ending: bool,
    pub(super) killed: Arc<AtomicBool>,
}

/// A turn takes so many inputs at most, goes on taking them for so long, and takes and computes no more once they are
/// so large: all else waits for its commit.
const TURN_INPUTS: usize = 1_024;
const TURN_TIME: Duration = Duration::from_millis(10);
pub(super) const TURN_BYTES: usize = 8 << 20;
/// So long nothing is looked at when nothing is due at all.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// A clock may be set, a machine may sleep: while something will be due, the clock is looked at that often.
const CLOCK_CHECK: Duration = Duration::from_secs(1);

impl Core {
    pub(super) fn new(
        deps: ProcessorDeps,
        (inputs, receiver): (Inputs, Receiver<Input>),
        killed: Arc<AtomicBool>,
    ) -> Result<Self, JournalError> {
        let snapshot = deps.journal.read()?;
        let mut due = Due::default();
        for (lane, tenant, at) in snapshot.first_timers()? {
            due.set(&(lane, tenant), at);
        }
        let aside = Aside::new(&deps.journal, &deps.documents, inputs.clone());
        let error_runs = ErrorRuns::new(deps.callees, inputs.clone());
        let dispatcher = Dispatcher::new(deps.max_steps, deps.runner.clone(), inputs);
        Ok(Self {
            due,
            fired: Vec::new(),
            to_begin: ToBegin::open(deps.max_queued_bytes, &snapshot)?,
            vacancies: Vacancies::open(&snapshot)?,
            next_handoff: snapshot.last_handoff()? + 1,
            kept_controls: KeptControls::open(&snapshot)?,
            error_runs,
            handoff_queue: deps.handoff_queue,
            readers: deps.readers,
            next_sequence: deps.backlog.last() + 1,
            journal: deps.journal,
            documents: deps.documents,
            clock: deps.clock,
            backlog: deps.backlog,
            gate: deps.gate,
            runner: deps.runner,
            runs: HashMap::new(),
            dispatcher,
            memory: RunMemory::new(deps.max_runs, deps.max_run_bytes, deps.max_steps.1),
            coming: Vec::new(),
            returning: Returning::new(),
            unrecovered: HashSet::new(),
            broken: Vec::new(),
            aside,
            inbox: Inbox::new(receiver),
            alerts: deps.alerts,
            vitals: deps.vitals,
            settled: Settled::default(),
            forgotten: 0,
            drained: None,
            ready: Some(deps.ready),
            ending: false,
            killed,
        })
    }

    /// Works until it is told to end.
    pub(super) fn run(&mut self) {
        match self.recover() {
            Ok(()) => self.work(),
            Err(error) => tracing::error!(%error, "the journal cannot be read; the worker stops"),
        }
        self.end_reads();
    }

    fn work(&mut self) {
        self.gate.set_to_begin(self.to_begin.taken());
        self.gate.set_open(true);
        if let Some(ready) = self.ready.take() {
            let _ = ready.send(());
        }
        while !self.killed.load(Ordering::Acquire) && self.turn() {}
    }

    /// One turn; `false` when it was the last one.
    pub(super) fn turn(&mut self) -> bool {
        self.wait();
        let mut turn = Turn::new(self.clock.now());
        self.fail_broken_since(&mut turn);
        self.fire_due(&mut turn);
        self.bring_back(&mut turn);
        self.gather(&mut turn);
        // What came before the end is taken into account.
        let last = self.ending && self.inbox.is_empty();
        if last {
            self.put_aside(&mut turn);
            pass(CrashPoint::BeforePutAside);
        }
        if !self.complete(turn) {
            return false;
        }
        if last {
            pass(CrashPoint::PutAside);
        }
        if self.dispatcher.running() == 0
            && let Some(drained) = self.drained.as_mut().and_then(Option::take)
        {
            let _ = drained.send(());
        }
        if last && let Err(error) = self.put_aside_others() {
            tracing::error!(%error, "steps that waited for a place count as interrupted at the next start");
        }
        !last
    }

    /// Waits for an input, or until something is due.
    fn wait(&mut self) {
        if !(self.coming.is_empty() && self.vacancies.is_empty() && self.broken.is_empty()) {
            return;
        }
        let mut longest = LONGEST_WAIT;
        if !self.draining() {
            let now = self.clock.now();
            if self.may_fire_something(now) {
                return;
            }
            if let Some(due) = self.due.next() {
                longest = CLOCK_CHECK.min(due.since(now));
            }
            if self.due.is_held_up() {
                longest = longest.min(CLOCK_CHECK);
            }
        }
        if let Some(at) = self.settled.due() {
            longest = longest.min(at.saturating_duration_since(Instant::now()));
        }
        if !self.inbox.wait(longest) {
            self.ending = true;
        }
    }

    /// Whether it was told to stop.
    pub(super) const fn draining(&self) -> bool {
        self.drained.is_some()
    }

    /// Takes what has gathered.
    fn gather(&mut self, turn: &mut Turn) {
        let began = Instant::now();
        for _ in 0..TURN_INPUTS {
            let Some((input, bytes)) = self.inbox.next() else { break };
            turn.taken += bytes;
            self.take(turn, input);
            if began.elapsed() > TURN_TIME || turn.taken + turn.computed > TURN_BYTES {
                break;
            }
        }
    }

    fn take(&mut self, turn: &mut Turn, input: Input) {
        match input {
            Input::Delivery(delivery) => self.deliver(turn, delivery),
            Input::Finished { run, run_attempt, step, attempt, outcome, .. } => {
                pass(CrashPoint::OutcomeTaken);
                let key = (run, step);
                let ran = self.dispatcher.ended(&key, (run_attempt, attempt));
                let Some(outcome) = outcome.map(|outcome| *outcome).or_else(|| ran.then(lost)) else {
                    return;
                };
                if self.runs.get(&run).is_some_and(|active| active.state.header().attempt == run_attempt) {
                    self.advance(turn, run, finished(key.1, attempt, outcome));
                }
            }
            Input::Returned(returned) => self.returned(turn, *returned),
            Input::ErrorRun(found) => self.start_error_run(turn, *found),
            Input::AlertRun(header) => self.intend_alert_run(turn, &header),
            Input::Confirmed(sequences) => self.settled.confirm(sequences),
            Input::HandedOver { owner, sequences } => self.settled.hand_over(&owner, sequences),
            Input::Wake => {}
            Input::Drain(drained) => {
                self.dispatcher.pause();
                self.drained = Some(Some(drained));
            }
            Input::Abort => self.dispatcher.abort_all(),
            Input::Exit => self.ending = true,
        }
    }

    /// Marks steps that are cut off by an orderly stop, or wait for a place.
    fn put_aside(&mut self, turn: &mut Turn) {
        let under_way = |active: &Active| active.state.running().next().is_some();
        let runs: Vec<_> =
            self.runs.iter().filter(|(_, active)| under_way(active)).map(|(run, _)| *run).collect();
        for run in runs {
            self.advance(turn, run, Command::Stop);
        }
    }

    /// Writes what was decided, and then acts; `false` when the thread has to end.
    pub(super) fn complete(&mut self, mut turn: Turn) -> bool {
        self.weigh(&mut turn);
        self.seat_waiting(&mut turn);
        if let Err(error) = self.seal(&mut turn) {
            tracing::error!(%error, "a decision cannot be written down; the worker stops");
            turn.refuse();
            return false;
        }
        turn.release();
        let now = Instant::now();
        if self.settled.due().is_some_and(|at| self.ending || at <= now || !turn.commit.is_empty()) {
            self.settled.put_into(&mut turn.commit);
        }
        if !turn.commit.is_empty() {
            let oldest = journal::hour(turn.now).saturating_sub(journal::REMEMBERED_HOURS);
            turn.commit.forget_before = (oldest > self.forgotten).then_some(oldest);
            if !self.write(&mut turn) {
                return false;
            }
        }
        self.act(turn);
        true
    }

    /// Does what the commit allows.
    fn act(&mut self, mut turn: Turn) {
        let outbox = std::mem::take(&mut turn.commit.outbox);
        self.next_sequence += outbox.len() as u64;
        self.publish(&turn, &outbox);
        if !outbox.is_empty() {
            pass(CrashPoint::ReadersTold);
            let rows = turn.records.drain(..).zip(outbox);
            let (bytes, left) =
                self.backlog.push(rows.map(|(record, OutboxRow { sequence, tenant, text })| Committed {
                    place: RowPlace { sequence, tenant, bytes: text.len() },
                    record,
                }));
            self.aside.dispose(bytes, left);
        }
        self.handoff_queue.add(&turn.commit.handoffs);
        // After the gate can see what this batch added: who sends batch after batch must not get past a limit.
        turn.answer();
        for key in turn.cut_off.drain(..) {
            self.dispatcher.abort(&key);
        }
        for Effects { run, aborts, begins } in &turn.effects {
            if !aborts.is_empty() {
                pass(CrashPoint::BeforeCutOff);
            }
            for step in aborts {
                self.dispatcher.abort(&(*run, step.clone()));
            }
            if *begins {
                self.let_wait(*run);
            }
        }
        self.begin_steps();
        self.look_for_error_runs(&turn.error_runs);
        for Effects { run, .. } in turn.effects.drain(..) {
            self.let_rest(run, turn.now);
        }
        for run in turn.visited.drain(..) {
            self.let_rest(run, turn.now);
        }
        self.gate.set_to_begin(self.to_begin.taken());
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        gauge!(names::WORKER_ACTIVE_RUNS).set(self.runs.len() as f64);
        self.vitals.set_active_runs(self.runs.len());
        self.dispatcher.report();
        self.memory.report();
        self.to_begin.report();
        self.look_at_fired(turn.now);
    }
}
