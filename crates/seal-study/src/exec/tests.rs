//! Stages that run once, in order, and fail alone.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::observer::Silent;

fn node<'a>(
    name: &str,
    deps: &[usize],
    work: impl Fn(&Job<'_>) -> Result<(), StudyError> + Send + Sync + 'a,
) -> Node<'a> {
    let inputs = json!({ "name": name });
    Node {
        stage: "test",
        label: name.to_owned(),
        key: Key::of("test", 1, &inputs),
        inputs,
        deps: deps.to_vec(),
        cost: 1.0,
        work: Box::new(work),
    }
}

fn text(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("out")).unwrap()
}

#[test]
fn stages_run_once_and_after_what_they_need() {
    let root = tempfile::tempdir().unwrap();
    let runs = AtomicUsize::new(0);
    let write = |job: &Job<'_>, name: &str| {
        runs.fetch_add(1, Ordering::SeqCst);
        let all: String = job.deps.iter().map(|d| text(d)).collect();
        std::fs::write(job.dir.join("out"), format!("{name}({all})")).unwrap();
        Ok(())
    };
    let nodes = [
        node("a", &[], |j| write(j, "a")),
        node("b", &[0], |j| write(j, "b")),
        node("c", &[0], |j| write(j, "c")),
        node("d", &[1, 2], |j| write(j, "d")),
    ];
    let store = Store::open(root.path()).unwrap();
    for (jobs, expected) in [(3, 4), (1, 4)] {
        let workers = Workers { jobs, threads: 1 };
        let done = run_graph(&nodes, &[3], &store, workers, &Silent).unwrap();
        assert_eq!(text(&done[3].dir), "d(b(a())c(a()))");
        assert_eq!(runs.load(Ordering::SeqCst), expected, "a second run finds all");
    }
}

#[test]
fn a_failure_stops_what_depends_on_it_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let ok = |job: &Job<'_>| {
        std::fs::write(job.dir.join("out"), "ok").unwrap();
        Ok(())
    };
    let nodes = [
        node("a", &[], |_| panic!("boom")),
        node("b", &[0], ok),
        node("c", &[1], ok),
        node("d", &[], ok),
    ];
    let error = run_graph(&nodes, &[], &store, Workers { jobs: 1, threads: 1 }, &Silent)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("test a: ") && error.ends_with("panicked: boom"), "{error}");
    let find = |i: usize| store.find("test", &nodes[i].key, &nodes[i].inputs).unwrap();
    assert!(matches!(find(3), crate::store::Found::Entry(_)));
    assert_eq!(find(2), crate::store::Found::Absent);
}
