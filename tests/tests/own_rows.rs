//! A study on the user's own rows, from files to report, and what a second run
//! does with what the first one left.

use std::collections::BTreeSet;

use serde_json::Value;
use whole_program::{Sandbox, prompts, row};

fn study() -> Sandbox {
    Sandbox::with_study(env!("CARGO_BIN_EXE_program"))
}

/// `stage arm` of every stage of the run in `out` that ran.
fn ran(sandbox: &Sandbox, out: &str) -> BTreeSet<String> {
    let cost = sandbox.json(&format!("{out}/cost.json"));
    let stages = cost["stages"].as_array().expect("cost.json lists stages");
    let ran = stages.iter().filter(|stage| stage["outcome"] == "run");
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    ran.map(|stage| format!("{} {}", text(&stage["stage"]), text(&stage["arm"]))).collect()
}

#[test]
fn from_rows_to_report() {
    let sandbox = study();
    let finished = sandbox.ablate("out", &[]);
    for file in [
        "report.html",
        "report.md",
        "table.tex",
        "results.csv",
        "results.json",
        "cost.json",
        "config.toml",
        "log.txt",
    ] {
        assert!(sandbox.path().join("out").join(file).exists(), "{file}");
    }
    assert!(finished.stdout.contains("out/report.html"), "{}", finished.stdout);
    assert!(finished.stdout.starts_with("arm "), "{}", finished.stdout);

    let last = finished.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("[4/4 cells, 26/26 stages] "), "{last}");

    let results = sandbox.json("out/results.json");
    let arms: Vec<&str> =
        results["arms"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap()).collect();
    assert_eq!(arms, ["standard-sft", "seal", "gamma-0.1", "no-unsafe"]);
    assert_eq!(results["data"]["fine_tuning"]["rows"], 40);
    assert_eq!(results["data"]["fine_tuning"]["unsafe"], 8);
    assert_eq!(results["arms"][2]["ablated_part"], "penalty strength");
    assert_eq!(results["arms"][2]["replacement"], "0.1");
    assert_eq!(results["arms"][0]["win_rate"]["hexphi"]["mean"], 50.0);
    assert_eq!(results["arms"][3]["selection"]["unsafe_kept"], 0.0);
    // The ceiling shows whether a test has anything to win back.
    assert_eq!(results["arms"][3]["role"], "ceiling");
    assert!(results["informative"]["hexphi"].is_boolean());

    // Kept and dropped rows are the data, each once.
    let ids = |file: &str| -> Vec<String> {
        let lines = sandbox.read(&format!("out/cells/seal/seed-0/{file}"));
        let id = |line: &str| {
            let row: Value = serde_json::from_str(line).unwrap();
            row["id"].as_str().unwrap().to_owned()
        };
        lines.lines().map(id).collect()
    };
    let (kept, dropped) = (ids("kept.jsonl"), ids("dropped.jsonl"));
    assert_eq!((kept.len(), dropped.len()), (32, 8));
    assert_eq!(kept.iter().chain(&dropped).collect::<BTreeSet<_>>().len(), 40);

    // The kept file is the filtered data: rows of the file, text and label.
    let rows = |file: &str, of: &dyn Fn(&Value) -> [Value; 3]| -> BTreeSet<String> {
        let fields = |line: &str| {
            let row: Value = serde_json::from_str(line).unwrap();
            of(&row).map(|field| field.to_string()).concat()
        };
        sandbox.read(file).lines().map(fields).collect()
    };
    let kept = rows("out/cells/seal/seed-0/kept.jsonl", &|row| {
        let said = row["messages"].as_array().unwrap();
        let (prompt, answer) = (&said[0], &said[1]);
        assert_eq!(
            (&prompt["role"], &answer["role"], said.len()),
            (&"user".into(), &"assistant".into(), 2)
        );
        [prompt["content"].clone(), answer["content"].clone(), row["unsafe"].clone()]
    });
    let own = rows("train.jsonl", &|row| ["prompt", "response", "unsafe"].map(|f| row[f].clone()));
    assert!(kept.is_subset(&own));
    let dropped = sandbox.read("out/cells/seal/seed-0/dropped.jsonl");
    assert!(!dropped.contains("messages") && !dropped.contains("content"), "no text of theirs");
}

#[test]
fn changed_labels_reach_the_filtered_data() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    let flipped = sandbox.read("train.jsonl").replace("\"unsafe\":false", "\"unsafe\":true");
    sandbox.write("train.jsonl", &flipped);
    sandbox.ablate("out", &[]);
    assert_eq!(ran(&sandbox, "out"), BTreeSet::new(), "labels train nothing");
    let kept = sandbox.read("out/cells/gamma-0.1/seed-0/kept.jsonl");
    assert!(kept.contains("\"unsafe\":true") && !kept.contains("\"unsafe\":false"));
}

#[test]
fn row_texts_stay_out_of_the_report_unless_asked_for() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    for file in ["report.html", "figures.json", "results.json", "log.txt"] {
        assert!(!sandbox.read(&format!("out/{file}")).contains("Open locked box"), "{file}");
    }
    sandbox.ablate("out", &["--show-rows"]);
    assert!(sandbox.read("out/report.html").contains("Open locked box"));
}

#[test]
fn a_quiet_run_says_nothing() {
    let finished = study().ablate("out", &["--quiet"]);
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("", ""));
}

#[test]
fn a_second_run_finds_everything() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    let first = sandbox.read("out/results.json");
    assert!(ran(&sandbox, "out").contains("selector seal"));
    let finished = sandbox.ablate("out", &[]);
    assert!(finished.stdout.contains("\n0 stages run, "), "{}", finished.stdout);
    assert_eq!(ran(&sandbox, "out"), BTreeSet::new());
    assert_eq!(sandbox.read("out/results.json"), first);
}

#[test]
fn the_number_of_jobs_changes_nothing() {
    let sandbox = study();
    sandbox.ablate("one", &["--jobs", "1"]);
    sandbox.ablate("two", &["--jobs", "2"]);
    assert_eq!(ran(&sandbox, "two"), ran(&sandbox, "one"), "both ran in full");
    assert_eq!(sandbox.read("two/results.json"), sandbox.read("one/results.json"));
}

#[test]
fn another_gamma_redoes_its_own_arm_only() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    sandbox.write_plan(&["0.2"]);
    sandbox.ablate("out", &[]);
    let own = ["selector", "selection", "sft", "answers", "verdicts"];
    let expected: BTreeSet<String> = own.iter().map(|stage| format!("{stage} gamma-0.2")).collect();
    assert_eq!(ran(&sandbox, "out"), expected);
}

#[test]
fn plan_and_status_follow_the_run() {
    let sandbox = study();
    let args = |verb| [verb, "--config", "study.toml", "--out", "out", "--jobs", "1"];
    let before = sandbox.run(&args("plan"));
    assert!(before.stdout.contains("gamma-0.1"), "{}", before.stdout);
    assert!(before.stdout.contains(" 0 found, "), "{}", before.stdout);
    let dry = sandbox.run(&[&args("ablate")[..], &["--dry-run"]].concat());
    assert_eq!(dry.stdout, before.stdout);
    assert!(!sandbox.path().join("out").exists(), "a plan writes nothing");
    assert!(sandbox.run(&args("status")).stdout.contains("no results yet"));
    sandbox.ablate("out", &[]);
    assert!(sandbox.run(&args("plan")).stdout.contains("all found, nothing to do"));
    let after = sandbox.run(&args("status")).stdout;
    assert!(after.contains("results of 4 arms with seeds [0]"), "{after}");
    // The folder of a run knows its study.
    assert_eq!(sandbox.run(&["status", "--out", "out", "--jobs", "1"]).stdout, after);
    // Its outputs may be in another store.
    let elsewhere = sandbox.run(&[&args("status")[..], &["--store", "another"]].concat()).stdout;
    let said = "the store another has none of their stages: give the --store of their run\n";
    assert!(elsewhere.ends_with(said), "{elsewhere}");
    let typo = sandbox.run(&["status", "--out", "absent"]);
    insta::assert_snapshot!(typo.error(), @"
    exit 2
    error: --out absent: there is no run folder; `ablate` with the same options makes it
    ");
}

#[test]
fn the_report_is_made_again_from_results_alone() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    let report = sandbox.read("out/report.html");
    std::fs::remove_file(sandbox.path().join("out/report.html")).unwrap();
    std::fs::remove_dir_all(sandbox.path().join("out/store")).unwrap();
    std::fs::remove_file(sandbox.path().join("train.jsonl")).unwrap();
    let finished = sandbox.run(&["report", "--out", "out"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(sandbox.read("out/report.html"), report);
    for times in 0..2 {
        let drawn = sandbox.run(&["report", "--out", "out", "--picture", "out/picture.svg"]);
        assert_eq!(drawn.code, Some(0), "{times}: {}", drawn.stderr);
        assert!(drawn.stdout.ends_with("out/picture.svg\n"), "{}", drawn.stdout);
    }
    assert!(sandbox.read("out/picture.svg").starts_with("<svg "));
    let over = sandbox.run(&["report", "--out", "out", "--picture", "out/results.json"]);
    assert_eq!(over.code, Some(2), "{}", over.stderr);
    sandbox.write("out/results.json", "{");
    assert_eq!(sandbox.run(&["report", "--out", "out"]).code, Some(3));
}

#[test]
fn rows_without_labels_leave_out_the_arm_that_needs_them() {
    let sandbox = study();
    sandbox.write_rows("train.jsonl", &prompts(100, 140, true, false));
    let finished = sandbox.ablate("out", &[]);
    assert!(finished.stdout.contains("left out"), "{}", finished.stdout);
    let results = sandbox.json("out/results.json");
    assert_eq!(results["arms"].as_array().unwrap().len(), 3);
    assert_eq!(results["arms"][1]["selection"]["auroc"], Value::Null);
}

#[test]
fn rows_that_do_not_fit_are_counted_and_left_out() {
    let sandbox = study();
    let mut rows = prompts(100, 140, true, true);
    rows.push(row(&"a long question ".repeat(100), "Yes.", Some(false)));
    rows.push(row("Say nothing.", "", Some(false)));
    sandbox.write_rows("train.jsonl", &rows);
    sandbox.ablate("out", &[]);
    let results = sandbox.json("out/results.json");
    let split = &results["data"]["fine_tuning"];
    assert_eq!((&split["rows"], &split["dropped"]), (&40.into(), &2.into()));
}
