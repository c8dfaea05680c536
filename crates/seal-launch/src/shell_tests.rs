#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::settings::Settings;
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
    let settings = Settings::parse(&given, reads, &[]).unwrap();
    let path = write_task(&Work::of(&plan, &[false; 7], settings, None)).unwrap();
    let mut command = Command::new("sh");
    command.arg(path).args(["sft-1", "key 1", "key2"]);
    (dir, command)
}

fn read(dir: &TempDir, name: &str) -> String {
    fs::read_to_string(dir.path().join(name)).unwrap_or_default()
}

fn started(dir: &TempDir, mut command: Command) -> Child {
    let child = command.spawn().unwrap();
    while read(dir, "ready").is_empty() {
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
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let stub = bin.join("scontrol");
        fs::write(&stub, "#!/bin/sh\necho \"$*\" >>asked\n").unwrap();
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", bin.display()));
        command.envs([("SLURM_ARRAY_JOB_ID", "12"), ("SLURM_ARRAY_TASK_ID", "3")]);
        command.env("SLURM_RESTART_COUNT", restarts);
        let mut child = started(&dir, command);
        signal(&child, name);
        child.wait().unwrap();
        assert_eq!(read(&dir, "asked"), expected, "{name} {restarts}");
    }
}
