#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::settings::LaunchSettings;
use crate::tasks::tests::plan;

/// A task whose program is a shell script. `made` of the folder is for what the script says.
fn task(script: &str, given: &[&str]) -> (TempDir, Command) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("it's a run");
    fs::create_dir(&out).unwrap();
    let file = out.join("make.sh");
    fs::write(&file, script).unwrap();
    let mut plan = plan(&out, &["sh", file.to_str().unwrap()]);
    plan.folder = dir.path().to_owned();
    let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
    let reads = ("slurm", &["attempts", "requeue"][..]);
    let settings = LaunchSettings::parse(&given, reads, &[]).unwrap();
    let path = write_task(&RemainingWork::of(&plan, &[false; 7], settings, None)).unwrap();
    let mut command = Command::new("sh");
    command.arg(path).args(["sft-1", "key 1", "key2"]);
    // Waits between attempts are none, and that before a request is passed on makes `go` first.
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let sleep = "#!/bin/sh
        case $1 in
        1) echo go >go; exec /bin/sleep 0.5 ;;
        [0-9] | 30 | 120) exit 0 ;;
        esac
        exec /bin/sleep \"$@\"\n";
    stub(&bin.join("sleep"), sleep);
    stub(&bin.join("scontrol"), "#!/bin/sh\necho \"$*\" >>asked\n");
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", bin.display()));
    (dir, command)
}

fn stub(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The record of the task in the folder of failures.
fn record(dir: &TempDir) -> String {
    read(dir, "it's a run/launch/failed/sft-1.code")
}

fn read(dir: &TempDir, name: &str) -> String {
    fs::read_to_string(dir.path().join(name)).unwrap_or_default()
}

fn started(dir: &TempDir, mut command: Command) -> Child {
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    while read(dir, "ready").is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was ready");
        assert!(start.elapsed() < Duration::from_secs(120), "it is not ready");
        sleep(Duration::from_millis(10));
    }
    child
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn what_may_pass_is_tried_again_and_keys_arrive_as_they_are() {
    let script = "echo said; echo \"$#$1\" >>made
        case $(wc -l <made) in 1) exit 5 ;; 2) kill -9 $$ ;; esac";
    let (dir, mut command) = task(script, &[]);
    assert_eq!(command.status().unwrap().code(), Some(0));
    assert_eq!(read(&dir, "made"), "2key 1\n".repeat(3));
    assert_eq!(read(&dir, "it's a run/launch/logs/sft-1.log").matches("said\n").count(), 3);
    for (code, times) in [(3, 1), (1, 1), (5, 2)] {
        let (dir, mut command) = task(&format!("echo x >>made; exit {code}"), &["attempts=2"]);
        assert_eq!(command.status().unwrap().code(), Some(code));
        assert_eq!(read(&dir, "made").lines().count(), times, "{code}");
        assert_eq!(record(&dir), format!("{code} {times} key 1 key2\n"));
    }
}

#[test]
fn a_task_that_was_killed_leaves_a_record_until_it_is_made() {
    let (dir, mut command) = task("[ -e well ] || kill -9 $$", &["attempts=2"]);
    assert_eq!(command.status().unwrap().code(), Some(137));
    assert_eq!(record(&dir), "137 2 key 1 key2\n");
    let folder = crate::LaunchFolder::of_run(&dir.path().join("it's a run"));
    let all = crate::given_up(&folder).unwrap();
    assert_eq!((all.len(), all[0].task.as_str(), all[0].attempts), (1, "sft-1", 2));
    assert_eq!(all[0].ending.to_string(), "signal 9");
    fs::write(dir.path().join("well"), "").unwrap();
    assert_eq!(command.status().unwrap().code(), Some(0));
    assert_eq!(crate::given_up(&folder).unwrap(), []);
}

#[test]
fn an_input_that_lacks_is_looked_for_twice() {
    let script = "echo x >>made
        echo '{\"lacking\":true}' >\"it's a run/launch/failed/sft-1.json\"
        exit 5";
    let (dir, mut command) = task(script, &["attempts=4"]);
    fs::create_dir_all(dir.path().join("it's a run/launch/failed")).unwrap();
    assert_eq!(command.status().unwrap().code(), Some(5));
    assert_eq!(read(&dir, "made").lines().count(), 2);
}

#[test]
fn the_exit_code_of_a_program_that_ends_while_a_signal_is_handled_is_kept() {
    for (name, code) in [("USR1", 0), ("TERM", 3), ("USR1", 3)] {
        // `go` is there as soon as the script has got the signal.
        let script = format!(
            "trap '' USR2; echo ready >ready; while [ ! -e go ]; do sleep 0.01; done; exit {code}"
        );
        let (dir, mut command) = task(&script, &[]);
        command.env("SLURM_JOB_ID", "15");
        let mut child = started(&dir, command);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{name}");
        assert_eq!(read(&dir, "asked"), "", "{name}: it is not queued again");
    }
}

/// The program keeps its work at the first request, and would lose it at a second TERM.
const KEEPS: &str = "trap 'echo kept >>made; exit 143' USR2
    trap 'echo lost >>made; exit 1' TERM
    echo ready >ready; while :; do sleep 0.05; done";

#[test]
fn a_request_to_stop_reaches_the_program_and_nothing_is_tried_again() {
    for name in ["TERM", "USR1"] {
        let (dir, command) = task(KEEPS, &[]);
        let mut child = started(&dir, command);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(143), "{name}");
        assert_eq!(read(&dir, "made"), "kept\n", "{name}");
    }
}

#[test]
fn a_job_whose_time_runs_out_is_queued_again_and_a_cancelled_one_is_not() {
    for (name, restarts, expected) in
        [("USR1", "1", "requeue 12_3\n"), ("USR1", "2", ""), ("TERM", "0", "")]
    {
        let (dir, mut command) = task(KEEPS, &["requeue=2"]);
        command.envs([("SLURM_ARRAY_JOB_ID", "12"), ("SLURM_ARRAY_TASK_ID", "3")]);
        command.env("SLURM_JOB_ID", "15");
        command.env("SLURM_RESTART_COUNT", restarts);
        let mut child = started(&dir, command);
        signal(&child, name);
        child.wait().unwrap();
        assert_eq!(read(&dir, "asked"), expected, "{name} {restarts}");
        // One that is not queued again though its time ran out is told later.
        let left = if restarts == "2" { "time 0 key 1 key2\n" } else { "" };
        assert_eq!(record(&dir), left, "{name} {restarts}");
    }
}
