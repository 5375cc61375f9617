//! Several runs at one worker, each in a world of its own, and what they tell each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{ids::RunId, kinds::Kind, timestamp::Timestamp};
use serde_json::Value;

use super::{
    super::{
        sequential::{moment, played},
        world::World,
    },
    calling::{Workflows, execution},
    log::{Entry, Message, entries, open},
};
use crate::engine::{Command, RunHeader, StepKey, Timer, tests::scenario::CREATED};

/// Chance, as a number decides it.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    /// One of so many.
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % most as u64) as usize
    }
}

/// A run, all that it calls, and all that these call.
pub(super) struct Family {
    pub(super) workflows: Workflows,
    pub(super) root: RunId,
    pub(super) runs: BTreeMap<RunId, World>,
    /// All that was written, in its order.
    pub(super) log: Vec<Entry>,
    /// What runs were told and have not heard.
    post: Vec<Message>,
    now: Timestamp,
}

/// What may happen next.
enum Turn {
    Hear(usize),
    Begin(RunId),
    Finish(RunId, StepKey, u32),
    /// A signal comes.
    Signal(RunId, String),
    /// The timer that is due next fires, whoever's it is.
    Timer(RunId),
}

impl Family {
    pub(super) fn started(workflows: &Workflows) -> Self {
        let mut family = Self::after(workflows, &[]);
        family.act(family.root, |world| world.tell(Command::Start).unwrap());
        family
    }

    /// The family after a crash that left those entries: nobody has begun to go on, and all that was ever told may be told
    /// again.
    fn after(workflows: &Workflows, log: &[Entry]) -> Self {
        let root = workflows.root();
        let id = root.run_id;
        let mut journals: BTreeMap<RunId, (Arc<RunHeader>, Vec<_>)> =
            BTreeMap::from([(id, (Arc::new(root), Vec::new()))]);
        let (mut post, mut now) = (Vec::new(), CREATED);
        for entry in log {
            journals
                .get_mut(&entry.run)
                .expect("a run begins before it goes on")
                .1
                .extend(entry.events.clone());
            now = entry.events.iter().map(moment).fold(now, Timestamp::max);
            for header in &entry.starts {
                let before = journals.insert(header.run_id, (Arc::clone(header), Vec::new()));
                assert!(before.is_none(), "a run is started once, whatever crashes");
            }
            post.extend(entry.tells.iter().cloned());
        }
        let world = |(header, events): (Arc<RunHeader>, Vec<_>)| {
            World::of((*header).clone(), workflows.of(&header), &events, now)
        };
        let runs = journals.into_iter().map(|(run, journal)| (run, world(journal))).collect();
        Self { workflows: workflows.clone(), root: id, runs, log: log.to_vec(), post, now }
    }

    /// As it is after a crash that left the first so many entries, and a new start of the worker.
    pub(super) fn cut(&self, length: usize) -> Self {
        let mut family = Self::after(&self.workflows, &self.log[..length]);
        for run in family.runs.keys().copied().collect::<Vec<_>>() {
            family.act(run, World::restart);
        }
        family
    }

    pub(super) fn root(&self) -> &World {
        &self.runs[&self.root]
    }

    /// Whoever called a run and waits for it, or did.
    pub(super) fn waiting_caller(&self, run: RunId) -> Option<&World> {
        let parent = self.runs[&run].state.header().trigger.parent.as_ref().filter(|parent| parent.waits)?;
        self.runs.get(&parent.run_id)
    }

    /// The runs that a run has called.
    pub(super) fn called_by(&self, run: RunId) -> impl Iterator<Item = RunId> {
        let parent = |world: &World| Some(world.state.header().trigger.parent.as_ref()?.run_id);
        self.runs.iter().filter(move |(_, world)| parent(world) == Some(run)).map(|(called, _)| *called)
    }

    /// The runs that have not ended and that the first one waits for, or that one of these waits for, and so on.
    pub(super) fn descendants(&self) -> BTreeSet<RunId> {
        let mut found = BTreeSet::new();
        let mut left = vec![self.root];
        while let Some(caller) = left.pop() {
            let waited_for = self.called_by(caller).filter(|run| self.waiting_caller(*run).is_some());
            let waited_for: Vec<_> = waited_for.filter(|run| !self.runs[run].state.is_terminal()).collect();
            left.extend(&waited_for);
            found.extend(waited_for);
        }
        found
    }

    /// What was told of a run's end.
    pub(super) fn told_of(&self, run: RunId) -> Option<Value> {
        let mut told = self.log.iter().flat_map(|entry| &entry.tells).filter_map(|message| match message {
            Message::Ended { called, end, .. } if *called == run => Some(end.clone()),
            _ => None,
        });
        let first = told.next();
        assert!(told.next().is_none(), "a run ends once");
        first
    }

    /// The first run ends by this, wherever it is. A time limit is its own: the clock of the others stays.
    pub(super) fn end_root(&mut self, command: Command) {
        self.act(self.root, |world| world.tell(command).unwrap());
    }

    /// Everybody hears what they were told, and what is told because of it.
    pub(super) fn hear_all(&mut self) {
        while !self.post.is_empty() {
            let message = self.post.remove(0);
            self.hear(&message);
        }
    }

    /// Lets anything happen until all runs have ended. The worker crashes so many times at most: a step outlives a few.
    pub(super) fn play(&mut self, chance: &mut Chance, crashes: usize) {
        let (mut turns, mut crashed) = (0, 0);
        while self.runs.values().any(|world| !world.state.is_terminal()) {
            turns += 1;
            assert!(turns < 50_000, "every family of runs comes to its end");
            match chance.below(40) {
                0 if crashed < crashes => {
                    crashed += 1;
                    *self = self.cut(self.log.len());
                }
                1 if crashes > 0 => {
                    for run in self.runs.keys().copied().collect::<Vec<_>>() {
                        self.act(run, |world| {
                            let ended = world.state.is_terminal() || world.state.is_queued();
                            assert!(ended || world.tell(Command::Stop).is_ok());
                        });
                    }
                    *self = self.cut(self.log.len());
                }
                _ => self.go_on(chance),
            }
        }
        self.hear_all();
    }

    fn go_on(&mut self, chance: &mut Chance) {
        let mut may: Vec<Turn> = (0..self.post.len()).map(Turn::Hear).collect();
        let (mut waits, mut next) = (Vec::new(), None);
        for (run, world) in &self.runs {
            let state = &world.state;
            if state.is_queued() {
                may.push(Turn::Begin(*run));
            }
            may.extend(state.running().map(|(step, attempt)| Turn::Finish(*run, step, attempt)));
            let signals = state.suspended().filter_map(|(_, waits)| waits.signal.clone());
            waits.extend(signals.map(|signal| Turn::Signal(*run, signal)));
            let wakes = state.timers().filter(|(timer, _)| matches!(timer, Timer::Wake(_)));
            next = next.into_iter().chain(wakes.map(|(_, at)| (at, *run))).min();
        }
        waits.extend(next.map(|(_, run)| Turn::Timer(run)));
        if may.is_empty() || !waits.is_empty() && chance.below(4) == 0 {
            may = waits;
        }
        assert!(!may.is_empty(), "something goes on");
        match may.swap_remove(chance.below(may.len())) {
            Turn::Hear(place) => {
                // It may come once more.
                let again = chance.below(8) == 0;
                let message = if again { self.post[place].clone() } else { self.post.swap_remove(place) };
                self.hear(&message);
            }
            Turn::Begin(run) => self.act(run, |world| world.tell(Command::Start).unwrap()),
            Turn::Signal(run, name) => self.act(run, |world| world.signal(&name)),
            Turn::Timer(run) => self.act(run, World::fire),
            Turn::Finish(run, step, attempt) => {
                let workflows = self.workflows.clone();
                self.act(run, |world| {
                    let state = &world.state;
                    let outcome = if state.definition().nodes[step.node].kind == Kind::CallWorkflow {
                        execution(&workflows, state, &step)
                    } else {
                        played(state, &step, workflows.seed(state.header()), world.now)
                    };
                    world.finish(step, attempt, outcome);
                });
            }
        }
    }

    /// A run hears something. Of what it knows already, or is too late, it takes no notice.
    fn hear(&mut self, message: &Message) {
        match message {
            Message::Ended { caller, called, end } => {
                let end = Arc::new(end.clone());
                self.act(*caller, |world| world.run_ended(*called, &end));
            }
            Message::Orphaned { called } => self.act(*called, |world| {
                let ended = world.state.is_terminal();
                let told = world.tell(Command::Cancel { reason: "nobody waits for it".to_owned() });
                assert_eq!(told.is_err(), ended, "a run that has not ended can be cancelled");
            }),
        }
    }

    /// A run does something, and what comes of it is written.
    fn act(&mut self, run: RunId, act: impl FnOnce(&mut World)) {
        let world = self.runs.get_mut(&run).expect("who is told of is there");
        world.now = self.now;
        let (before, open) = (world.journal.len(), open(world));
        act(world);
        self.now = world.now;
        for entry in entries(world, before, &open) {
            for header in &entry.starts {
                let definition = self.workflows.of(header);
                let world = World::of((**header).clone(), definition, &[], self.now);
                assert!(self.runs.insert(header.run_id, world).is_none(), "a run is started once");
            }
            self.post.extend(entry.tells.iter().cloned());
            self.log.push(entry);
        }
    }
}
