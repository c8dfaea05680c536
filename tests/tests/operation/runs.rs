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
    assert!(
        place("results of the first of 2 seeds, 3, are in out/screening").is_some(),
        "{}",
        run.stderr
    );
    let early = sandbox.json("out/screening/results.json");
    assert_eq!((&early["seeds"], &early["planned_seeds"]), (&json!([3]), &json!([3, 1])));
    for file in ["report.html", "report.md", "table.tex"] {
        let text = sandbox.read(&format!("out/screening/{file}"));
        assert!(text.contains("Partial: 1 of 2 seeds (seed 3)."), "{file}");
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
    // Of other settings, they do not stay beside the results.
    let stays = sandbox.ablate("out", &["--seeds", "3,1"]);
    assert!(!stays.stderr.contains("set-aside"), "{}", stays.stderr);
    assert!(sandbox.path().join("out/screening/results.json").exists());
    let moved = sandbox.ablate("out", &["--seeds", "3,1", "--set", "sft.epochs=1"]);
    assert!(moved.stderr.contains("with other settings are in out/set-aside/"), "{}", moved.stderr);
    assert!(!sandbox.path().join("out/screening").exists());
    assert!(sandbox.path().join("out/set-aside/screening-1/results.json").exists());
    // Done already: nothing is left to screen.
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
    assert!(finished.stderr.contains("is not there; out/store is read"), "{}", finished.stderr);
    let quiet = sandbox.run(&["status", "--out", "out", "--quiet"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
    // What it has would be made, and paid for, again.
    for args in [&["ablate", "--out", "out"][..], &["select", "--out", "out", "--file", "s.jsonl"]]
    {
        let refused = sandbox.run(args);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        let says = refused.stderr.contains("it is not there; mount it, or name a store");
        assert!(says && refused.stderr.contains("--store out/store"), "{}", refused.stderr);
    }
    assert!(sandbox.path().join("out/store-path.txt").exists(), "it is remembered still");
    assert!(!sandbox.path().join("out/store").exists());
    assert!(!sandbox.path().join("shared").exists());
    sandbox.ablate("out", &["--store", "moved"]);
    // The one in the run folder, named: nothing else is remembered any more.
    sandbox.ablate("out", &["--store", "out/store"]);
    assert!(!sandbox.path().join("out/store-path.txt").exists());
}

/// The outputs of a run that nobody named are not what one run does not need.
#[test]
fn one_run_of_a_shared_store_does_not_clean_it() {
    let sandbox = study();
    sandbox.ablate("a", &["--store", "shared"]);
    sandbox.ablate("b", &["--store", "shared", "--set", "sft.epochs=1"]);
    let stored = || {
        let listed = said(&sandbox, &["store", "ls", "--store", "shared"]);
        let keys = listed.lines().filter_map(|line| line.split_whitespace().nth(1));
        keys.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = stored();
    for more in [&[][..], &["--delete"], &["--aside", "--delete"]] {
        let refused = sandbox.run(&[&["store", "gc", "--out", "a"], more].concat());
        assert_eq!(refused.code, Some(2), "{}", refused.stdout);
        assert!(refused.stderr.contains("which other runs may share; give --store /"));
    }
    assert_eq!(stored(), before);
    let both = ["store", "gc", "--store", "shared", "--out", "a", "--out", "b", "--delete"];
    assert!(said(&sandbox, &both).starts_with("0 outputs removed"));
    assert_eq!(stored(), before);
    let one = said(&sandbox, &["store", "gc", "--store", "shared", "--out", "a"]);
    assert!(one.contains("outputs that none of these runs needs") && !one.starts_with("0 "));
    // Which store is to be said, with --aside too.
    let none = sandbox.run(&["store", "gc", "--aside"]);
    assert_eq!(none.code, Some(2), "{}", none.stdout);
    assert!(none.stderr.contains("--store <DIR>"), "{}", none.stderr);
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
