//! Order in a directed graph: topological, or the cycle that forbids it.

/// The nodes `0..successors.len()` so that each comes after all that lead to it.
///
/// # Errors
/// When there is a cycle: its nodes, in order, the first not repeated.
pub fn topological_order(successors: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut missing = vec![0usize; successors.len()];
    successors.iter().flatten().for_each(|&to| missing[to] += 1);
    let mut order: Vec<usize> = (0..successors.len()).filter(|&node| missing[node] == 0).collect();
    let mut next = 0;
    while next < order.len() {
        for &to in &successors[order[next]] {
            missing[to] -= 1;
            if missing[to] == 0 {
                order.push(to);
            }
        }
        next += 1;
    }
    if order.len() == successors.len() { Ok(order) } else { Err(cycle(successors, &missing)) }
}

/// Walks back from a node that was never ready: among such nodes each has a predecessor, so the walk must meet
/// itself.
fn cycle(successors: &[Vec<usize>], missing: &[usize]) -> Vec<usize> {
    let stuck = |node: usize| missing[node] > 0;
    let mut path: Vec<usize> = (0..successors.len()).find(|&node| stuck(node)).into_iter().collect();
    while let Some(&last) = path.last() {
        let Some(before) =
            (0..successors.len()).find(|&node| stuck(node) && successors[node].contains(&last))
        else {
            break;
        };
        if let Some(start) = path.iter().position(|&node| node == before) {
            path.drain(..start);
            path.reverse();
            // From its first node on, so that the same cycle is always told the same way.
            let first = (0..path.len()).min_by_key(|&at| path[at]).unwrap_or(0);
            path.rotate_left(first);
            break;
        }
        path.push(before);
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cycle_is_named_without_what_leads_to_it() {
        let successors = vec![vec![1], vec![2], vec![3], vec![1], vec![]];
        assert_eq!(topological_order(&successors), Err(vec![1, 2, 3]));
        assert_eq!(topological_order(&[vec![0]]), Err(vec![0]));
    }

    proptest! {
        #[test]
        fn an_order_respects_every_edge_and_a_cycle_is_one(
            edges in prop::collection::vec((0usize..12, 0usize..12), 0..30)
        ) {
            let mut successors = vec![Vec::new(); 12];
            edges.iter().for_each(|&(from, to)| successors[from].push(to));
            match topological_order(&successors) {
                Ok(order) => {
                    let place = |node| order.iter().position(|&n| n == node).unwrap();
                    prop_assert!(edges.iter().all(|&(from, to)| place(from) < place(to)));
                }
                Err(cycle) => {
                    prop_assert!(!cycle.is_empty());
                    for (i, &node) in cycle.iter().enumerate() {
                        prop_assert!(successors[node].contains(&cycle[(i + 1) % cycle.len()]));
                    }
                }
            }
        }
    }
}
