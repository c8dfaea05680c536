//! Runs that are killed or that cannot write, and the same command again.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

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
    let kinds = ["tokenizer", "tokens"].into_iter().chain(kinds);
    let kills = kinds.filter(|kind| killed_in(&killed, kind)).count();
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
    child.kill().unwrap();
    child.wait().unwrap();
    insta::assert_snapshot!(second.error(), @"
    exit 2
    error: out is in use by another run; wait for it, or give another --out
    ");
    assert_eq!(third.error(), second.error());
}

/// Starts a run into `out` on the store `shared`, and waits until a stage of it has started.
fn started(sandbox: &Sandbox, out: &str) -> (Child, impl Iterator<Item = String>) {
    let args = ["ablate", "--config", "study.toml", "--out", out, "--store", "shared", "-v"];
    let mut command = sandbox.command(&args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("started stage=")));
    (child, lines)
}

#[test]
fn two_runs_share_a_store_and_make_each_output_once() {
    let sandbox = study();
    let (mut first, rest) = started(&sandbox, "a");
    let second =
        sandbox.run(&["ablate", "--config", "study.toml", "--out", "b", "--store", "shared"]);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    let rest: Vec<String> = rest.collect();
    assert!(first.wait().unwrap().success(), "{}", rest.join("\n"));
    assert_eq!(sandbox.read("a/results.json"), sandbox.read("b/results.json"));
    let outcomes = ["a", "b"].map(|out| sandbox.json(&format!("{out}/cost.json")));
    let [a, b] = outcomes.each_ref().map(|cost| cost["stages"].as_array().unwrap());
    for (a, b) in a.iter().zip(b) {
        let ran = [a, b].into_iter().filter(|stage| stage["outcome"] == "run").count();
        assert_eq!((&a["key"], ran), (&b["key"], 1), "{a} {b}");
    }
}

#[test]
fn a_run_takes_over_where_another_on_the_same_store_is_killed() {
    let sandbox = study();
    let (mut first, _rest) = started(&sandbox, "a");
    let (mut second, rest) = started(&sandbox, "b");
    // SIGKILL: it cannot put anything in order.
    first.kill().unwrap();
    first.wait().unwrap();
    let rest: Vec<String> = rest.collect();
    assert!(second.wait().unwrap().success(), "{}", rest.join("\n"));
    let alone = study();
    alone.ablate("out", &[]);
    assert_eq!(sandbox.read("b/results.json"), alone.read("out/results.json"));
}

/// As older versions of the program hold it.
#[test]
fn a_store_that_a_program_holds_for_itself_is_left_to_it() {
    let sandbox = study();
    std::fs::create_dir(sandbox.path().join("held")).unwrap();
    let lock = std::fs::File::create(sandbox.path().join("held/lock")).unwrap();
    lock.try_lock().unwrap();
    let run = sandbox.run(&[&ARGS[..], &["--store", "held"]].concat());
    insta::assert_snapshot!(run.error(), @"
    exit 2
    error: held is in use by another run; wait for it, or give --store another folder
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
