//! `status --watch`.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use whole_program::Sandbox;

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

/// The lines of a watch until one has the words.
fn lines_until(sandbox: &Sandbox, args: &[&str], words: &str) -> Vec<String> {
    let mut child = sandbox.command(args).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut found = Vec::new();
    for line in lines {
        let is_last = line.contains(words);
        found.push(line);
        if is_last {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    found
}

/// A run that fails, and one that repairs it.
#[test]
fn failures_are_those_of_the_last_run() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    let steep = ["--set", "sft.optim.lr=1e12", "--jobs", "1"];
    let ablate = ["ablate", "--config", "study.toml", "--out", "out"];
    let failed = sandbox.run(&[&ablate[..], &steep].concat());
    assert!(failed.code != Some(0), "{}", failed.stdout);
    let watch = ["status", "--config", "study.toml", "--out", "out", "--watch=1"];
    let lines = lines_until(&sandbox, &[&watch[..], &steep].concat(), " stages done");
    let failures: Vec<&String> = lines.iter().filter(|line| line.starts_with("failed: ")).collect();
    assert!(!failures.is_empty() && failures.len() <= 5, "{lines:?}");
    assert!(failures[0].starts_with("failed: stage=\"sft\" cell="), "{lines:?}");
    // The results that are there are of other settings.
    assert!(!lines.last().unwrap().contains("the results are there"), "{lines:?}");
    sandbox.ablate("out", &[]);
    let lines = said(&sandbox, &watch);
    assert!(!lines.contains("failed"), "{lines}");
    let finished = sandbox.run(&["status", "--out", "out", "--watch=0"]);
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
}
