//! Stages that run once, in order, and fail alone.

mod cancelled;
mod lost;
mod waves;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::entry::Found;
use crate::key::Key;
use crate::observer::Silent;
use crate::resources::Resources;
use crate::runner::{InProcess, Work};
use crate::threads::NoThread;

#[derive(Debug, thiserror::Error)]
#[error("no {0}")]
struct Refused(&'static str);

type TestNode<'a> = Node<Work<'a, Refused>>;

fn node<'a>(
    name: &str,
    deps: &[usize],
    work: impl Fn(&Job<'_>) -> Result<(), Refused> + Send + Sync + 'a,
) -> TestNode<'a> {
    let inputs = json!({ "name": name });
    Node {
        stage: "test",
        label: name.to_owned(),
        key: Key::of("test", 1, &inputs),
        inputs,
        deps: deps.to_vec(),
        cost: 1.0,
        wave: 0,
        needs: Resources { threads: 1, ..Resources::default() },
        work: Box::new(work),
    }
}

fn run(
    nodes: &[TestNode<'_>],
    store: &Store,
    jobs: usize,
    observer: &dyn Observer,
) -> Result<Vec<Done>, GraphError<Refused>> {
    run_graph(nodes, &[], store, &Capacity::new(jobs, 1), &InProcess::new(), observer)
}

/// Work that writes one file.
fn ok(job: &Job<'_>) -> Result<(), Refused> {
    fs::write(job.dir.join("out"), "ok").unwrap();
    Ok(())
}

/// Keeps the numbers of stages, each with what became of it.
#[derive(Default)]
struct RecordingObserver(Mutex<Vec<String>>);

impl Observer for RecordingObserver {
    fn event(&self, event: &Event<'_>) {
        let text = match event {
            Event::Planned { stages, found, cost } => format!("{found} of {stages}, {cost} left"),
            Event::Damaged { node, damage, .. } => format!("{node} damaged: {}", damage.flaw),
            Event::Elsewhere { node, by } => {
                let is_this = by.is_some_and(|by| by.process == std::process::id());
                format!("{node} elsewhere{}", if is_this { "" } else { ", nobody knows where" })
            }
            Event::TakenOver { node, before } => {
                format!("{node} taken over: {}", before.holder().is_some())
            }
            Event::Lost { node } => format!("{node} lost"),
            Event::Started { node, .. } => format!("{node} started"),
            Event::Resumed { node, unit, at, of } => format!("{node} after {unit} {at} of {of}"),
            Event::Progress { node, done } => format!("{node} at {done}"),
            Event::Finished { node, seconds } => format!("{node} finished {}", seconds.is_some()),
            Event::Failed { node, error } => format!("{node} failed: {error}"),
            Event::Cancelled { node } => format!("{node} cancelled"),
        };
        self.0.lock().unwrap().push(text);
    }
}

fn text(dir: &Path) -> String {
    fs::read_to_string(dir.join("out")).unwrap()
}

#[test]
fn stages_run_once_and_after_what_they_need() {
    let root = tempfile::tempdir().unwrap();
    let runs = AtomicUsize::new(0);
    let write = |job: &Job<'_>, name: &str| {
        runs.fetch_add(1, Ordering::SeqCst);
        let all: String = job.deps.iter().map(|d| text(d)).collect();
        fs::write(job.dir.join("out"), format!("{name}({all})")).unwrap();
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
        let done = run(&nodes, &store, jobs, &Silent).unwrap();
        assert_eq!(text(&done[3].dir), "d(b(a())c(a()))");
        assert_eq!(runs.load(Ordering::SeqCst), expected, "a second run finds all");
    }
}

/// Counts how often a worker asks whether to go on.
#[derive(Default)]
struct Asked(AtomicUsize);

impl Observer for Asked {
    fn event(&self, _: &Event<'_>) {}

    fn is_cancelled(&self) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst);
        false
    }
}

#[test]
fn no_worker_starts_where_all_is_done() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let nodes = [node("a", &[], ok), node("b", &[0], ok)];
    let asked = Asked::default();
    run(&nodes, &store, 2, &asked).unwrap();
    assert!(asked.0.into_inner() > 0);
    let asked = Asked::default();
    assert_eq!(run(&nodes, &store, 2, &asked).unwrap().len(), 2);
    assert_eq!(asked.0.into_inner(), 0);
}

#[test]
fn a_failure_stops_what_depends_on_it_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let nodes = [
        node("a", &[], |_| panic!("boom")),
        node("b", &[0], ok),
        node("c", &[1], ok),
        node("d", &[], ok),
    ];
    let kept = RecordingObserver::default();
    let error = run(&nodes, &store, 1, &kept).unwrap_err().to_string();
    assert_eq!(error, "test a: panicked: boom");
    let find = |i: usize| store.find("test", &nodes[i].key, &nodes[i].inputs).unwrap();
    assert!(matches!(find(3), Found::Entry(_)));
    assert_eq!(find(2), Found::Absent);
    let said = kept.0.into_inner().unwrap();
    let expected =
        ["0 of 4, 4 left", "0 started", "0 failed: panicked: boom", "3 started", "3 finished true"];
    assert_eq!(said, expected);
    let refused = [node("e", &[], |_| Err(Refused("way")))];
    assert_eq!(run(&refused, &store, 1, &Silent).unwrap_err().to_string(), "test e: no way");
}

#[test]
fn the_longest_path_comes_first_and_progress_is_told() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let half = |job: &Job<'_>| {
        (job.progress)(0.5);
        ok(job)
    };
    let mut nodes = [node("a", &[], ok), node("b", &[], half), node("c", &[1], ok)];
    nodes[0].cost = 1.5;
    let kept = RecordingObserver::default();
    run(&nodes, &store, 1, &kept).unwrap();
    let said = kept.0.into_inner().unwrap();
    let expected = [
        "0 of 3, 3.5 left",
        "1 started",
        "1 at 0.5",
        "1 finished true",
        "0 started",
        "0 finished true",
        "2 started",
        "2 finished true",
    ];
    assert_eq!(said, expected);
}

#[test]
fn what_is_damaged_is_set_aside_said_and_made_again() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let nodes = [node("a", &[], ok)];
    let done = run(&nodes, &store, 1, &Silent).unwrap();
    fs::write(done[0].dir.join("out"), "ko").unwrap();
    let kept = RecordingObserver::default();
    run(&nodes, &Store::open(root.path()).unwrap(), 1, &kept).unwrap();
    assert_eq!(text(&done[0].dir), "ok");
    assert_eq!(
        kept.0.into_inner().unwrap(),
        [
            "0 of 1, 1 left",
            "0 damaged: its content is not that of its hash",
            "0 started",
            "0 finished true"
        ]
    );
}

#[test]
fn a_stage_waits_until_what_it_needs_is_free() {
    let (on_gpu, all) = most_side_by_side(Capacity {
        devices: BTreeMap::from([("cuda:0".to_owned(), vec!["cuda:0".to_owned()])]),
        ..Capacity::new(4, 1)
    });
    assert_eq!(on_gpu, 1);
    assert!((2..=4).contains(&all), "the others run beside it");
}

#[test]
fn stages_share_the_devices_of_a_kind_and_each_has_its_own() {
    let devices = ["cuda:0", "cuda:1"].map(str::to_owned).to_vec();
    let (on_gpu, all) = most_side_by_side(Capacity::on_devices(2, 1, "cuda:0", devices));
    assert_eq!(on_gpu, 2);
    assert!((3..=4).contains(&all), "stages without a device run beside them: {all}");
}

/// Runs four stages on devices and four without, and gives how many of the first, and of all, ran at
/// once. Two stages with one device at once are a panic.
fn most_side_by_side(capacity: Capacity) -> (usize, usize) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let (on_gpu, most_on_gpu, most) =
        (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let all = AtomicUsize::new(0);
    let taken = Mutex::new(BTreeSet::new());
    let slow = |job: &Job<'_>, counts: &[(&AtomicUsize, &AtomicUsize)]| {
        for (now, most) in counts {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        }
        let device = job.device().map(str::to_owned);
        assert!(device.is_none() || taken.lock().unwrap().insert(device.clone()), "{device:?}");
        std::thread::sleep(Duration::from_millis(50));
        taken.lock().unwrap().remove(&device);
        counts.iter().for_each(|(now, _)| {
            now.fetch_sub(1, Ordering::SeqCst);
        });
        ok(job)
    };
    let gpu = |job: &Job<'_>| slow(job, &[(&on_gpu, &most_on_gpu), (&all, &most)]);
    let host = |job: &Job<'_>| slow(job, &[(&all, &most)]);
    let mut nodes: Vec<TestNode<'_>> = (0..8)
        .map(|i| match i % 2 {
            0 => node(&format!("gpu {i}"), &[], gpu),
            _ => node(&format!("host {i}"), &[], host),
        })
        .collect();
    for node in nodes.iter_mut().step_by(2) {
        node.needs.device = Some("cuda:0".to_owned());
    }
    run_graph(&nodes, &[], &store, &capacity, &InProcess::new(), &Silent).unwrap();
    (most_on_gpu.load(Ordering::SeqCst), most.load(Ordering::SeqCst))
}

/// The number of threads is that of the stage.
#[test]
fn a_stage_gets_the_threads_that_it_needs() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let write = |job: &Job<'_>| {
        fs::write(job.dir.join("out"), rayon::current_num_threads().to_string()).unwrap();
        Ok(())
    };
    let mut nodes = [node("one", &[], write), node("three", &[], write)];
    nodes[1].needs.threads = 3;
    let done = run(&nodes, &store, 2, &Silent).unwrap();
    assert_eq!((text(&done[0].dir), text(&done[1].dir)), ("1".into(), "3".into()));
}

/// Two stores are two processes: a claim excludes within one as between two.
#[test]
fn what_another_makes_is_waited_for_while_there_is_nothing_else_to_do() {
    let root = tempfile::tempdir().unwrap();
    let (store, other) = (Store::open(root.path()).unwrap(), Store::open(root.path()).unwrap());
    let nodes = [
        node("a", &[], |_| panic!("made twice")),
        node("b", &[0], ok),
        // Started after the others: by then the first is known to be elsewhere.
        node("c", &[], ok),
    ];
    let begun = other.begin("test", &nodes[0].key, &nodes[0].inputs).unwrap();
    let Begun::Making(making) = begun else { panic!("{begun:?}") };
    fs::write(making.dir().join("out"), "theirs").unwrap();
    let kept = RecordingObserver::default();
    let done = std::thread::scope(|scope| {
        let run = scope.spawn(|| run(&nodes, &store, 1, &kept));
        while !kept.0.lock().unwrap().contains(&"2 finished true".to_owned()) {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Asked for again and again, and said once.
        std::thread::sleep(ASK_AGAIN * 4);
        other.commit(making).unwrap();
        run.join().unwrap().unwrap()
    });
    assert_eq!((text(&done[0].dir), done[0].seconds), ("theirs".to_owned(), None));
    assert!(done[1].seconds.is_some());
    let expected = [
        "0 of 3, 3 left",
        "0 elsewhere",
        "2 started",
        "2 finished true",
        "0 finished false",
        "1 started",
        "1 finished true",
    ];
    assert_eq!(kept.0.into_inner().unwrap(), expected);
}

#[test]
fn stages_that_depend_on_themselves_are_an_error_and_no_endless_wait() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let nodes = [node("a", &[0], ok)];
    assert!(matches!(run(&nodes, &store, 1, &Silent), Err(GraphError::NeverRun)));
}

/// Has no thread for the first stages that it is handed.
struct Scarce {
    refusals: AtomicUsize,
}

impl<'a> Runner<Work<'a, Refused>> for Scarce {
    type Error = Refused;

    fn run(&self, node: &TestNode<'a>, job: &Job<'_>) -> Result<(), StageError<Refused>> {
        let left = self.refusals.load(Ordering::SeqCst);
        if left > 0 {
            self.refusals.store(left - 1, Ordering::SeqCst);
            return Err(StageError::NoThread(NoThread::new(Refused("thread"))));
        }
        (node.work)(job).map_err(StageError::Work)
    }
}

#[test]
fn workers_without_a_thread_leave_their_stages_to_the_others() {
    for (jobs, refusals, fails) in [(3, 0, false), (3, 2, false), (3, 3, true), (1, 1, true)] {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        // One after the other, so that refusals are counted one by one.
        let nodes = [node("a", &[], ok), node("b", &[0], ok), node("c", &[1], ok)];
        let runner = Scarce { refusals: AtomicUsize::new(refusals) };
        let capacity = Capacity::new(jobs, 1);
        let ran = run_graph(&nodes, &[], &store, &capacity, &runner, &Silent);
        match (ran, fails) {
            (Ok(done), false) => assert_eq!(done.len(), 3),
            (Err(GraphError::Stage { source: StageError::NoThread(_), .. }), true) => {}
            (other, _) => panic!("{jobs} jobs, {refusals} refusals: {other:?}"),
        }
    }
    // No more workers than stages that are left.
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let nodes = [node("a", &[], ok), node("b", &[0], ok)];
    run(&nodes[..1], &store, 1, &Silent).unwrap();
    let runner = Scarce { refusals: AtomicUsize::new(1) };
    let ran = run_graph(&nodes, &[], &store, &Capacity::new(3, 1), &runner, &Silent);
    assert!(matches!(ran, Err(GraphError::Stage { .. })), "{ran:?}");
}
