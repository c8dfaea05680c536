//! Waves: which stages start first, whatever they cost.

use super::*;

fn order(nodes: &[TestNode<'_>]) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let kept = RecordingObserver::default();
    run(nodes, &store, 1, &kept).unwrap();
    let said = kept.0.into_inner().unwrap();
    let started = said.iter().filter_map(|line| line.strip_suffix(" started"));
    started.map(|i| nodes[i.parse::<usize>().unwrap()].label.clone()).collect()
}

fn of(name: &str, deps: &[usize], cost: f64, wave: usize) -> TestNode<'static> {
    TestNode { cost, wave, ..node(name, deps, ok) }
}

#[test]
fn a_lower_wave_starts_first_and_in_a_wave_the_longest_path() {
    let nodes = [
        of("late and long", &[], 9.0, 1),
        of("short", &[], 1.0, 0),
        of("long", &[], 2.0, 0),
        of("after short", &[1], 5.0, 0),
        of("last", &[0], 9.0, 2),
    ];
    assert_eq!(order(&nodes), ["short", "after short", "long", "late and long", "last"]);
}

/// What a stage of the first wave reads is of the first wave, whatever its number says.
#[test]
fn what_a_stage_reads_is_of_its_wave() {
    let nodes = [
        of("other", &[], 9.0, 1),
        of("read", &[], 1.0, 3),
        of("first", &[1], 1.0, 0),
        of("third", &[1], 1.0, 3),
    ];
    assert_eq!(order(&nodes), ["read", "first", "other", "third"]);
}
