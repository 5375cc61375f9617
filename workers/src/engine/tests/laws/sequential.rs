//! A run gives what a simple interpreter gives, which does one thing after the other and keeps everything.
//!
//! It knows an edge only as what was sent by it in which iteration. What an edge brings in an iteration is all that was
//! sent by it there, in the order of the iterations inside. Of waits, attempts that fail first, stops and crashes it knows
//! nothing: they must make no difference.

use std::collections::{BTreeMap, HashMap};

use domain::{
    items::{Item, Ports, input_items},
    kinds::loop_::{DONE, LOOP},
    loops::{Destination, WHOLE},
    run::StepStatus,
    workflow::OnError,
};

use super::waiting::waits_for;
use super::*;
use crate::engine::{
    Later, RunEvent, RunState, StepChange, StepFailure,
    tests::{laws::plan::batch, scenario::CREATED},
};
use domain::{kinds::Kind, retry::Failure, timestamp::Timestamp};
use serde_json::json;

pub(super) type Path = Vec<u32>;
pub(super) type Steps = BTreeMap<(usize, Path), (StepStatus, Option<Ports>)>;

/// What a node makes of its items in an iteration, and whether it fails.
pub(super) type Does<'d> = dyn Fn(usize, &[u32], &[Item]) -> (bool, Ports) + 'd;

/// What a node does in an iteration, whenever it does it.
pub(super) fn fate(definition: &Definition, node: usize, path: &[u32], seed: u64) -> (bool, Ports) {
    let mut bits = seed ^ (node as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for counter in path {
        bits = (bits ^ u64::from(counter + 1)).wrapping_mul(0xBF58_476D_1CE4_E5B9).rotate_left(23);
    }
    bits ^= bits >> 29;
    let own = &definition.nodes[node];
    let fails = bits.is_multiple_of(16) && own.kind != Kind::Loop;
    let items = |place: usize| {
        let count = (bits >> (8 + 3 * place)) % 4;
        let item = |n| Item::from_iter([("from".to_owned(), json!([node, path, place, n]))]);
        Arc::new((0..count.saturating_sub(1)).map(item).collect::<Vec<_>>())
    };
    let ports = own.ports.iter().enumerate();
    let ports = ports.filter(|(_, port)| fails || ***port != *domain::items::ERROR);
    (fails, ports.map(|(place, port)| (Arc::clone(port), items(place))).collect())
}

/// Why the interpreter stops: the run fails.
struct Fails;

struct Interpreter<'d> {
    definition: &'d Definition,
    /// The run's input.
    given: Vec<Item>,
    does: &'d Does<'d>,
    steps: Steps,
    /// What was sent by an edge, in which iteration of its source.
    sent: HashMap<usize, BTreeMap<Path, Vec<Item>>>,
}

impl Interpreter<'_> {
    /// What an edge brings in an iteration of the scope in which it leads on.
    fn brought(&self, edge: usize, path: &[u32]) -> Vec<Item> {
        let depth = self.definition.loops.scopes()[self.definition.loops.route(edge).scope].depth;
        let sent = self.sent.get(&edge).into_iter().flatten();
        sent.filter(|(from, _)| from[..depth] == path[..depth]).flat_map(|(_, items)| items.clone()).collect()
    }

    fn incoming(&self, node: usize, to: Destination, path: &[u32]) -> Vec<Item> {
        let incoming = self.definition.nodes[node].incoming.iter();
        let of_kind = incoming.filter(|edge| self.definition.loops.route(**edge).to == to);
        of_kind.flat_map(|edge| self.brought(*edge, path)).collect()
    }

    /// One iteration of a scope; its entry has run already.
    fn body(&mut self, scope: usize, path: &[u32]) -> Result<(), Fails> {
        let of = &self.definition.loops.scopes()[scope];
        let nodes = of.nodes.iter().filter(|node| of.entry != Some(**node));
        let mut left: Vec<(Option<usize>, Option<usize>)> = nodes.map(|node| (Some(*node), None)).collect();
        left.extend(of.inner.iter().map(|inner| (None, Some(*inner))));
        let loops = &self.definition.loops;
        while !left.is_empty() {
            // One that nothing leads to which is left.
            let waits = |unit: &(Option<usize>, Option<usize>)| {
                let first = unit.0.or_else(|| loops.scopes()[unit.1?].entry).unwrap();
                self.definition.nodes[first].incoming.iter().any(|edge| {
                    let route = loops.route(*edge);
                    let source = self.definition.edges[*edge].source;
                    route.scope == scope
                        && route.to != Destination::Back
                        && left.iter().any(|(node, inner)| {
                            *node == Some(source) && route.leaves.is_none()
                                || inner.is_some() && *inner == route.leaves
                        })
                })
            };
            let next = left.iter().position(|unit| !waits(unit)).unwrap();
            match left.remove(next) {
                (Some(node), _) => {
                    let items = self.incoming(node, Destination::Node, path);
                    self.node(node, path, &items)?;
                }
                (_, Some(inner)) => self.one_loop(inner, path)?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    fn one_loop(&mut self, scope: usize, around: &[u32]) -> Result<(), Fails> {
        let entry = self.definition.loops.scopes()[scope].entry.unwrap();
        let given = self.incoming(entry, Destination::Into, around);
        let batching = self.definition.is_batching(entry);
        let (mut items, mut taken, mut returned) = (given.clone(), 0, Vec::new());
        for count in 0.. {
            if count >= self.definition.max_iterations(entry) && !(batching && taken >= given.len()) {
                return Err(Fails);
            }
            let path = [around, &[count]].concat();
            if batching && !given.is_empty() {
                let handed: Vec<Item> = given.iter().skip(taken).take(2).cloned().collect();
                taken += handed.len();
                let over = handed.is_empty();
                let done = if over { std::mem::take(&mut returned) } else { Vec::new() };
                let ports = [(LOOP.into(), Arc::new(handed)), (DONE.into(), Arc::new(done))];
                self.gives(entry, &path, StepStatus::Succeeded, ports.into());
                if over {
                    return Ok(());
                }
            } else {
                self.node(entry, &path, &items)?;
            }
            self.body(scope, &path)?;
            items = self.incoming(entry, Destination::Back, &path);
            if batching && !given.is_empty() {
                returned.append(&mut items);
            } else if items.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn node(&mut self, node: usize, path: &[u32], items: &[Item]) -> Result<(), Fails> {
        let own = &self.definition.nodes[node];
        if node == 0 {
            let items = Arc::new(self.given.clone());
            self.gives(node, path, StepStatus::Succeeded, [("main".into(), items)].into());
            return Ok(());
        }
        if items.is_empty() {
            self.steps.insert((node, path.to_vec()), (StepStatus::Skipped, None));
            return Ok(());
        }
        let (fails, ports) = (self.does)(node, path, items);
        if fails && own.on_error == OnError::Fail {
            return Err(Fails);
        }
        let status = if fails { StepStatus::Failed } else { StepStatus::Succeeded };
        self.gives(node, path, status, ports);
        Ok(())
    }

    fn gives(&mut self, node: usize, path: &[u32], status: StepStatus, ports: Ports) {
        for &index in &self.definition.nodes[node].outgoing {
            let items = ports.get(&self.definition.edges[index].port);
            let items = items.map(|items| items.to_vec()).unwrap_or_default();
            self.sent.entry(index).or_default().insert(path.to_vec(), items);
        }
        self.steps.insert((node, path.to_vec()), (status, Some(ports)));
    }
}

/// A hash of a step, another one for each `salt`.
pub(super) fn bits(step: &StepKey, seed: u64, salt: u64) -> u64 {
    let counters = step.iteration.counters().iter().map(|counter| u64::from(*counter));
    let mixed = |bits: u64, more: u64| {
        let bits = (bits ^ more).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits ^ bits >> 31
    };
    counters.chain([step.node as u64, salt]).fold(seed, mixed)
}

/// What the engine's step gives: what its fate is, after attempts that fail. A `wait` waits first.
pub(super) fn played(state: &RunState, step: &StepKey, seed: u64, now: Timestamp) -> Outcome {
    let definition = state.definition();
    let node = &definition.nodes[step.node];
    if node.kind == Kind::Loop {
        return Outcome::Succeeded(batch(state, step, 2));
    }
    let run = state.steps().get(step).unwrap();
    if node.kind == Kind::Wait && run.woken().is_none() {
        let waits_for = waits_for(bits(step, seed, 1), now);
        return Outcome::Later(Box::new(Later { waits_for, kept: None }));
    }
    if u64::from(run.failures()) < bits(step, seed, 2) % u64::from(node.retry.max_attempts()) {
        let (error, failure) = (NodeError::new("again", "not yet"), Failure::Server { retry_after: None });
        return Outcome::Failed(Box::new(StepFailure { error, failure, partial: None, fallback: None }));
    }
    let (fails, ports) = fate(definition, step.node, step.iteration.counters(), seed);
    let output = Output::from(ports);
    if fails {
        let (error, failure) = (NodeError::new("planned", "it fails"), Failure::Permanent);
        let fallback = Some(output);
        return Outcome::Failed(Box::new(StepFailure { error, failure, partial: None, fallback }));
    }
    Outcome::Succeeded(output)
}

/// Every step that the run ever had, as its events tell.
pub(super) fn all_steps(world: &World) -> Steps {
    let given = input_items(&world.state.header().input).unwrap();
    let mut all = Steps::new();
    for event in &world.journal {
        let RunEvent::Step(event) = event else { continue };
        let settled = match &event.change {
            StepChange::Triggered => {
                let items = Arc::new(given.clone());
                (StepStatus::Succeeded, Some([("main".into(), items)].into()))
            }
            StepChange::Succeeded { output } => (StepStatus::Succeeded, Some(output.ports.clone())),
            StepChange::Failed { output, .. } => {
                (StepStatus::Failed, output.as_ref().map(|output| output.ports.clone()))
            }
            StepChange::Skipped => (StepStatus::Skipped, None),
            _ => continue,
        };
        all.insert((event.step.node, event.step.iteration.counters().to_vec()), settled);
    }
    all
}

/// What the interpreter says of a run with that input: all of its steps; `None`: it fails.
pub(super) fn interpreted_with(definition: &Definition, given: Vec<Item>, does: &Does<'_>) -> Option<Steps> {
    let mut interpreter = Interpreter { definition, given, does, steps: Steps::new(), sent: HashMap::new() };
    interpreter.body(WHOLE, &[]).ok().map(|()| interpreter.steps)
}

/// The same of a run that calls nobody.
fn interpreted(definition: &Definition, seed: u64) -> Option<Steps> {
    let does = |node: usize, path: &[u32], _: &[Item]| fate(definition, node, path, seed);
    interpreted_with(definition, vec![Item::new()], &does)
}

/// When an event happened.
pub(super) fn moment(event: &RunEvent) -> Timestamp {
    match event {
        RunEvent::Started { at } | RunEvent::Finished { at, .. } => *at,
        RunEvent::Step(event) => event.at,
    }
}

proptest! {
    #[test]
    fn a_run_gives_what_one_step_after_the_other_gives(
        definition in definitions(),
        seed in any::<u64>(),
        pick in any::<usize>(),
        restarts in any::<u64>(),
    ) {
        let mut world = started(&definition);
        let (mut restarts, mut crashes) = (restarts, 0);
        world.play(pick, |world| {
            restarts = restarts.rotate_right(1);
            match restarts & 15 {
                7 | 15 => world.happen(&Happening::Stop),
                // A step outlives no more than a few of these.
                3 if crashes < 4 => {
                    crashes += 1;
                    world.happen(&Happening::Restart);
                }
                _ => {}
            }
        }, |state, step, now| played(state, step, seed, now));
        let expected = interpreted(&definition, seed);
        let status = if expected.is_some() { RunStatus::Succeeded } else { RunStatus::Failed };
        prop_assert_eq!(world.state.status(), status);
        if let Some(steps) = expected {
            prop_assert_eq!(all_steps(&world), steps);
        }
    }

    #[test]
    fn a_crash_between_any_two_events_leads_to_the_same_end(
        definition in definitions(),
        seed in any::<u64>(),
        pick in any::<usize>(),
        cuts in any::<[usize; 3]>(),
    ) {
        let plays = |world: &mut World| {
            world.play(pick, |_| {}, |state, step, now| played(state, step, seed, now));
        };
        let mut lived = started(&definition);
        plays(&mut lived);
        let expected = interpreted(&definition, seed);
        for cut in cuts {
            let kept = &lived.journal[..cut % lived.journal.len()];
            let now = kept.last().map_or(CREATED, moment);
            let mut world = World::after(&definition, kept, now);
            world.restart();
            plays(&mut world);
            prop_assert_eq!(world.state.status(), lived.state.status());
            if let Some(steps) = &expected {
                prop_assert_eq!(&all_steps(&world), steps, "after {} events", kept.len());
            }
        }
    }
}
