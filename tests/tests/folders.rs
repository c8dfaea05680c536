//! Folders that a user names: whose they are, who else works in them, and what the program
//! says on the terminal about what it finds there.

#![allow(clippy::print_stdout, reason = "skipped tests are counted by what they print")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use whole_program::Sandbox;

fn study() -> Sandbox {
    Sandbox::with_study(env!("CARGO_BIN_EXE_program"))
}

#[test]
fn a_store_does_not_touch_a_folder_of_others() {
    let sandbox = study();
    fs::create_dir_all(sandbox.path().join("us/tmp")).unwrap();
    sandbox.write("us/tmp/thesis.txt", "mine");
    let args = ["ablate", "--config", "study.toml", "--out", "out", "--store", "us"];
    insta::assert_snapshot!(sandbox.run(&args).error(), @"
    exit 2
    error: us is no store and not empty: it holds `tmp`; give --store an empty or a new folder
    ");
    assert_eq!(sandbox.read("us/tmp/thesis.txt"), "mine");
    assert_eq!(fs::read_dir(sandbox.path().join("us")).unwrap().count(), 1);
}

#[test]
fn a_run_without_its_config_goes_on_with_that_of_its_folder() {
    let sandbox = study();
    // Stopped at its first stage: the config is in the folder by then.
    let args = ["ablate", "--config", "study.toml", "--out", "h", "--jobs", "1", "-v"];
    let mut command = sandbox.command(&args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("started stage=\"base\"")));
    child.kill().unwrap();
    child.wait().unwrap();
    let status = sandbox.run(&["status", "--out", "h"]);
    assert!(status.stdout.starts_with("study `tiny` in h\n"), "{}", status.stdout);
    let plan = sandbox.run(&["plan", "--out", "h"]);
    assert!(plan.stdout.contains("keep") || plan.stdout.contains("gamma-0.1"), "{}", plan.stdout);
    let finished = sandbox.run(&["ablate", "--out", "h"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    sandbox.ablate("whole", &[]);
    assert_eq!(sandbox.read("h/results.json"), sandbox.read("whole/results.json"));
    // A config that was edited is not taken for the last run's.
    let text = sandbox.read("h/config.toml");
    sandbox.write("h/config.toml", &text.replace("keep = 0.8", "keep = 0.7"));
    let edited = sandbox.run(&["status", "--out", "h"]);
    assert_ne!(edited.code, Some(0));
    insta::assert_snapshot!(edited.stderr, @"error: h/config.toml: it is not as the last run left it: edited or damaged; if it is as it should be, give it by --config h/config.toml");
    // Another study is refused, by the verbs that only look, too.
    for verb in ["ablate", "plan", "status"] {
        let other = sandbox.run(&[verb, "--quick", "--out", "h"]);
        assert_eq!(other.code, Some(2), "{verb}: {}", other.stdout);
        assert!(other.stderr.contains("holds the study `tiny`"), "{verb}: {}", other.stderr);
    }
}

#[test]
fn damage_is_told_on_the_terminal() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    let results = sandbox.read("out/results.json");
    let verdicts = sandbox.path().join("out/store/verdicts");
    let entry = fs::read_dir(&verdicts).unwrap().next().unwrap().unwrap().path();
    let file = entry.join("slimorca.jsonl");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    fs::remove_file(sandbox.path().join("out/cells/seal/seed-0/model.safetensors")).unwrap();
    let plan = sandbox.run(&["plan", "--out", "out"]);
    assert!(plan.stdout.contains("1 to do"), "{}", plan.stdout);
    let again = sandbox.ablate("out", &[]);
    let told = again.stderr.lines().find(|line| line.starts_with("note: damaged, and made again"));
    let told = told.unwrap_or_else(|| panic!("{}", again.stderr));
    for part in ["verdicts", "slimorca.jsonl", "out/store/damaged/verdicts-"] {
        assert!(told.contains(part), "{told}");
    }
    assert!(again.stdout.contains("1 stages run"), "{}", again.stdout);
    assert!(sandbox.read("out/log.txt").contains("damaged, and made again"));
    assert_eq!(sandbox.read("out/results.json"), results);
    assert!(sandbox.path().join("out/cells/seal/seed-0/model.safetensors").exists());
}

/// Killed while the cells are written: the same command again mends them all.
#[test]
fn an_export_that_is_killed_is_mended_by_the_next_run() {
    let sandbox = study();
    sandbox.ablate("out", &["--jobs", "1"]);
    let kept = "out/cells/seal/seed-0/kept.jsonl";
    let model = sandbox.path().join("out/cells/seal/seed-0/model.safetensors");
    let (rows, weights) = (sandbox.read(kept), fs::read(&model).unwrap());
    for n in 1..=3 {
        let half = [
            "ablate",
            "--config",
            "study.toml",
            "--out",
            "out",
            "--jobs",
            "1",
            "--set",
            "selection.keep=0.5",
            "-vv",
        ];
        let mut command = sandbox.command(&half);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut files = 0;
        for line in lines {
            files += usize::from(line.unwrap().contains("writes a file of the run folder"));
            if files == n {
                child.kill().unwrap();
                break;
            }
        }
        child.wait().unwrap();
        assert_eq!(files, n, "it was killed in its export");
        sandbox.ablate("out", &["--jobs", "1"]);
        assert_eq!(sandbox.read(kept), rows);
        assert!(fs::read(&model).unwrap() == weights);
        let left = fs::read_dir(model.parent().unwrap()).unwrap();
        let names = left.map(|e| e.unwrap().file_name().into_string().unwrap());
        let pending: Vec<String> = names.filter(|n| n.starts_with(".seal-pending")).collect();
        assert!(pending.is_empty(), "{pending:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_stops_nothing_for_ever() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    for place in ["lock", "store/lock", "study.json", "cells/seal/seed-0/made-from"] {
        let path = sandbox.path().join("out").join(place);
        let was = sandbox.path().join("was");
        fs::rename(&path, &was).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let finished = sandbox.run(&["ablate", "--config", "study.toml", "--out", "out"]);
        assert_eq!(finished.code, Some(2), "{place}: {}", finished.stderr);
        assert!(finished.stderr.contains("no plain file"), "{place}: {}", finished.stderr);
        fs::remove_file(&path).unwrap();
        fs::rename(&was, &path).unwrap();
    }
    // A link in the place of the log: said, and the study goes on.
    fs::remove_file(sandbox.path().join("out/log.txt")).unwrap();
    sandbox.write("mine", "mine");
    std::os::unix::fs::symlink("../mine", sandbox.path().join("out/log.txt")).unwrap();
    let finished = sandbox.ablate("out", &[]);
    assert!(finished.stderr.contains("log.txt: no log: this is a link"), "{}", finished.stderr);
    assert_eq!(sandbox.read("mine"), "mine");
}

/// A user who may have no thread more. The limit does not hold for root, who becomes nobody
/// here.
#[cfg(target_os = "linux")]
#[test]
fn no_thread_to_be_had_is_an_error_and_no_panic() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = study();
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(sandbox.path(), open).unwrap();
    let program = sandbox.command(&[]).get_program().to_owned();
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = Command::new(if is_root { "setpriv" } else { "prlimit" });
    if is_root {
        command.args(["--reuid=65534", "--clear-groups", "prlimit"]);
    }
    command.arg("--nproc=1:1").arg(&program).current_dir(sandbox.path());
    command.args(["ablate", "--config", "study.toml", "--out", "out", "--jobs", "2"]);
    let tried = command.stdin(Stdio::null()).output();
    let Ok(output) = tried else { return println!("skipped: no setpriv or prlimit") };
    let finished = whole_program::Finished::of(output);
    if finished.stderr.contains("ermission denied") {
        return println!("skipped: nobody may not run the program");
    }
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    assert!(finished.stderr.contains("no thread could be started"), "{}", finished.stderr);
}
