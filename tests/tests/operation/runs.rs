//! Order of stages, what is read, what is remembered.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::json;

use super::{said, study};

#[test]
fn a_screening_has_a_table_of_the_first_seed_before_the_others_run() {
    let (sandbox, plain) = (study(), study());
    let args = ["--seeds", "3,1", "--jobs", "1", "-v"];
    let run = sandbox.ablate("out", &[&args[..], &["--screen"]].concat());
    let place = |text: &str| run.stderr.lines().position(|line| line.contains(text));
    let last =
        |text: &str| run.stderr.lines().collect::<Vec<_>>().iter().rposition(|l| l.contains(text));
    // Each cell of the first seed ends before one of the second starts.
    let is_start = |line: &&str| line.contains("started stage=") && line.contains("seed 1\"");
    let first_of_second = run.stderr.lines().position(|line| is_start(&line)).unwrap();
    assert!(last("seed 3\" seconds").unwrap() < first_of_second, "{}", run.stderr);
    assert!(place("results of seed 3 of 2 alone are in out/screening").is_some(), "{}", run.stderr);
    let early = sandbox.json("out/screening/results.json");
    assert_eq!((&early["seeds"], &early["planned_seeds"]), (&json!([3]), &json!([3, 1])));
    for file in ["report.html", "report.md", "table.tex"] {
        let text = sandbox.read(&format!("out/screening/{file}"));
        assert!(text.contains("Partial: seed 3 of 2 only."), "{file}");
        assert!(!sandbox.read(&format!("out/{file}")).contains("Partial"), "{file}");
    }
    // It is the whole table of a study of that seed.
    let one = study();
    one.ablate("out", &["--seeds", "3"]);
    let mut alone = one.json("out/results.json");
    alone["planned_seeds"] = json!([3, 1]);
    assert_eq!(early, alone);
    // The order of stages changes no result.
    plain.ablate("out", &["--seeds", "3,1"]);
    assert_eq!(sandbox.read("out/results.json"), plain.read("out/results.json"));
    // Done already: nothing is left to screen.
    fs::remove_dir_all(sandbox.path().join("out/screening")).unwrap();
    sandbox.ablate("out", &["--seeds", "3,1", "--screen"]);
    assert!(!sandbox.path().join("out/screening").exists());
}

/// Every cell trains and answers with the base.
#[test]
fn the_base_is_read_once_a_process() {
    let sandbox = study();
    sandbox.ablate("out", &["--seeds", "0,1", "--jobs", "2", "-vv"]);
    let log = sandbox.read("out/log.txt");
    assert_eq!(log.matches("the base is read").count(), 1, "{log}");
    let cost = sandbox.json("out/cost.json");
    let reads = ["scores", "selector", "sft", "answers"];
    let stages = cost["stages"].as_array().unwrap();
    let readers = stages.iter().filter(|of| reads.contains(&of["stage"].as_str().unwrap()));
    assert!(readers.count() > 10, "they all began with it");
}

#[test]
fn a_run_folder_remembers_a_store_elsewhere() {
    let sandbox = study();
    sandbox.ablate("out", &["--store", "shared"]);
    for args in [&["status", "--out", "out"][..], &["ablate", "--out", "out"]] {
        let finished = sandbox.run(args);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert!(finished.stderr.contains("store: /"), "{}", finished.stderr);
        let has_none = finished.stdout.contains("has none of their stages");
        let is_missing =
            finished.stdout.contains("stages run") && !finished.stdout.contains("0 stages run");
        assert!(!has_none && !is_missing, "{}", finished.stdout);
    }
    assert!(!sandbox.path().join("out/store").exists());
    let listed = said(&sandbox, &["store", "du", "--out", "out"]);
    assert!(listed.contains("verdicts"), "{listed}");
    // A store that is gone is said, and not made again.
    fs::rename(sandbox.path().join("shared"), sandbox.path().join("moved")).unwrap();
    let finished = sandbox.run(&["status", "--out", "out"]);
    assert!(finished.stderr.contains("is not there; out/store is used"), "{}", finished.stderr);
    assert!(!sandbox.path().join("shared").exists());
    sandbox.ablate("out", &["--store", "moved"]);
    // The one in the run folder, named: nothing else is remembered any more.
    sandbox.ablate("out", &["--store", "out/store"]);
    assert!(!sandbox.path().join("out/store-path.txt").exists());
}

/// A run that has not ended has no list of what it made.
#[test]
fn a_running_run_uses_what_it_has_made() {
    let sandbox = study();
    let args = ["ablate", "--config", "study.toml", "--out", "out", "--store", "shared", "-v"];
    let mut child =
        sandbox.command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("finished stage=\"tokens\"")));
    let listed = said(&sandbox, &["store", "ls", "--store", "shared", "--out", "out"]);
    child.kill().unwrap();
    child.wait().unwrap();
    let entries = listed.lines().filter(|line| line.starts_with("token"));
    let used: Vec<&str> = entries.filter(|line| line.trim_end().ends_with(" out")).collect();
    assert!(used.len() >= 2, "{listed}");
}
