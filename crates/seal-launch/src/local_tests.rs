#![cfg(unix)]

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::Path;

use super::*;
use crate::plan::StagePlan;
use crate::settings::LaunchSettings;
use crate::tasks::tests::plan;

/// Notes events, and asks to stop after so many starts.
#[derive(Default)]
struct Notes {
    events: RefCell<Vec<String>>,
    stop_after: Cell<Option<usize>>,
}

impl Observer for Notes {
    fn event(&self, event: &Event) {
        self.events.borrow_mut().push(match event {
            Event::Started { task, device: None } => format!("started {task}"),
            Event::Started { task, device: Some(on) } => format!("started {task} on {on}"),
            Event::Finished { task, .. } => format!("finished {task}"),
            Event::Again { task, code } => format!("again {task} {code:?}"),
            Event::Failed { task, fault } => format!("failed {task} {:?}", fault.code),
        });
    }

    fn is_cancelled(&self) -> bool {
        let started = self.events.borrow().iter().filter(|e| e.starts_with("started")).count();
        self.stop_after.get().is_some_and(|most| started >= most)
    }
}

/// A plan whose stages are made by a shell script. It gets the keys.
fn scripted(out: &Path, script: &str) -> StagePlan {
    fs::create_dir_all(out).unwrap();
    let file = out.join("make.sh");
    fs::write(&file, script).unwrap();
    let mut plan = plan(out, &["sh", file.to_str().unwrap()]);
    plan.folder = out.to_owned();
    plan
}

fn settings(given: &[&str]) -> LaunchSettings {
    let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
    LaunchSettings::parse(&given, (Local::NAME, Local::READS), &["sft"]).unwrap()
}

fn launch(
    plan: &StagePlan,
    given: &[&str],
    jobs: usize,
    notes: &Notes,
) -> Result<Launched, LaunchError> {
    let work = RemainingWork::of(plan, &[false; 7], settings(given), Some(jobs));
    Local { observer: notes, devices: &[] }.launch(&work)
}

#[test]
fn each_stage_is_made_once_and_after_what_it_reads() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a b");
    let plan = scripted(&out, "for key; do echo $key >>made; done");
    let notes = Notes::default();
    assert_eq!(launch(&plan, &["group=0"], 3, &notes).unwrap(), Launched::Done);
    let made = fs::read_to_string(out.join("made")).unwrap();
    let made: Vec<usize> = made.lines().map(|key| key.parse().unwrap()).collect();
    let mut sorted = made.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6]);
    let place = |stage: usize| made.iter().position(|made| *made == stage).unwrap();
    for (i, stage) in plan.stages.iter().enumerate() {
        assert!(stage.deps.iter().all(|dep| place(*dep) < place(i)), "{made:?}");
    }
}

#[test]
fn a_failure_that_may_pass_is_tried_again_and_others_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let script = "n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) >n
        case $n in 0) exit 5 ;; 1) kill -9 $$ ;; esac";
    let plan = scripted(dir.path(), script);
    let notes = Notes::default();
    assert_eq!(launch(&plan, &["group=1000"], 1, &notes).unwrap(), Launched::Done);
    let expected = ["started 0", "again 0 Some(5)", "again 0 None", "finished 0"];
    assert_eq!(notes.events.borrow()[..4], expected);

    for code in [1, 2, 3, 4] {
        let dir = tempfile::tempdir().unwrap();
        let script = format!("case $1 in *3) echo no >&2; exit {code} ;; esac");
        let plan = scripted(dir.path(), &script);
        let notes = Notes::default();
        let error = launch(&plan, &["group=0"], 1, &notes).unwrap_err();
        assert_eq!(error.code(), Some(code));
        let events = notes.events.borrow();
        assert!(events.contains(&format!("failed 3 Some({code})")), "{events:?}");
        // The other fine-tuning and its verdicts go on; those of the failed one are left out.
        assert!(events.contains(&"finished 6".to_owned()), "{events:?}");
        assert!(!events.contains(&"started 5".to_owned()), "{events:?}");
        let LaunchError::Failed(fault) = error else { panic!("{error}") };
        assert_eq!((fault.attempts, fault.said.as_str()), (1, "no"));
        assert_eq!(fault.stages, ["sft arm 3"]);
    }
}

#[test]
fn what_reads_from_a_stage_that_a_failed_task_has_made_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let script = "for key; do
            case $key in
            *2) exit 3 ;;
            *1) mkdir -p store/selector/$key; echo >store/selector/$key/manifest.json ;;
            esac
        done";
    let plan = scripted(dir.path(), script);
    let notes = Notes::default();
    // Task 1 is both selectors; 2 and 3 are the fine-tunings on each.
    let error = launch(&plan, &[], 1, &notes).unwrap_err();
    assert_eq!(error.code(), Some(3));
    let events = notes.events.borrow();
    let expected =
        ["started 0", "finished 0", "started 1", "failed 1 Some(3)", "started 2", "finished 2"];
    assert_eq!(*events, expected);
    let given_up = crate::given_up(&plan.launch_folder()).unwrap();
    assert_eq!(given_up.len(), 1);
    assert_eq!(given_up[0].ending.to_string(), "exit code 3");
}

#[test]
fn attempts_end() {
    let dir = tempfile::tempdir().unwrap();
    let plan = scripted(dir.path(), "kill -9 $$");
    let notes = Notes::default();
    let error = launch(&plan, &["attempts=3"], 1, &notes).unwrap_err();
    let LaunchError::Failed(fault) = error else { panic!("{error}") };
    assert_eq!((fault.code, fault.attempts), (None, 3));
    assert_eq!(notes.events.borrow().len(), 4);
}

#[test]
fn a_request_to_stop_is_passed_on_once_and_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let script = "trap 'echo asked >>said; sleep 0.2; echo kept >>said; exit 143' TERM
        echo ready >ready; while :; do sleep 0.05; done";
    let plan = scripted(dir.path(), script);
    let notes = Notes::default();
    notes.stop_after.set(None);
    let stop = StopWhenReady { notes: &notes, ready: dir.path().join("ready") };
    let work = RemainingWork::of(&plan, &[false; 7], LaunchSettings::default(), Some(2));
    let error = Local { observer: &stop, devices: &[] }.launch(&work).unwrap_err();
    assert!(matches!(error, LaunchError::Cancelled { done: 0, of: 7 }), "{error}");
    assert_eq!(fs::read_to_string(dir.path().join("said")).unwrap(), "asked\nkept\n");
}

struct StopWhenReady<'a> {
    notes: &'a Notes,
    ready: std::path::PathBuf,
}

impl Observer for StopWhenReady<'_> {
    fn event(&self, event: &Event) {
        self.notes.event(event);
    }

    fn is_cancelled(&self) -> bool {
        self.ready.exists()
    }
}

#[test]
fn tasks_that_ask_one_service_run_one_after_another() {
    let dir = tempfile::tempdir().unwrap();
    let script = "mkdir at-work || exit 3; sleep 0.1; rmdir at-work";
    let mut plan = scripted(dir.path(), script);
    plan.stages.drain(..5);
    for stage in &mut plan.stages {
        (stage.deps, stage.network) = (Vec::new(), Some("judge".to_owned()));
    }
    let work = RemainingWork::of(&plan, &[false; 2], settings(&["group=0"]), Some(2));
    assert_eq!(work.tasks.len(), 2);
    let notes = Notes::default();
    assert_eq!(Local { observer: &notes, devices: &[] }.launch(&work).unwrap(), Launched::Done);
}

#[test]
fn memory_cores_and_jobs_limit_what_runs_beside() {
    let plan = plan(Path::new("/run"), &["make"]);
    let work =
        RemainingWork::of(&plan, &[false; 7], settings(&["group=0", "sft.memory=600M"]), Some(2));
    let notes = Notes::default();
    let mut pool = Pool {
        work: &work,
        observer: &notes,
        devices: &[],
        cores: 2,
        memory: Some(1000),
        left: (3..7).collect(),
        done: (0..3).collect(),
        failed: BTreeSet::new(),
        running: Vec::new(),
    };
    assert_eq!(pool.next(), Some(3));
    let running = |task| {
        let (process, devices) = (None, Vec::new());
        RunningTask { task, attempts: 1, process, devices, again_at: Instant::now() }
    };
    pool.left.remove(&3);
    pool.running.push(running(3));
    assert_eq!(pool.next(), None, "two of them need 1200 MiB");
    (pool.memory, pool.cores) = (Some(1200), 1);
    assert_eq!(pool.next(), None, "the core is taken");
    pool.cores = 2;
    assert_eq!(pool.next(), Some(4));
    pool.running.push(running(4));
    pool.left.remove(&4);
    pool.done.insert(3);
    assert_eq!(pool.next(), None, "two jobs run");
}

/// Two devices and two jobs: a task that computes on a device sees it alone, and no other at that time.
/// A process that is started again keeps its device.
#[test]
fn each_task_has_a_device_for_itself() {
    let dir = tempfile::tempdir().unwrap();
    let script = "mkdir busy-$GPU || exit 3; echo $1 $GPU >>made; sleep 0.1; rmdir busy-$GPU
        case $1 in *4) test -e again || { echo >again; exit 5; } ;; esac";
    let mut plan = scripted(dir.path(), script);
    for stage in &mut plan.stages {
        (stage.deps, stage.level) = (Vec::new(), 0);
        stage.device = Some("cuda:0".to_owned());
        stage.threads = 1;
    }
    let device = |i: usize| OwnDevice {
        name: format!("cuda:{i}"),
        variables: vec![("GPU".to_owned(), i.to_string())],
    };
    let devices = [device(0), device(1)];
    let work = RemainingWork::of(&plan, &[false; 7], settings(&["group=0"]), Some(2));
    let notes = Notes::default();
    let local = Local { observer: &notes, devices: &devices };
    assert_eq!(local.launch(&work).unwrap(), Launched::Done);
    let made = fs::read_to_string(dir.path().join("made")).unwrap();
    for gpu in ["0", "1"] {
        assert!(made.lines().filter(|line| line.ends_with(gpu)).count() >= 2, "{made}");
    }
    let of_4: Vec<&str> = made.lines().filter(|line| line.contains("4 ")).collect();
    assert_eq!(of_4.len(), 2, "{made}");
    assert_eq!(of_4[0], of_4[1], "the device stays that of the task");
    let events = notes.events.borrow();
    assert!(events.iter().any(|event| event.ends_with(" on cuda:1")), "{events:?}");
}

#[test]
fn tasks_without_a_device_run_beside_those_that_have_one() {
    let mut plan = plan(Path::new("/run"), &["make"]);
    for (i, stage) in plan.stages.iter_mut().enumerate() {
        (stage.deps, stage.level) = (Vec::new(), 0);
        stage.device = (i < 4).then(|| "flex".to_owned());
        stage.threads = 1;
    }
    let work = RemainingWork::of(&plan, &[false; 7], settings(&["group=0"]), Some(2));
    let devices =
        ["flex:0", "flex:1"].map(|name| OwnDevice { name: name.to_owned(), variables: Vec::new() });
    let notes = Notes::default();
    let mut pool = Pool {
        work: &work,
        observer: &notes,
        devices: &devices,
        cores: 4,
        memory: None,
        left: (0..7).collect(),
        done: BTreeSet::new(),
        failed: BTreeSet::new(),
        running: Vec::new(),
    };
    let mut started = Vec::new();
    while let Some(task) = pool.next() {
        pool.left.remove(&task);
        let devices = pool.free_devices(pool.asks_for(task));
        started.push((task, devices.clone()));
        let (process, again_at) = (None, Instant::now());
        pool.running.push(RunningTask { task, attempts: 1, process, devices, again_at });
    }
    let on_devices = started.iter().flat_map(|(_, devices)| devices.clone()).collect::<Vec<_>>();
    assert_eq!(on_devices, [0, 1], "{started:?}");
    assert_eq!(started.len(), 4, "two run beside: {started:?}");
}

/// Three devices. Each task that asks for two sees two, in the order of their names, and no other sees
/// them at that time.
#[test]
fn a_task_may_have_several_devices_for_itself() {
    let dir = tempfile::tempdir().unwrap();
    let script = "for gpu in $(echo $GPU | tr , ' '); do mkdir busy-$gpu || exit 3; done
        echo $1 $GPU >>made; sleep 0.1
        for gpu in $(echo $GPU | tr , ' '); do rmdir busy-$gpu; done";
    let mut plan = scripted(dir.path(), script);
    for (i, stage) in plan.stages.iter_mut().enumerate() {
        (stage.deps, stage.level, stage.threads) = (Vec::new(), 0, 1);
        (stage.device, stage.devices) = (Some("cuda:0".to_owned()), 1 + i % 2);
    }
    let device = |i: usize| OwnDevice {
        name: format!("cuda:{i}"),
        variables: vec![("GPU".to_owned(), i.to_string())],
    };
    let devices = [device(0), device(1), device(2)];
    let work = RemainingWork::of(&plan, &[false; 7], settings(&["group=0"]), Some(3));
    let notes = Notes::default();
    let local = Local { observer: &notes, devices: &devices };
    assert_eq!(local.launch(&work).unwrap(), Launched::Done);
    let made = fs::read_to_string(dir.path().join("made")).unwrap();
    let several = made.lines().filter(|line| line.contains(','));
    assert_eq!((made.lines().count(), several.count()), (7, 3), "{made}");
    let gpus = |line: &'_ str| line.split(' ').next_back().unwrap_or_default().to_owned();
    assert!(made.lines().all(|line| gpus(line).split(',').is_sorted()), "{made}");
    let events = notes.events.borrow();
    assert!(events.iter().any(|event| event.contains(" and cuda:")), "{events:?}");
}

#[test]
fn no_later_task_takes_a_device_that_an_earlier_one_waits_for() {
    let mut plan = plan(Path::new("/run"), &["make"]);
    for (i, stage) in plan.stages.iter_mut().enumerate() {
        // Tasks with fewer cores come first.
        (stage.deps, stage.level, stage.threads) = (Vec::new(), 0, 1 + i);
        stage.device = (i != 3).then(|| "cuda:0".to_owned());
        stage.devices = if i == 1 { 2 } else { 1 };
    }
    let work = RemainingWork::of(&plan, &[false; 7], settings(&["group=0"]), Some(2));
    let own = |name: &str| OwnDevice { name: name.to_owned(), variables: Vec::new() };
    let devices = [own("cuda:0"), own("cuda:1")];
    let notes = Notes::default();
    let mut pool = Pool {
        work: &work,
        observer: &notes,
        devices: &devices,
        cores: 99,
        memory: None,
        left: (1..7).collect(),
        done: BTreeSet::new(),
        failed: BTreeSet::new(),
        running: Vec::new(),
    };
    let (process, again_at, devices) = (None, Instant::now(), vec![0]);
    pool.running.push(RunningTask { task: 0, attempts: 1, process, devices, again_at });
    assert_eq!((pool.asks_for(1), pool.asks_for(2), pool.asks_for(3)), (2, 1, 0));
    assert_eq!(pool.next(), Some(3), "a task without a device runs beside");
    pool.left.remove(&3);
    assert_eq!(pool.next(), None);
    pool.running.clear();
    assert_eq!(pool.next(), Some(1));
}
