//! Finds the scopes, from the outside in.

use super::{
    Destination, Graph, InvalidLoop, Link, Loops, MAX_LOOP_DEPTH, Route, Scope, WHOLE, components::components,
};

/// The scopes of a graph. Each level looks at its nodes and their edges, so what it takes is the depth of the loops, which
/// is bounded, times what a look at the graph takes; only who makes much of what loops in a row lead to is looked at
/// once more for each of them.
pub(super) fn scopes(graph: &Graph) -> Result<Loops, Vec<InvalidLoop>> {
    let count = graph.batches.len();
    let mut adjacent = Adjacent {
        after: vec![Vec::new(); count],
        before: vec![Vec::new(); count],
        links: vec![Vec::new(); count],
    };
    for link in &graph.links {
        adjacent.after[link.source].push(link.target);
        adjacent.before[link.target].push(link.source);
        adjacent.links[link.source].push(*link);
    }
    let mut finder = Finder {
        graph,
        adjacent,
        loops: Loops {
            scopes: vec![Scope::new(WHOLE, 0, None)],
            scope_of: vec![WHOLE; count],
            routes: Vec::new(),
        },
        invalid: Vec::new(),
    };
    let mut scope = WHOLE;
    while scope < finder.loops.scopes.len() {
        finder.look_into(scope);
        scope += 1;
    }
    if finder.invalid.is_empty() { Ok(finder.finish()) } else { Err(finder.invalid) }
}

/// The nodes that follow each node, those before it, and the edges that start from it; a node twice to which two edges
/// lead.
struct Adjacent {
    after: Vec<Vec<usize>>,
    before: Vec<Vec<usize>>,
    links: Vec<Vec<Link>>,
}

struct Finder<'g> {
    graph: &'g Graph,
    adjacent: Adjacent,
    loops: Loops,
    invalid: Vec<InvalidLoop>,
}

/// The parts of one scope.
struct Parts {
    parts: Vec<Vec<usize>>,
    /// The part of each node of the scope.
    of: Vec<Option<usize>>,
}

impl Finder<'_> {
    /// Finds the loops directly inside a scope.
    fn look_into(&mut self, scope: usize) {
        let Scope { entry, depth, .. } = self.loops.scopes[scope];
        let scope_of = &self.loops.scope_of;
        let within = |node: usize| scope_of[node] == scope && entry != Some(node);
        let nodes: Vec<usize> = (0..scope_of.len()).filter(|node| within(*node)).collect();
        let parts = components(&nodes, &self.adjacent.after, within);
        let mut of = vec![None; scope_of.len()];
        for (place, part) in parts.iter().enumerate() {
            part.iter().for_each(|node| of[*node] = Some(place));
        }
        let parts = Parts { parts, of };
        for place in 0..parts.parts.len() {
            let part = &parts.parts[place];
            // Those of an earlier loop's dead ends are its own.
            if self.loops.scope_of[part[0]] != scope || !self.is_loop(part) {
                continue;
            }
            match self.entry(&parts, place) {
                Err(invalid) => self.invalid.push(invalid),
                Ok(_) if depth >= MAX_LOOP_DEPTH => {
                    self.invalid.push(InvalidLoop::TooDeep { nodes: sorted(part) });
                }
                Ok(entry) => {
                    let body = self.body(&parts, place, entry);
                    let inner = self.loops.scopes.len();
                    self.loops.scopes.push(Scope::new(scope, depth + 1, Some(entry)));
                    body.into_iter().for_each(|node| self.loops.scope_of[node] = inner);
                }
            }
        }
    }

    fn is_loop(&self, part: &[usize]) -> bool {
        match part {
            [only] => self.graph.batches[*only] || self.adjacent.after[*only].contains(only),
            _ => true,
        }
    }

    /// Where a part begins that leads back to itself.
    fn entry(&self, parts: &Parts, place: usize) -> Result<usize, InvalidLoop> {
        let part = &parts.parts[place];
        let from_outside = |node: &usize| {
            let before = &self.adjacent.before[*node];
            before.iter().any(|source| parts.of[*source] != Some(place))
        };
        let entry = match part.as_slice() {
            // Also where nothing leads to it: it is skipped as a whole.
            [only] => *only,
            _ => {
                let entries: Vec<usize> = part.iter().copied().filter(from_outside).collect();
                match entries.as_slice() {
                    [only] => *only,
                    _ => {
                        let (nodes, entries) = (sorted(part), sorted(&entries));
                        return Err(InvalidLoop::Entries { nodes, entries });
                    }
                }
            }
        };
        let back = self
            .graph
            .links
            .iter()
            .position(|link| parts.of[link.target] == Some(place) && self.is_done(link, entry));
        back.map_or(Ok(entry), |link| Err(InvalidLoop::DoneLeadsBack { link }))
    }

    /// The edges that start from these nodes.
    fn links_from<'n>(&'n self, nodes: &'n [usize]) -> impl Iterator<Item = &'n Link> {
        nodes.iter().flat_map(|node| &self.adjacent.links[*node])
    }

    /// Whether the edge leaves the loop that begins there, by carrying what came back in the end.
    fn is_done(&self, link: &Link, entry: usize) -> bool {
        link.done && link.source == entry && self.graph.batches[entry]
    }

    /// The part with what is reached only through it and does not lead out again.
    fn body(&self, parts: &Parts, place: usize, entry: usize) -> Vec<usize> {
        let mut body = parts.parts[place].clone();
        let mut dead_ends = DeadEnds::of(self, parts, place, entry);
        dead_ends.drop_what_leads_out();
        body.extend(dead_ends.nodes());
        body
    }

    fn finish(self) -> Loops {
        let Self { graph, mut loops, .. } = self;
        for (node, scope) in loops.scope_of.iter().enumerate() {
            loops.scopes[*scope].nodes.push(node);
        }
        for scope in 1..loops.scopes.len() {
            let parent = loops.scopes[scope].parent;
            loops.scopes[parent].inner.push(scope);
        }
        for (edge, link) in graph.links.iter().enumerate() {
            let route = route(&loops, link.source, link.target);
            loops.routes.push(route);
            if let Some(outermost) = route.leaves {
                let mut left = loops.scope_of[link.source];
                loop {
                    loops.scopes[left].exits.push(edge);
                    if left == outermost {
                        break;
                    }
                    left = loops.scopes[left].parent;
                }
            }
        }
        loops
    }
}

fn route(loops: &Loops, source: usize, target: usize) -> Route {
    let (from, to) = (loops.scope_of[source], loops.scope_of[target]);
    let is_entry = loops.scopes[to].entry == Some(target);
    let (scope, to) = if loops.common(from, to) != to {
        (loops.scopes[to].parent, Destination::Into)
    } else if is_entry {
        (to, Destination::Back)
    } else {
        (to, Destination::Node)
    };
    let mut leaves = None;
    let mut at = from;
    while at != scope {
        leaves = Some(at);
        at = loops.scopes[at].parent;
    }
    Route { leaves, scope, to }
}

/// The parts behind a loop that nothing but the loop leads to.
struct DeadEnds<'f> {
    finder: &'f Finder<'f>,
    parts: &'f Parts,
    /// Of the loop itself and of what is behind it.
    inside: Vec<bool>,
    /// What is behind it.
    behind: Vec<usize>,
}

impl<'f> DeadEnds<'f> {
    /// What is reached through the loop alone, whether it leads out or not.
    fn of(finder: &'f Finder<'f>, parts: &'f Parts, place: usize, entry: usize) -> Self {
        let mut ends = Self { finder, parts, inside: vec![false; parts.parts.len()], behind: Vec::new() };
        ends.inside[place] = true;
        let mut missing: Vec<Option<usize>> = vec![None; parts.parts.len()];
        let mut next = vec![place];
        while let Some(part) = next.pop() {
            for link in finder.links_from(&parts.parts[part]) {
                let by_done = finder.is_done(link, entry);
                let to = parts.of[link.target].filter(|to| !by_done && !ends.inside[*to]);
                let Some(to) = to else { continue };
                let left = missing[to].unwrap_or_else(|| ends.incoming(to)) - 1;
                missing[to] = Some(left);
                if left == 0 {
                    ends.inside[to] = true;
                    ends.behind.push(to);
                    next.push(to);
                }
            }
        }
        ends
    }

    /// Drops the parts that lead to one which is not inside, and those that hang together with them: what they lead to is
    /// reached from outside then, and what leads to them leads out.
    fn drop_what_leads_out(&mut self) {
        let leads_out = |ends: &Self, part: &usize| {
            let mut links = ends.finder.links_from(&ends.parts.parts[*part]);
            links.any(|link| ends.parts.of[link.target].is_none_or(|to| !ends.inside[to]))
        };
        let mut out: Vec<usize> = self.behind.iter().copied().filter(|part| leads_out(self, part)).collect();
        let mut is_behind = vec![false; self.inside.len()];
        self.behind.iter().for_each(|part| is_behind[*part] = true);
        while let Some(part) = out.pop() {
            if !std::mem::take(&mut is_behind[part]) {
                continue;
            }
            self.inside[part] = false;
            for node in &self.parts.parts[part] {
                let Adjacent { after, before, .. } = &self.finder.adjacent;
                let beside = after[*node].iter().chain(&before[*node]);
                out.extend(
                    beside.filter_map(|other| self.parts.of[*other]).filter(|other| is_behind[*other]),
                );
            }
        }
        self.behind.retain(|part| is_behind[*part]);
    }

    fn nodes(&self) -> impl Iterator<Item = usize> {
        self.behind.iter().flat_map(|part| &self.parts.parts[*part]).copied()
    }

    /// How many edges lead to a part from outside it.
    fn incoming(&self, part: usize) -> usize {
        let before = |node: &usize| {
            let before = &self.finder.adjacent.before[*node];
            before.iter().filter(|source| self.parts.of[**source] != Some(part)).count()
        };
        self.parts.parts[part].iter().map(before).sum()
    }
}

fn sorted(nodes: &[usize]) -> Vec<usize> {
    let mut nodes = nodes.to_vec();
    nodes.sort_unstable();
    nodes
}
