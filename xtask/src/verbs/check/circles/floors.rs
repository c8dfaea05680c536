//! Floors of a crate: how deep its modules stand on each other.
//!
//! A module of the crate's root, with the modules inside it, is one thing. It stands one floor
//! above the highest module that it imports. Modules that import each other count each, so that
//! a circle is no way to fewer floors.

use std::collections::{BTreeMap, BTreeSet};

use super::graph;
use super::modules::Modules;

/// The most floors of a crate that has a bound.
const MOST: [(&str, usize); 1] = [("seal-study", 6)];

/// The modules of each floor of a crate, the lowest first.
pub(super) type Floors = Vec<Vec<String>>;

/// The floors of the crate `modules`.
pub(super) fn of(modules: &Modules) -> Floors {
    let names = modules.tops();
    let numbers: BTreeMap<&str, usize> =
        names.values().map(String::as_str).collect::<BTreeSet<_>>().into_iter().zip(0..).collect();
    let number = |file: &usize| numbers[names[file].as_str()];
    let mut edges: BTreeMap<usize, BTreeSet<usize>> =
        numbers.values().map(|module| (*module, BTreeSet::new())).collect();
    for (file, imported) in modules.imports() {
        let from = number(&file);
        let others = imported.iter().map(number).filter(|to| *to != from);
        edges.entry(from).or_default().extend(others);
    }
    let circles = graph::circles(&edges);
    let mut floors: BTreeMap<usize, usize> = BTreeMap::new();
    for module in numbers.values() {
        floor(*module, &edges, &circles, &mut floors);
    }
    let mut by_floor: Floors = vec![Vec::new(); floors.values().copied().max().unwrap_or(0)];
    for (name, module) in numbers {
        by_floor[floors[&module] - 1].push(name.to_owned());
    }
    by_floor
}

/// The floor of `module`, from 1: that of all modules of its circle, if it is in one.
fn floor(
    module: usize,
    edges: &BTreeMap<usize, BTreeSet<usize>>,
    circles: &[Vec<usize>],
    known: &mut BTreeMap<usize, usize>,
) -> usize {
    if let Some(floor) = known.get(&module) {
        return *floor;
    }
    let alone = vec![module];
    let circle = circles.iter().find(|circle| circle.contains(&module)).unwrap_or(&alone);
    let below = circle.iter().flat_map(|module| &edges[module]);
    let below: BTreeSet<usize> = below.copied().filter(|to| !circle.contains(to)).collect();
    let highest = below.into_iter().map(|to| floor(to, edges, circles, known)).max();
    let own = highest.unwrap_or(0) + circle.len();
    known.extend(circle.iter().map(|module| (*module, own)));
    own
}

/// Crates with more floors than they may have.
pub(super) fn violations(floors: &[(String, Floors)]) -> Vec<String> {
    let bound = |name: &str| MOST.iter().find(|(of, _)| *of == name).map(|(_, most)| *most);
    let is_high =
        |(name, floors): &&(String, Floors)| bound(name).is_some_and(|most| floors.len() > most);
    let words = |(name, floors): &(String, Floors)| {
        let (most, has) = (bound(name).unwrap_or_default(), floors.len());
        let listed: Vec<String> = floors
            .iter()
            .enumerate()
            .map(|(i, modules)| format!("{}: {}", i + 1, modules.join(", ")))
            .collect();
        format!("{name} has {has} floors, at most {most}; {}", listed.join("; "))
    };
    floors.iter().filter(is_high).map(words).collect()
}
