//! What belongs to a loop, and what holds for every graph.

use proptest::{collection::vec, prelude::*};

use super::*;

/// A graph such as `0>1 1>2 2>1`; a node with `*` is a loop by its kind, `>>` an edge by which one is done.
fn graph(text: &str) -> Graph {
    let mut graph = Graph::default();
    let node = |graph: &mut Graph, text: &str| {
        let place: usize = text.trim_end_matches('*').parse().unwrap();
        if graph.batches.len() <= place {
            graph.batches.resize(place + 1, false);
        }
        graph.batches[place] |= text.ends_with('*');
        place
    };
    for word in text.split_whitespace() {
        let (source, target) = word.split_once('>').unwrap();
        let done = target.starts_with('>');
        let (source, target) = (node(&mut graph, source), node(&mut graph, target.trim_start_matches('>')));
        graph.links.push(Link { source, target, done });
    }
    graph
}

/// The loops in words: the entry, the nodes, how deep.
fn loops(text: &str) -> Vec<(usize, Vec<usize>, usize)> {
    let loops = Loops::of(&graph(text)).unwrap();
    let scopes = loops.scopes.iter().skip(1);
    scopes.map(|scope| (scope.entry.unwrap(), scope.nodes.clone(), scope.depth)).collect()
}

#[test]
fn a_graph_that_leads_nowhere_back_has_no_loops() {
    assert!(Loops::of(&graph("0>1 0>2 1>3 2>3")).unwrap().is_empty());
}

#[test]
fn a_loop_is_what_leads_back_to_where_it_was_entered() {
    assert_eq!(loops("0>1 1>2 2>1"), [(1, vec![1, 2], 1)]);
    assert_eq!(loops("0>1 1>1"), [(1, vec![1], 1)]);
    assert_eq!(loops("0>1 1>2 2>3 3>1 2>1"), [(1, vec![1, 2, 3], 1)]);
}

#[test]
fn dead_ends_are_part_of_the_body_and_what_leads_out_again_is_not() {
    assert_eq!(loops("0>1* 1>2 2>1 2>3 3>4 1>>5"), [(1, vec![1, 2, 3, 4], 1)]);
    // 3 leads to 5, where the loop's end leads too; 4 hangs on 3.
    assert_eq!(loops("0>1* 1>2 2>1 2>3 3>4 3>5 1>>5"), [(1, vec![1, 2], 1)]);
    // A join with what comes from outside is outside.
    assert_eq!(loops("0>1 1>2 2>1 2>3 0>3"), [(1, vec![1, 2], 1)]);
}

#[test]
fn a_loop_node_is_a_loop_even_when_nothing_leads_back() {
    assert_eq!(loops("0>1* 1>2 1>>3"), [(1, vec![1, 2], 1)]);
    assert_eq!(loops("0>1* 1>2 2>3 1>>3"), [(1, vec![1], 1)]);
}

#[test]
fn loops_are_nested() {
    assert_eq!(loops("0>1* 1>2* 2>3 3>2 2>>1 1>>4"), [(1, vec![1], 1), (2, vec![2, 3], 2)]);
    // A loop that only the body of another leads to is part of it.
    assert_eq!(loops("0>1 1>2 2>1 2>3 3>4 4>3"), [(1, vec![1, 2], 1), (3, vec![3, 4], 2)]);
    // One behind the end of another is beside it.
    assert_eq!(loops("0>1* 1>2 2>1 1>>3 3>4 4>3"), [(1, vec![1, 2], 1), (3, vec![3, 4], 1)]);
}

#[test]
fn a_loop_that_is_entered_at_two_nodes_is_none() {
    let invalid = |text: &str| Loops::of(&graph(text)).unwrap_err();
    let entries = |nodes: &[usize], entries: &[usize]| {
        vec![InvalidLoop::Entries { nodes: nodes.to_vec(), entries: entries.to_vec() }]
    };
    assert_eq!(invalid("0>1 1>2 2>1 0>2"), entries(&[1, 2], &[1, 2]));
    assert_eq!(invalid("0>3 1>2 2>1"), entries(&[1, 2], &[]));
    assert_eq!(invalid("0>1 1>2 2>3 3>2 1>3 3>1"), entries(&[2, 3], &[2, 3]));
}

#[test]
fn what_comes_back_in_the_end_cannot_lead_into_its_own_loop() {
    let links = graph("0>1* 1>2 2>1 1>>2");
    assert_eq!(Loops::of(&links).unwrap_err(), [InvalidLoop::DoneLeadsBack { link: 3 }]);
}

#[test]
fn loops_are_nested_as_deep_as_the_limit_says() {
    let nested = |depth: usize| {
        let inwards: String = (0..depth).map(|n| format!("{n}>{} ", n + 1)).collect();
        let outwards: String = (1..depth).map(|n| format!("{}>{n} ", n + 1)).collect();
        Loops::of(&graph(&format!("{inwards}{outwards}{depth}>{depth}")))
    };
    assert_eq!(nested(MAX_LOOP_DEPTH).unwrap().scopes.last().unwrap().depth, MAX_LOOP_DEPTH);
    let too_deep = nested(MAX_LOOP_DEPTH + 1).unwrap_err();
    assert_eq!(too_deep, [InvalidLoop::TooDeep { nodes: vec![MAX_LOOP_DEPTH + 1] }]);
}

#[test]
fn edges_know_which_loops_they_leave_and_where_they_lead() {
    let loops = Loops::of(&graph("0>1* 1>2* 2>3 3>2 2>>1 1>>4 3>5 4>5")).unwrap();
    let routes: Vec<_> = loops.routes.iter().map(|route| (route.leaves, route.scope, route.to)).collect();
    use Destination::{Back, Into, Node};
    assert_eq!(
        routes,
        [
            (None, 0, Into),
            (None, 1, Into),
            (None, 2, Node),
            (None, 2, Back),
            (Some(2), 1, Back),
            (Some(1), 0, Node),
            (Some(1), 0, Node),
            (None, 0, Node)
        ]
    );
    assert_eq!(loops.scopes[1].exits, [5, 6]);
    assert_eq!(loops.scopes[2].exits, [4, 6]);
    assert_eq!([(1, 2), (2, 3), (3, 4)].map(|(one, other)| loops.shared_depth(one, other)), [1, 2, 0]);
}

/// Whether there is a way from a node to another, of one edge at least, that stays inside.
fn reaches(links: &[Link], from: usize, to: usize, inside: impl Fn(usize) -> bool) -> bool {
    let (mut seen, mut next) = (Vec::new(), vec![from]);
    while let Some(node) = next.pop() {
        for link in links.iter().filter(|link| link.source == node && inside(link.target)) {
            if link.target == to {
                return true;
            }
            if !seen.contains(&link.target) {
                seen.push(link.target);
                next.push(link.target);
            }
        }
    }
    false
}

proptest! {
    #[test]
    fn every_loop_has_one_entry_and_all_that_leads_back_leads_there(
        batches in vec(prop::bool::weighted(0.2), 10),
        links in vec((0..10usize, 0..10usize, prop::bool::weighted(0.3)), 0..18),
    ) {
        let links: Vec<_> =
            links.into_iter().map(|(source, target, done)| Link { source, target, done }).collect();
        let graph = Graph { batches, links: links.clone() };
        let loops = match Loops::of(&graph) {
            Ok(loops) => loops,
            Err(invalid) => {
                for invalid in invalid {
                    match invalid {
                        InvalidLoop::Entries { nodes, entries } => {
                            prop_assert!(entries.len() != 1 && nodes.len() > 1);
                            let inside = |node| nodes.contains(&node);
                            for &one in &nodes {
                                prop_assert!(nodes.iter().all(|&other| reaches(&links, one, other, inside)));
                            }
                        }
                        InvalidLoop::DoneLeadsBack { link } => {
                            let Link { source, target, .. } = links[link];
                            prop_assert!(source == target || reaches(&links, target, source, |_| true));
                        }
                        InvalidLoop::TooDeep { .. } => prop_assert!(false, "there are too few nodes"),
                    }
                }
                return Ok(());
            }
        };
        let within = |mut scope: usize, around: usize| {
            while scope > around {
                scope = loops.scopes[scope].parent;
            }
            scope == around
        };
        for (place, scope) in loops.scopes.iter().enumerate().skip(1) {
            let entry = scope.entry.unwrap();
            let inside = |node: usize| within(loops.scope_of[node], place);
            for (edge, link) in links.iter().enumerate() {
                if inside(link.target) && !inside(link.source) {
                    prop_assert_eq!(link.target, entry, "a loop is entered at its entry");
                }
                prop_assert_eq!(scope.exits.contains(&edge), inside(link.source) && !inside(link.target));
            }
            for node in (0..10).filter(|node| inside(*node) && *node != entry) {
                prop_assert!(reaches(&links, entry, node, inside), "a body is reached from its entry");
                if !reaches(&links, node, entry, inside) {
                    let mut after = links.iter().filter(|link| link.source == node);
                    prop_assert!(after.all(|link| inside(link.target)), "a dead end leads nowhere else");
                }
            }
        }
        for (edge, link) in links.iter().enumerate() {
            let route = loops.route(edge);
            prop_assert!(route.scope == WHOLE || within(loops.scope_of[link.source], route.scope));
            let forwards = |edge: &usize| loops.routes[*edge].to != Destination::Back;
            let onwards: Vec<_> = (0..links.len()).filter(forwards).map(|edge| links[edge]).collect();
            prop_assert!(
                !reaches(&onwards, link.source, link.source, |_| true),
                "without the edges that lead back nothing does"
            );
        }
    }
}
