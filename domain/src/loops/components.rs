//! Strongly connected components, by Tarjan's algorithm, without recursion: a ring may be as long as a workflow.

/// The components of the subgraph of these nodes, in topological order: each before those that it leads to.
pub(super) fn components(
    nodes: &[usize],
    successors: &[Vec<usize>],
    within: impl Fn(usize) -> bool,
) -> Vec<Vec<usize>> {
    let mut search = Search {
        successors,
        places: vec![None; successors.len()],
        open: vec![false; successors.len()],
        stack: Vec::new(),
        found: Vec::new(),
        seen: 0,
    };
    for &node in nodes {
        if search.places[node].is_none() {
            search.from(node, &within);
        }
    }
    // They are found behind those that they lead to.
    search.found.reverse();
    search.found
}

struct Search<'g> {
    successors: &'g [Vec<usize>],
    /// When a node was seen first, and the earliest that it leads back to.
    places: Vec<Option<(usize, usize)>>,
    /// Whether its component is not known yet.
    open: Vec<bool>,
    stack: Vec<usize>,
    found: Vec<Vec<usize>>,
    seen: usize,
}

impl Search<'_> {
    fn from(&mut self, root: usize, within: impl Fn(usize) -> bool) {
        let mut path = vec![(root, 0)];
        self.see(root);
        while let Some((node, next)) = path.last_mut() {
            let node = *node;
            if let Some(&to) = self.successors[node].get(*next) {
                *next += 1;
                match self.places[to] {
                    _ if !within(to) => {}
                    None => {
                        self.see(to);
                        path.push((to, 0));
                    }
                    Some((place, _)) if self.open[to] => self.reaches(node, place),
                    Some(_) => {}
                }
                continue;
            }
            path.pop();
            let Some((place, earliest)) = self.places[node] else { continue };
            if let Some((before, _)) = path.last() {
                self.reaches(*before, earliest);
            }
            if place == earliest {
                self.close(node);
            }
        }
    }

    fn see(&mut self, node: usize) {
        self.places[node] = Some((self.seen, self.seen));
        self.seen += 1;
        self.open[node] = true;
        self.stack.push(node);
    }

    fn reaches(&mut self, node: usize, place: usize) {
        if let Some((_, earliest)) = &mut self.places[node] {
            *earliest = place.min(*earliest);
        }
    }

    /// The node and all that was seen after it and is open are a component.
    fn close(&mut self, node: usize) {
        let from = self.stack.iter().rposition(|open| *open == node).unwrap_or_default();
        let component = self.stack.split_off(from);
        component.iter().for_each(|node| self.open[*node] = false);
        self.found.push(component);
    }
}
