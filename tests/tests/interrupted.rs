//! Runs that are killed or that cannot write, and the same command again.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use whole_program::{Finished, Sandbox};

const ARGS: [&str; 7] = ["ablate", "--config", "study.toml", "--out", "out", "--jobs", "1"];

fn study() -> Sandbox {
    Sandbox::with_study(env!("CARGO_BIN_EXE_program"))
}

/// Runs the study until it says that a stage of this kind has started, and
/// kills it there. False if it ended first.
fn killed_in(sandbox: &Sandbox, stage: &str) -> bool {
    let mut command = sandbox.command(&ARGS);
    let mut child = command.arg("-v").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let start = format!("started stage=\"{stage}\"");
    for line in lines {
        if line.unwrap().contains(&start) {
            // SIGKILL: the program cannot put anything in order.
            child.kill().unwrap();
            return !child.wait().unwrap().success();
        }
    }
    assert!(child.wait().unwrap().success());
    false
}

#[test]
fn a_run_killed_in_each_stage_goes_on_where_it_was() {
    let (killed, whole) = (study(), study());
    let kinds = ["base", "scores", "selector", "selection", "sft", "answers", "verdicts"];
    let kills = kinds.into_iter().filter(|kind| killed_in(&killed, kind)).count();
    // A short stage may be over before the signal arrives; the long ones not.
    assert!(kills >= 3, "only {kills} runs were killed");
    killed.ablate("out", &["--jobs", "1"]);
    whole.ablate("out", &["--jobs", "1"]);
    assert_eq!(killed.read("out/results.json"), whole.read("out/results.json"));
    let cost = killed.json("out/cost.json");
    let found = cost["stages"].as_array().unwrap().iter().filter(|s| s["outcome"] == "found");
    assert!(found.count() > 0, "what was finished before the kills is not done again");
}

#[test]
fn two_runs_do_not_share_a_folder_at_the_same_time() {
    let sandbox = study();
    let mut command = sandbox.command(&ARGS);
    let mut child = command.arg("-v").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(first.any(|line| line.unwrap().contains("started stage=\"base\"")));
    let second = sandbox.run(&ARGS);
    // With a store of its own, too: results of two studies would mix.
    let third = sandbox.run(&[&ARGS[..], &["--store", "another"]].concat());
    // And a store is used by one run, whatever its run folder.
    let fourth =
        sandbox.run(&["ablate", "--config", "study.toml", "--out", "b", "--store", "out/store"]);
    child.kill().unwrap();
    child.wait().unwrap();
    insta::assert_snapshot!(second.error(), @"
    exit 2
    error: out is in use by another run; wait for it, or give another --out
    ");
    assert_eq!(third.error(), second.error());
    insta::assert_snapshot!(fourth.error(), @"
    exit 2
    error: out/store is in use by another run; wait for it, or give --store another folder
    ");
}

#[test]
fn a_write_that_fails_is_said_and_what_was_finished_stays() {
    let sandbox = study();
    // Selections and verdicts fit into 4 KiB, the weights of the base do not.
    let limited = Finished::of(sandbox.limited_command(4, &ARGS).output().unwrap());
    assert_eq!(limited.code, Some(1), "{}", limited.stderr);
    assert!(limited.stderr.contains("File too large"), "{}", limited.stderr);
    assert!(!limited.stderr.contains("panicked"), "{}", limited.stderr);
    sandbox.ablate("out", &[]);
}
