//! `store`: what a store holds, whether it is whole, and what may go.

use std::fs;
use std::path::PathBuf;

use whole_program::Sandbox;

fn study() -> Sandbox {
    let sandbox = Sandbox::with_study(env!("CARGO_BIN_EXE_program"));
    sandbox.ablate("out", &["--store", "shared"]);
    sandbox
}

fn said(sandbox: &Sandbox, args: &[&str]) -> String {
    let finished = sandbox.run(args);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{}", finished.stdout);
    finished.stdout
}

fn entries(sandbox: &Sandbox, stage: &str) -> Vec<PathBuf> {
    let folder = fs::read_dir(sandbox.path().join("shared").join(stage)).unwrap();
    let mut found: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn a_store_is_listed_counted_checked_and_cleared() {
    let sandbox = study();
    let stages = sandbox.json("out/cost.json")["stages"].as_array().unwrap().len();
    let results = sandbox.read("out/results.json");
    let listed = said(&sandbox, &["store", "ls", "--store", "shared", "--out", "out"]);
    assert_eq!(listed.lines().filter(|line| line.contains(" out")).count(), stages, "{listed}");
    let counted = said(&sandbox, &["store", "du", "--store", "shared"]);
    let total = counted.lines().find(|line| line.starts_with("total")).unwrap();
    assert_eq!(total.split_whitespace().nth(1), Some(stages.to_string().as_str()), "{counted}");
    let checked = said(&sandbox, &["store", "verify", "--store", "shared"]);
    assert_eq!(checked, format!("{stages} entries, all as they were written\n"));
    // Every stage is needed.
    let kept = said(&sandbox, &["store", "gc", "--store", "shared", "--out", "out"]);
    assert_eq!(kept, "0 outputs that none of these runs needs, 0 B\n");

    // Of another gamma, in another run folder: its stages are those that the first does not need.
    sandbox.write_plan(&["0.4"]);
    sandbox.ablate("other", &["--store", "shared"]);
    let before = entries(&sandbox, "selector");
    let unneeded = said(&sandbox, &["store", "gc", "--store", "shared", "--out", "other"]);
    assert!(unneeded.contains("selector-") && unneeded.contains("--delete"), "{unneeded}");
    let both = ["store", "gc", "--store", "shared", "--out", "other", "--out", "out"];
    assert_eq!(said(&sandbox, &both), "0 outputs that none of these runs needs, 0 B\n");
    assert_eq!(entries(&sandbox, "selector"), before, "nothing is removed without --delete");
    let gone = said(&sandbox, &["store", "gc", "--store", "shared", "--out", "other", "--delete"]);
    assert!(gone.contains(" outputs removed, "), "{gone}");
    assert!(entries(&sandbox, "selector").len() < before.len());
    // What the other run needs is there, and what the first needs is made again.
    let again = sandbox.ablate("other", &["--store", "shared"]);
    assert!(again.stdout.contains("0 stages run"), "{}", again.stdout);
    sandbox.write_plan(&["0.1"]);
    sandbox.ablate("out", &["--store", "shared"]);
    assert_eq!(sandbox.read("out/results.json"), results);
}

/// A run without a store of its own reads the store in the folder of another.
#[test]
fn the_outputs_of_the_run_that_holds_the_store_stay() {
    let sandbox = Sandbox::with_study(env!("CARGO_BIN_EXE_program"));
    sandbox.ablate("out", &[]);
    sandbox.write_plan(&["0.4"]);
    sandbox.ablate("other", &["--store", "out/store"]);
    let args = ["store", "gc", "--store", "out/store", "--out", "other", "--delete"];
    assert_eq!(said(&sandbox, &args), "0 outputs removed, 0 B\n");
    sandbox.write_plan(&["0.1"]);
    let again = sandbox.ablate("out", &[]);
    assert!(again.stdout.contains("0 stages run"), "{}", again.stdout);
}

#[test]
fn a_damaged_entry_is_listed_and_ends_the_check_with_a_code() {
    let sandbox = study();
    let entry = entries(&sandbox, "verdicts").remove(0);
    let file = entry.join("slimorca.jsonl");
    let mut bytes = fs::read(&file).unwrap();
    bytes[10] ^= 1;
    fs::write(&file, bytes).unwrap();
    let finished = sandbox.run(&["store", "verify", "--store", "shared"]);
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    let key = entry.file_name().unwrap().to_str().unwrap();
    let line = format!("damaged: verdicts {key} (shared/verdicts/{key}/slimorca.jsonl: ");
    assert!(finished.stdout.starts_with(&line), "{}", finished.stdout);
    assert!(finished.stderr.contains("1 of "), "{}", finished.stderr);
    // A file of another size is seen without a look into it.
    fs::write(&file, "short").unwrap();
    let listed = said(&sandbox, &["store", "ls", "--store", "shared"]);
    assert!(listed.contains("damaged: 5 bytes, not "), "{listed}");
}

#[test]
fn a_store_or_a_run_that_is_none_is_a_usage_error() {
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    fs::create_dir_all(sandbox.path().join("run/store")).unwrap();
    sandbox.write("run/store/thesis.txt", "mine");
    insta::assert_snapshot!(sandbox.run(&["store", "ls", "--store", "absent"]).error(), @"
    exit 2
    error: --store absent: there is no store
    ");
    insta::assert_snapshot!(sandbox.run(&["store", "du", "--out", "absent"]).error(), @"
    exit 2
    error: --out absent/store: there is no store
    ");
    insta::assert_snapshot!(sandbox.run(&["store", "verify", "--out", "run"]).error(), @"
    exit 2
    error: run/store is no store and not empty: it holds `thesis.txt`; give --store an empty or a new folder
    ");
    let args = ["store", "gc", "--store", "run/store", "--out", "run", "--delete"];
    insta::assert_snapshot!(sandbox.run(&args).error(), @"
    exit 2
    error: run/store is no store and not empty: it holds `thesis.txt`; give --store an empty or a new folder
    ");
    fs::remove_file(sandbox.path().join("run/store/thesis.txt")).unwrap();
    fs::write(sandbox.path().join("run/store/lock"), "").unwrap();
    insta::assert_snapshot!(sandbox.run(&args).error(), @"
    exit 2
    error: --out run: it has no config.toml, so nobody knows which stages it needs
    ");
}
