//! How a settled step goes on: along its edges, to the next iteration of a loop, out of it.
//!
//! It is part of the fold: nothing is decided here, everything follows from the events so far. An iteration ends when
//! all of its steps are settled, so at most one of a loop is under way, and of the earlier ones only that is kept which
//! something can still ask for.

use domain::{
    definition::{Definition, inputs::Input},
    items::{Items, Output},
    iteration::Iteration,
    kinds::loop_::LOOP,
    limits::{MAX_ITEMS, MAX_STEP_OUTPUT_BYTES},
    loops::{Destination, Loops, WHOLE},
    measure::{item_memory, items_bytes},
};

use super::{
    key::StepKey,
    scope_run::{Brought, Given, Leaving, Round, ScopeRun, joined},
    state::{Progress, RunState, delivered},
    step_run::{StepRun, StepState},
    steps::{Renewed, Steps},
};

/// How much some lists of items are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// As compact JSON.
    pub(super) bytes: usize,
    /// In memory, about.
    pub(super) memory: usize,
}

impl Size {
    pub(super) fn of<'i>(lists: impl Iterator<Item = &'i Items>) -> Self {
        let mut size = Self::default();
        for items in lists {
            size.bytes += items_bytes(items);
            size.memory += items.iter().map(|item| size_of_val(item) + item_memory(item)).sum::<usize>();
        }
        size
    }
}

/// A run's progress along its definition.
pub(super) struct Flow<'s> {
    definition: &'s Definition,
    progress: &'s mut Progress,
}

/// The steps and the loops of a run to which nothing has happened.
pub(super) fn begin(definition: &Definition) -> (Steps, Vec<ScopeRun>) {
    let loops = &definition.loops;
    let mut first: Vec<Iteration> = Vec::with_capacity(loops.scopes().len());
    for scope in loops.scopes() {
        let around = scope.entry.and_then(|_| first.get(scope.parent));
        first.push(around.map_or_else(Iteration::outside, Iteration::inner));
    }
    let steps = definition.nodes.iter().enumerate().map(|(index, node)| {
        let open = match loops.entered_at(index) {
            Some(_) => edges_into(definition, index),
            None => count(node.incoming.len()),
        };
        (first[loops.scope_of(index)].clone(), open)
    });
    let steps = Steps::new(steps);
    let scopes = loops.scopes().iter().zip(&first).map(|(scope, iteration)| {
        let open = if scope.entry.is_some() { 1 } else { scope.nodes.len() + scope.inner.len() };
        ScopeRun { open, ..ScopeRun::new(iteration.clone()) }
    });
    (steps, scopes.collect())
}

/// The edges that lead to the entry of a loop from outside.
fn edges_into(definition: &Definition, entry: usize) -> u32 {
    let into = |edge: &&usize| definition.loops.route(**edge).to == Destination::Into;
    count(definition.nodes[entry].incoming.iter().filter(into).count())
}

fn count(edges: usize) -> u32 {
    u32::try_from(edges).unwrap_or(u32::MAX)
}

impl<'s> Flow<'s> {
    pub(super) const fn new(definition: &'s Definition, progress: &'s mut Progress) -> Self {
        Self { definition, progress }
    }

    fn loops(&self) -> &'s Loops {
        &self.definition.loops
    }

    /// A `loop` has begun: what it was given is one list from now on, which is not put together again each time.
    pub(super) fn given(&mut self, entry: usize, brought: Vec<Brought>) {
        let Some(scope) = self.loops().entered_at(entry) else { return };
        let pieces = brought.iter().map(|brought| (brought.place, brought.items.len())).collect();
        let items = joined(brought.into_iter().map(|brought| brought.items).collect());
        let given = Given { items, pieces };
        if given.pieces.len() > 1 {
            self.keep(&given.items);
        }
        self.progress.scopes[scope].given = Some(given);
    }

    /// A step is settled, and the run goes on.
    pub(super) fn settled(&mut self, node: usize) {
        let output = self.progress.steps.now(node).output().cloned();
        let output = output.as_deref();
        let scope = self.loops().scope_of(node);
        if self.loops().entered_at(node).is_some() {
            if self.ends_here(node, scope, output) {
                self.deliver(node, output, true);
                return self.settle_scope(scope);
            }
            self.begin_body(scope);
        }
        self.deliver(node, output, false);
        self.close(scope);
    }

    /// Whether a `loop` ends without another iteration of its body: it has handed out nothing more.
    fn ends_here(&mut self, entry: usize, scope: usize, output: Option<&Output>) -> bool {
        if !self.definition.is_batching(entry) {
            return false;
        }
        let run = &mut self.progress.scopes[scope];
        let handed_out = output.and_then(|output| output.ports.get(LOOP)).map_or(0, |items| items.len());
        run.taken += handed_out;
        run.over = handed_out == 0;
        run.over && run.iteration.count() > 0
    }

    /// The nodes of a scope start anew, in the iteration that its entry began.
    fn begin_body(&mut self, scope: usize) {
        let of = &self.loops().scopes()[scope];
        let iteration = self.progress.scopes[scope].iteration.clone();
        for &node in of.nodes.iter().filter(|node| of.entry != Some(**node)) {
            let open = count(self.definition.nodes[node].incoming.len());
            self.renew(node, StepRun::new(iteration.clone(), open, 0));
        }
        for &inner in &of.inner {
            self.enter(inner, iteration.inner());
        }
        self.progress.scopes[scope].open += of.nodes.len() - 1 + of.inner.len();
    }

    /// A loop is as it was before anything came, in another iteration of what is around it.
    fn enter(&mut self, scope: usize, iteration: Iteration) {
        let before = std::mem::replace(&mut self.progress.scopes[scope], ScopeRun::new(iteration.clone()));
        self.let_go(before.kept());
        if let Some(entry) = self.loops().scopes()[scope].entry {
            let open = edges_into(self.definition, entry);
            self.renew(entry, StepRun::new(iteration, open, 0));
            if open == 0 {
                self.progress.ready.push_back(entry);
            }
        }
    }

    fn renew(&mut self, node: usize, step: StepRun) {
        let Progress { steps, changes, given, .. } = &mut *self.progress;
        let Renewed { before, freed } = steps.renew(node, step);
        *given -= freed;
        if let Some(before) = before.filter(|before| before.changed() > changes.since) {
            changes.gone.push((node, before.into_owned()));
        }
    }

    /// Follows the edges that start from a step. What leaves a loop is kept until that is settled.
    fn deliver(&mut self, node: usize, output: Option<&Output>, only_out: bool) {
        let scope = self.loops().scope_of(node);
        for &index in &self.definition.nodes[node].outgoing {
            let (edge, route) = (&self.definition.edges[index], self.loops().route(index));
            let items = output.and_then(|output| delivered(&output.ports, &edge.port));
            if route.leaves.is_some() {
                if let Some(items) = items {
                    self.keep(items);
                    self.leaves(scope, index, vec![Items::clone(items)].into());
                }
            } else if !only_out {
                self.follow(index, items.cloned());
            }
        }
    }

    /// Follows an edge within the scope in which it leads on.
    fn follow(&mut self, index: usize, items: Option<Items>) {
        let (edge, route) = (&self.definition.edges[index], self.loops().route(index));
        if route.to != Destination::Back {
            return self.settle_edge(edge.target, items.is_some());
        }
        if let Some(items) = items {
            self.keep(&items);
            let incoming = &self.definition.nodes[edge.target].incoming;
            let place = count(incoming.partition_point(|edge| *edge < index));
            self.progress.scopes[route.scope].back.push(Brought { place, items });
        }
    }

    fn settle_edge(&mut self, target: usize, delivers: bool) {
        if let StepState::Pending { open, delivering } = &mut self.progress.steps.now_mut(target).state {
            *open -= 1;
            *delivering += u32::from(delivers);
            if *open == 0 {
                self.progress.ready.push_back(target);
            }
        }
    }

    /// A step of a scope's iteration is settled, or a loop inside it.
    fn close(&mut self, scope: usize) {
        let run = &mut self.progress.scopes[scope];
        run.open -= 1;
        if run.open == 0 && scope != WHOLE {
            self.end_iteration(scope);
        }
    }

    /// The next iteration begins if something has come back, of a `loop` also while it has items.
    fn end_iteration(&mut self, scope: usize) {
        let Some(entry) = self.loops().scopes()[scope].entry else { return };
        let run = &mut self.progress.scopes[scope];
        let mut back = std::mem::take(&mut run.back);
        // In the order of the edges, whichever branch was first.
        back.sort_by_key(|brought| brought.place);
        let goes_on = if self.definition.is_batching(entry) {
            run.returned_items += back.iter().map(|brought| brought.items.len()).sum::<usize>();
            run.returned.extend(back);
            // No more than that can be given by `done`.
            let over_full = run.returned.last().filter(|_| run.returned_items > MAX_ITEMS);
            if let Some(brought) = over_full {
                let incoming = &self.definition.nodes[entry].incoming;
                self.progress.overfull = incoming.get(brought.place as usize).copied();
            }
            !run.over
        } else {
            let before = std::mem::replace(&mut run.began_with, back);
            let goes_on = !run.began_with.is_empty();
            self.let_go(before.iter().map(|brought| &brought.items));
            goes_on
        };
        if !goes_on {
            return self.settle_scope(scope);
        }
        let run = &mut self.progress.scopes[scope];
        run.iteration = run.iteration.next();
        run.open = 1;
        let step = StepRun::new(run.iteration.clone(), 0, 1);
        self.renew(entry, step);
        self.progress.ready.push_back(entry);
    }

    /// No iteration follows: what leaves the loop goes on, and the scope around it may be settled too. (As deep as loops
    /// are nested, which is bounded.)
    fn settle_scope(&mut self, scope: usize) {
        let of = &self.loops().scopes()[scope];
        let run = &mut self.progress.scopes[scope];
        // What came in and what came back is nobody's any more.
        let over = ScopeRun {
            given: run.given.take(),
            began_with: std::mem::take(&mut run.began_with),
            returned: std::mem::take(&mut run.returned),
            ..ScopeRun::default()
        };
        run.open = 0;
        run.returned_items = 0;
        self.let_go(over.kept());
        for &edge in &of.exits {
            let route = self.loops().route(edge);
            let leaving = self.progress.scopes[scope].exits.remove(&edge);
            if route.leaves != Some(scope) {
                if let Some(leaving) = leaving {
                    self.leaves(of.parent, edge, leaving);
                }
                continue;
            }
            let Some(Leaving { lists, .. }) = leaving else {
                self.follow(edge, None);
                continue;
            };
            self.let_go(lists.iter());
            let items = joined(lists);
            if route.to != Destination::Back {
                // Whoever it leads to finds it here.
                self.keep(&items);
                let leaving = vec![Items::clone(&items)].into();
                self.progress.scopes[scope].exits.insert(edge, leaving);
            }
            self.follow(edge, Some(items));
        }
        self.close(of.parent);
    }

    /// One edge brings no more than a step may give by one port: somebody is given all of it.
    fn leaves(&mut self, scope: usize, edge: usize, more: Leaving) {
        let leaving = self.progress.scopes[scope].exits.entry(edge).or_default();
        leaving.lists.extend(more.lists);
        leaving.items += more.items;
        leaving.bytes += more.bytes;
        if leaving.items > MAX_ITEMS || leaving.bytes > MAX_STEP_OUTPUT_BYTES {
            self.progress.overfull.get_or_insert(edge);
        }
    }

    /// Counts what is kept from now on.
    fn keep(&mut self, items: &Items) {
        let Size { bytes, memory } = Size::of(std::iter::once(items));
        self.progress.given += bytes;
        self.progress.kept_memory += memory;
    }

    fn let_go<'i>(&mut self, lists: impl Iterator<Item = &'i Items>) {
        let Size { bytes, memory } = Size::of(lists);
        self.progress.given -= bytes;
        self.progress.kept_memory -= memory;
    }
}

impl RunState {
    /// What a step that has begun was given, as long as that is known: of the entry of a loop that is settled it is not.
    #[must_use]
    pub fn given(&self, step: &StepKey) -> Option<Vec<Input<'_>>> {
        let is_newest = self.progress.steps.now(step.node).iteration == step.iteration;
        let entered = self.definition.loops.entered_at(step.node);
        let is_settled = entered.is_some_and(|scope| self.progress.scopes[scope].open == 0);
        (is_newest && !is_settled).then(|| self.inputs(step))
    }

    /// Where the `loop` is that this step is of.
    #[must_use]
    pub fn round(&self, step: &StepKey) -> Option<Round> {
        let scope = self.definition.loops.entered_at(step.node)?;
        let run = &self.progress.scopes[scope];
        let given = run.given.as_ref().filter(|_| run.iteration == step.iteration)?;
        let exhausted = run.taken >= given.items.len();
        let returned = if exhausted { run.returned.clone() } else { Vec::new() };
        Some(Round { taken: run.taken, pieces: given.pieces.clone(), returned })
    }
}
