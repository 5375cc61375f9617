//! A world around a run that performs its effects and checks the laws after every decision.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{definition::Definition, ids::RunId, loops::Destination, timestamp::Timestamp};
use serde_json::Value;

use super::{
    plan::{Happening, outcome, success},
    waiting::SIGNALS,
};
use crate::engine::{
    Command, Effect, Illegal, Outcome, RunEvent, RunHeader, RunState, StepChange, StepKey, Timer,
    flow::Size,
    scope_run::ScopeRun,
    step,
    tests::scenario::{CREATED, header},
};
use crate::journal::codec;

pub(super) struct World {
    pub(super) state: RunState,
    /// What the journal holds, and its fold.
    pub(super) journal: Vec<RunEvent>,
    folded: RunState,
    /// What the worker does: attempts under way and timers set.
    working: BTreeSet<(StepKey, u32)>,
    timers: BTreeMap<Timer, Timestamp>,
    /// Every attempt that was ever executed.
    executed: BTreeSet<(StepKey, u32)>,
    /// Called runs that have not ended, and that somebody waits for; and all that were ever called.
    called: BTreeSet<RunId>,
    ever_called: BTreeSet<RunId>,
    /// What others are to do, of which nobody was told: [`Effect::StartRun`] and [`Effect::CancelRuns`].
    pub(super) asked: Vec<Effect>,
    /// What the last decision was.
    pub(super) last: Vec<RunEvent>,
    pub(super) now: Timestamp,
}

impl World {
    pub(super) fn new(definition: &Arc<Definition>) -> Self {
        Self::after(definition, &[], CREATED)
    }

    /// The world after a crash that left those events: the worker has folded them, and does nothing yet.
    pub(super) fn after(definition: &Arc<Definition>, journal: &[RunEvent], now: Timestamp) -> Self {
        Self::of(header(serde_json::json!([{}])), definition, journal, now)
    }

    /// The same of a run that was started otherwise.
    pub(super) fn of(
        header: RunHeader,
        definition: &Arc<Definition>,
        journal: &[RunEvent],
        now: Timestamp,
    ) -> Self {
        let mut state = RunState::new(header, Arc::clone(definition));
        journal.iter().for_each(|event| state.apply(event).unwrap());
        Self {
            folded: state.clone(),
            called: state.open_runs().collect(),
            ever_called: BTreeSet::new(),
            state,
            journal: journal.to_vec(),
            working: BTreeSet::new(),
            timers: BTreeMap::new(),
            executed: BTreeSet::new(),
            asked: Vec::new(),
            last: Vec::new(),
            now,
        }
    }

    pub(super) fn tell(&mut self, command: Command) -> Result<(), Illegal> {
        let before = self.state.clone();
        let decision = match step(&mut self.state, command, self.now) {
            Ok(decision) => decision,
            Err(illegal) => {
                assert_eq!(self.state.progress, before.progress, "a refused command changes nothing");
                return Err(illegal);
            }
        };
        assert!(!before.is_terminal(), "nothing follows a run's end");
        self.last.clone_from(&decision.events);
        for event in &decision.events {
            self.check_event(event);
            let row = codec::write_events(std::slice::from_ref(event)).unwrap();
            let read = codec::read_events(&row).unwrap();
            assert_eq!(read, std::slice::from_ref(event), "events are read as they were written");
            self.folded.apply(&read[0]).unwrap();
            self.journal.extend(read);
        }
        for effect in decision.effects {
            self.perform(&effect);
        }
        self.check_state();
        Ok(())
    }

    pub(super) fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Finish { pick, detail } => {
                if let Some((step, attempt)) = pick_of(&self.working, *pick) {
                    let outcome = outcome(&self.state, &step, *detail, self.now);
                    self.finish(step, attempt, outcome);
                }
            }
            Happening::Timer => self.fire(),
            Happening::CallEnds { pick } => self.end_call(*pick),
            Happening::Signal { pick } => self.signal(SIGNALS[pick % SIGNALS.len()]),
            Happening::Deadline => self.time_is_up(),
            Happening::Restart => self.restart(),
            Happening::Stop => {
                if !self.state.is_terminal() {
                    self.tell(Command::Stop).unwrap();
                }
                self.restart();
            }
            Happening::Echo { pick } => self.echo(*pick),
            Happening::Cancel => {
                let ended = self.state.is_terminal();
                let told = self.tell(Command::Cancel { reason: "enough".to_owned() });
                assert_eq!(told.is_err(), ended, "a run that has not ended can be cancelled");
                assert!(self.state.is_terminal(), "cancel ends the run");
            }
            Happening::GiveWay => {
                let ended = self.state.is_terminal();
                let error = Box::new(domain::run::NodeError::new("concurrency_replaced", "another one runs"));
                assert_eq!(self.tell(Command::GiveWay { error }).is_err(), ended, "it can always give way");
                assert!(self.state.is_terminal(), "it ends the run");
            }
            Happening::Fail => {
                let ended = self.state.is_terminal();
                let error = Box::new(domain::run::NodeError::new("limit", "too much"));
                let told = self.tell(Command::Fail { error });
                assert_eq!(told.is_err(), ended, "a run that has not ended can fail");
                assert!(self.state.is_terminal(), "it ends the run");
            }
        }
    }

    /// Succeeds with whatever runs, and lets time pass, until the run has ended.
    pub(super) fn drive_to_end(&mut self, pick: usize) {
        self.play(pick, |_| {}, |state, step, _| success(state, step));
    }

    /// Gives each attempt its outcome, and lets time pass, until the run has ended.
    pub(super) fn play(
        &mut self,
        pick: usize,
        mut before: impl FnMut(&mut Self),
        outcome: impl Fn(&RunState, &StepKey, Timestamp) -> Outcome,
    ) {
        let mut turns = 0;
        while !self.state.is_terminal() {
            turns += 1;
            assert!(turns < 20_000, "every run ends");
            before(self);
            if self.state.is_terminal() {
                break;
            }
            match pick_of(&self.working, pick) {
                Some((step, attempt)) => {
                    let outcome = outcome(&self.state, &step, self.now);
                    self.finish(step, attempt, outcome);
                }
                None if !self.called.is_empty() => self.end_call(pick),
                None => self.go_on(pick.wrapping_add(turns)),
            }
        }
    }

    /// A called run ends, whether its step waits or goes on just now; a second time changes nothing.
    fn end_call(&mut self, pick: usize) {
        let Some(run) = self.called.iter().nth(pick % self.called.len().max(1)).copied() else { return };
        let end = Arc::new(serde_json::json!({ "items": [] }));
        self.run_ended(run, &end);
        self.run_ended(run, &end);
    }

    /// It is told that a run has ended. Whether it waits for that one decides whether it takes notice.
    pub(super) fn run_ended(&mut self, run: RunId, end: &Arc<Value>) {
        let waited_for = self.called.remove(&run);
        let told = self.tell(Command::RunEnded { run, end: Arc::clone(end) });
        assert_eq!(told.is_ok(), waited_for, "a run ends once");
    }

    pub(super) fn restart(&mut self) {
        if self.state.is_terminal() {
            return;
        }
        let done: Vec<_> = self.settled().collect();
        self.state = self.folded.clone();
        self.working.clear();
        self.timers.clear();
        self.tell(Command::Recover).unwrap();
        let again = |step: &StepKey| self.working.iter().any(|(working, _)| working == step);
        assert!(!done.iter().any(again), "what is done is not done again");
    }

    pub(super) fn finish(&mut self, step: StepKey, attempt: u32, outcome: Outcome) {
        let key = (step.clone(), attempt);
        self.working.remove(&key);
        if matches!(outcome, Outcome::Later(_) | Outcome::Calling(_)) {
            // The same attempt may be executed once more.
            self.executed.remove(&key);
        }
        self.tell(Command::StepFinished { step, attempt, outcome, jitter: 0.5 }).unwrap();
    }

    pub(super) fn fire(&mut self) {
        let next = self.timers.iter().min_by_key(|(_, at)| **at);
        if let Some((timer, at)) = next.map(|(timer, at)| (timer.clone(), *at)) {
            self.now = self.now.max(at);
            self.timers.remove(&timer);
            self.tell(Command::TimerFired(timer)).unwrap();
        }
    }

    /// An attempt that is over is reported again, and a timer that has fired fires again.
    fn echo(&mut self, pick: usize) {
        let over = self.executed.difference(&self.working).cloned().collect();
        if let Some((step, attempt)) = pick_of(&over, pick) {
            let outcome = success(&self.state, &step);
            let late = Command::StepFinished { step: step.clone(), attempt, outcome, jitter: 0.5 };
            assert!(self.tell(late).is_err(), "attempt {attempt} of {step:?} ends once");
            let late = Timer::Wake(step);
            if !self.timers.contains_key(&late) {
                assert!(self.tell(Command::TimerFired(late)).is_err(), "attempt {attempt} begins once");
            }
        }
    }

    fn settled(&self) -> impl Iterator<Item = StepKey> {
        let settled = self.state.steps().iter().filter(|(_, run)| run.finished_at().is_some());
        settled.map(|(node, run)| StepKey { node, iteration: run.iteration().clone() })
    }

    /// What may not happen at all, whatever the state says of itself.
    fn check_event(&self, event: &RunEvent) {
        let RunEvent::Step(event) = event else { return };
        let (StepChange::Started | StepChange::Skipped) = event.change else { return };
        let (definition, steps) = (self.folded.definition(), self.folded.steps());
        let key = &event.step;
        for &edge in &definition.nodes[key.node].incoming {
            let route = definition.loops.route(edge);
            if route.leaves.is_some() || route.to != Destination::Node {
                continue;
            }
            let source = StepKey { node: definition.edges[edge].source, iteration: key.iteration.clone() };
            let settled = steps.get(&source).unwrap().finished_at().is_some();
            assert!(settled, "a node starts after all its inputs are settled");
        }
        assert!(steps.get(key).unwrap().finished_at().is_none(), "what is settled does not start again");
        let takes_something = !self.folded.inputs(key).is_empty();
        let starts = event.change == StepChange::Started;
        let belongs = self
            .folded
            .course()
            .is_none_or(|course| !course.is_left_out(key.node) && course.pinned(key.node).is_none());
        assert_eq!(takes_something && belongs, starts, "a node runs if and only if it is given items");
    }

    fn perform(&mut self, effect: &Effect) {
        match effect {
            Effect::Execute(execute) => {
                let key = (execute.step.clone(), execute.attempt);
                let course = self.folded.course().unwrap();
                let given = course.pinned(key.0.node).is_some() || course.is_left_out(key.0.node);
                assert!(!given, "what is given or left out is not executed");
                assert!(self.executed.insert(key.clone()), "no node runs twice for one attempt");
                self.working.insert(key);
            }
            Effect::Abort(step) => self.working.retain(|(working, _)| working != step),
            Effect::SetTimer { timer, at } => {
                self.timers.insert(timer.clone(), *at);
            }
            Effect::CancelTimer(timer) => {
                self.timers.remove(timer);
            }
            Effect::StartRun(called) => {
                let run = called.header.run_id;
                assert!(self.ever_called.insert(run), "a run is started once");
                if called.header.trigger.parent.as_ref().is_some_and(|parent| parent.waits) {
                    self.called.insert(run);
                }
                self.asked.push(effect.clone());
            }
            Effect::CancelRuns(runs) => {
                for run in runs {
                    assert!(self.called.remove(run), "what is cancelled has not ended");
                }
                self.asked.push(effect.clone());
            }
        }
    }

    fn check_state(&self) {
        let state = &self.state;
        assert_eq!(state.progress, self.folded.progress, "the fold of the journal is the state");
        assert_eq!(state.revision(), self.journal.len() as u64);
        assert_eq!(state.running().collect::<BTreeSet<_>>(), self.working, "what runs is what was executed");
        assert_eq!(state.timers().collect::<BTreeMap<_, _>>(), self.timers, "timers are those that are due");
        assert_eq!(state.progress.running, self.working.len());
        assert_eq!(
            state.open_runs().collect::<BTreeSet<_>>(),
            self.called,
            "who waits is told, or takes them along"
        );
        assert!(state.is_terminal() || !state.is_complete(), "a run that is complete ends");
        assert_eq!(state.is_parked(), !state.is_terminal() && self.working.is_empty(), "a live run goes on");
        assert!(state.is_terminal() || state.progress.ready.is_empty(), "what can run does");
        self.check_kept();
        let steps = (0..state.steps().nodes()).flat_map(|node| state.steps().of(node));
        let kept = Size::of(state.progress.scopes.iter().flat_map(ScopeRun::kept));
        assert_eq!(state.progress.given, steps.map(|step| step.bytes).sum::<usize>() + kept.bytes);
        assert_eq!(state.progress.kept_memory, kept.memory, "what is kept is counted");
    }
}

impl World {
    /// What the journal keeps instead of events leads to the same.
    fn check_kept(&self) {
        // Not each time: it takes longer than all else.
        let now = self.journal.len().is_multiple_of(5);
        let Some(kept) = self.state.kept().filter(|_| now) else { return };
        let row = codec::write_progress(&kept).unwrap();
        assert_eq!(codec::count_events(&row), Some(self.journal.len() as u64));
        let codec::Row::Progress(read) = codec::read_row(&row).unwrap() else { panic!("{row:?}") };
        assert_eq!(*read, kept, "it is read as it was written");
        let (header, definition) = (self.state.header(), self.state.definition());
        let mut other = RunState::new(Arc::clone(header), Arc::clone(definition));
        other.go_on_from(*read).unwrap();
        let mut state = self.state.clone();
        state.forget_changes();
        assert_eq!(other.progress, state.progress, "it goes on as the state would");
    }
}

fn pick_of(attempts: &BTreeSet<(StepKey, u32)>, pick: usize) -> Option<(StepKey, u32)> {
    attempts.iter().nth(pick % attempts.len().max(1)).cloned()
}
