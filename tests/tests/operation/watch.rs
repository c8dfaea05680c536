//! `status --watch`.

use std::process::Stdio;

use super::{said, study};

#[test]
fn a_finished_study_is_said_and_ends_the_watch() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    let stages = sandbox.json("out/cost.json")["stages"].as_array().unwrap().len();
    let lines = said(&sandbox, &["status", "--config", "study.toml", "--out", "out", "--watch"]);
    let end = format!("4/4 arms, {stages}/{stages} stages done; the results are there\n");
    assert_eq!(lines, end);
}

#[test]
fn a_study_that_runs_is_followed_line_by_line_to_its_end() {
    let sandbox = study();
    let args = ["ablate", "--config", "study.toml", "--out", "out", "--jobs", "1"];
    let args = [&args[..], &["--set", "base.epochs=40", "--quiet"]].concat();
    let mut child =
        sandbox.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = || sandbox.path().join("out/store/claims").is_dir();
    while !started() {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let lines = said(&sandbox, &["status", "--out", "out", "--watch=1"]);
    assert!(child.wait().unwrap().success());
    let own = format!("process {} on ", child.id());
    assert!(lines.lines().any(|line| line.starts_with("runs: ") && line.contains(&own)), "{lines}");
    assert!(lines.trim_end().ends_with("; the results are there"), "{lines}");
    // Each line is news.
    let all: Vec<&str> = lines.lines().collect();
    assert!(all.windows(2).all(|two| two[0] != two[1]), "{lines}");
}

#[test]
fn a_failure_is_said_with_the_end_of_the_log() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    let log = sandbox.read("out/log.txt");
    let failed = "2026-01-01T00:00:00Z ERROR seal_store::exec: a stage failed stage=\"sft\" \
                  cell=\"seal seed 0\" error=no room\n";
    sandbox.write("out/log.txt", &(log + failed));
    let lines = said(&sandbox, &["status", "--out", "out", "--watch=1"]);
    assert!(
        lines.starts_with("failed: stage=\"sft\" cell=\"seal seed 0\" error=no room\n"),
        "{lines}"
    );
    let finished = sandbox.run(&["status", "--out", "out", "--watch=0"]);
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
}
