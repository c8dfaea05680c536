//! Strongly connected parts of a graph.

use std::collections::{BTreeMap, BTreeSet};

/// Sets of two or more nodes that reach each other, each in the order of its numbers.
pub(super) fn circles(edges: &BTreeMap<usize, BTreeSet<usize>>) -> Vec<Vec<usize>> {
    let reach: BTreeMap<usize, BTreeSet<usize>> =
        edges.keys().map(|node| (*node, reached(*node, edges))).collect();
    let mut found: BTreeSet<Vec<usize>> = BTreeSet::new();
    for (node, others) in &reach {
        let back = |other: &&usize| reach.get(*other).is_some_and(|r| r.contains(node));
        let mut circle: BTreeSet<usize> = others.iter().filter(back).copied().collect();
        circle.insert(*node);
        if circle.len() > 1 {
            found.insert(circle.into_iter().collect());
        }
    }
    found.into_iter().collect()
}

/// Nodes that a walk of one step or more from `node` comes to.
fn reached(node: usize, edges: &BTreeMap<usize, BTreeSet<usize>>) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut next = vec![node];
    while let Some(at) = next.pop() {
        for to in edges.get(&at).into_iter().flatten() {
            if seen.insert(*to) {
                next.push(*to);
            }
        }
    }
    seen
}
