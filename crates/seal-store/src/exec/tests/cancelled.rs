//! Stages that are asked to stop.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::super::*;
use super::{RecordingObserver, Refused, node, ok};
use crate::observer::Silent;
use crate::runner::InProcess;

/// Asks to stop once a stage has begun.
struct StopsAt {
    stage: usize,
    asked: AtomicBool,
    kept: RecordingObserver,
}

impl Observer for StopsAt {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::Started { node, .. } if *node == self.stage) {
            self.asked.store(true, Ordering::SeqCst);
        }
        self.kept.event(event);
    }

    fn is_cancelled(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Work in ten steps, each kept: the number of those done is in `unfinished`.
fn in_steps(job: &Job<'_>, steps: &AtomicUsize) -> Result<(), Refused> {
    fs::create_dir_all(job.unfinished).unwrap();
    let path = job.unfinished.join("steps");
    let before = fs::read_to_string(&path).map_or(0, |text| text.parse().unwrap());
    for step in before..10 {
        steps.fetch_add(1, Ordering::SeqCst);
        fs::write(&path, (step + 1).to_string()).unwrap();
        if (job.is_cancelled)() {
            return Err(Refused("more"));
        }
    }
    fs::write(job.dir.join("out"), "ten").unwrap();
    Ok(())
}

#[test]
fn a_request_to_stop_ends_the_running_stage_and_begins_no_other() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let steps = AtomicUsize::new(0);
    let work = |job: &Job<'_>| in_steps(job, &steps);
    let nodes = [node("a", &[], ok), node("b", &[0], work), node("c", &[1], ok)];
    let capacity = Capacity::new(1, 1);
    let runner = || InProcess::cancelled_by(|error: &Refused| error.0 == "more");
    let stops =
        StopsAt { stage: 1, asked: AtomicBool::new(false), kept: RecordingObserver::default() };
    let stopped = run_graph(&nodes, &[], &store, &capacity, &runner(), &stops);
    assert!(matches!(stopped, Err(GraphError::Cancelled { done: 1, of: 3 })), "{stopped:?}");
    let told = stops.kept.0.into_inner().unwrap();
    assert_eq!(told.last().map(String::as_str), Some("1 cancelled"));
    assert!(!told.contains(&"2 started".to_owned()), "{told:?}");
    // The stage goes on after the step that it had kept.
    run_graph(&nodes, &[], &store, &capacity, &runner(), &Silent).unwrap();
    assert_eq!(steps.load(Ordering::SeqCst), 10);
    // What is done stays done, whatever the observer asks.
    let asks =
        StopsAt { stage: 9, asked: AtomicBool::new(true), kept: RecordingObserver::default() };
    assert_eq!(run_graph(&nodes, &[], &store, &capacity, &runner(), &asks).unwrap().len(), 3);
}

#[test]
fn a_failure_is_said_even_where_a_stop_was_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let nodes = [node("a", &[], |_| Err(Refused("disk"))), node("b", &[], ok)];
    let stops =
        StopsAt { stage: 0, asked: AtomicBool::new(false), kept: RecordingObserver::default() };
    let runner = InProcess::cancelled_by(|error: &Refused| error.0 == "more");
    let ran = run_graph(&nodes, &[], &store, &Capacity::new(1, 1), &runner, &stops);
    assert!(matches!(ran, Err(GraphError::Stage { label, .. }) if label == "a"));
}
