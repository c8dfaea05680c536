//! Whether verbs say what a user would otherwise miss.

use std::fs;

use serde_json::{Value, json};
use whole_program::{Sandbox, prompts, row};

mod common;

fn study() -> Sandbox {
    Sandbox::with_study(env!("CARGO_BIN_EXE_program"))
}

#[test]
fn a_quick_run_takes_no_plan() {
    let sandbox = study();
    let finished = sandbox.run(&["ablate", "--quick", "--plan", "plan.jsonl"]);
    assert_eq!(finished.code, Some(2));
    let said = "'--quick' cannot be used with '--plan <FILE>'";
    assert!(finished.stderr.contains(said), "{}", finished.stderr);
}

#[test]
fn a_file_in_the_place_of_a_folder_is_a_usage_error() {
    let sandbox = study();
    sandbox.write("file", "mine");
    let said = |args: &[&str]| {
        let finished = sandbox.run(args);
        assert_eq!(finished.code, Some(2), "{args:?}: {}", finished.stderr);
        finished.stderr
    };
    for verb in ["ablate", "plan", "status", "report"] {
        let error = said(&[verb, "--out", "file"]);
        assert_eq!(error, "error: file is a file; give a folder by --out\n", "{verb}");
    }
    let store = said(&["ablate", "--config", "study.toml", "--out", "out", "--store", "file"]);
    assert_eq!(store, "error: --store file: it is a file; give it a folder\n");
    assert_eq!(sandbox.read("file"), "mine");
}

/// A folder in which nothing can be made, whoever asks.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_made_is_refused_before_the_work() {
    let sandbox = common::with_model();
    let output = "/proc/seal-output.jsonl";
    for verb in ["score", "select"] {
        let args =
            [verb, "--model", "absent", "--data", "train.jsonl", "--safe", "safe.jsonl", "--file"];
        let args = if verb == "score" { [&args[..5], &args[7..]].concat() } else { args.to_vec() };
        let finished = sandbox.run(&[&args[..], &[output]].concat());
        assert_eq!(finished.code, Some(1), "{verb}: {}", finished.stderr);
        assert!(finished.stderr.starts_with(&format!("error: {output}: ")), "{}", finished.stderr);
    }
}

#[test]
fn status_tells_results_from_those_of_other_settings() {
    let sandbox = study();
    let status = |more: &[&str]| {
        let args = [&["status", "--config", "study.toml", "--out", "out"], more].concat();
        sandbox.run(&args).stdout
    };
    let command = "`cargo xtask ablate` with the same options";
    assert!(status(&[]).ends_with(&format!("no results yet: {command} makes them\n")));
    sandbox.ablate("out", &[]);
    assert!(status(&[]).ends_with("results of 4 arms with seeds [0]\n"), "{}", status(&[]));
    let other = status(&["--set", "sft.epochs=1"]);
    let said = "these results are of an earlier run with other settings";
    assert!(other.contains(said) && other.contains(command), "{other}");
}

#[test]
fn the_list_of_rows_left_out_is_named() {
    let sandbox = study();
    let none = sandbox.ablate("out", &[]).stdout;
    assert!(!none.contains("rows left out"), "{none}");
    let long = row(&"What is 1 plus 2? ".repeat(40), "It is 3.", Some(false));
    let mut rows = prompts(100, 140, true, true);
    rows.push(long);
    sandbox.write_rows("train.jsonl", &rows);
    let some = sandbox.ablate("out", &[]).stdout;
    assert!(some.contains("\nrows left out  out/left-out.jsonl\n"), "{some}");
    assert!(sandbox.path().join("out/left-out.jsonl").exists());
}

#[test]
fn a_config_in_the_run_folder_keeps_its_comments() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    let mine = format!("# mine\n{}", sandbox.read("out/config.toml"));
    sandbox.write("out/config.toml", &mine);
    let args = ["ablate", "--config", "out/config.toml", "--out", "out"];
    let same = sandbox.run(&args);
    assert_eq!(same.code, Some(0), "{}", same.stderr);
    assert_eq!(sandbox.read("out/config.toml"), mine);
    // With other settings than the file's it is written anew, and that is said.
    sandbox.write("out/config.toml", &format!("# again\n{mine}"));
    let other = sandbox.run(&[&args[..], &["--set", "sft.epochs=1"]].concat());
    assert_eq!(other.code, Some(0), "{}", other.stderr);
    let said = "note: out/config.toml: no run wrote it as it is; that of this run takes its \
                place, and it is now out/set-aside/config.toml-1\n";
    assert!(other.stderr.contains(said), "{}", other.stderr);
    assert_eq!(sandbox.read("out/set-aside/config.toml-1"), format!("# again\n{mine}"));
}

#[test]
fn a_config_that_may_have_been_edited_is_said() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    let known = sandbox.run(&["status", "--out", "out"]);
    assert_eq!((known.code, known.stderr.as_str()), (Some(0), ""));
    fs::remove_file(sandbox.path().join("out/study.json")).unwrap();
    let unknown = sandbox.run(&["status", "--out", "out"]);
    assert_eq!(unknown.code, Some(0), "{}", unknown.stderr);
    let said = "out/config.toml: it is used, and may have been edited: study.json";
    assert!(unknown.stderr.starts_with(said), "{}", unknown.stderr);
}

#[test]
fn only_the_setting_at_fault_is_named() {
    let sandbox = study();
    let error = |settings: &[&str]| {
        let set = settings.iter().flat_map(|setting| ["--set", *setting]);
        let args: Vec<&str> = ["plan", "--config", "study.toml"].into_iter().chain(set).collect();
        let finished = sandbox.run(&args);
        assert_eq!(finished.code, Some(2), "{}", finished.stdout);
        finished.stderr
    };
    let one = error(&["sft.epochs=1", "sft.batch=many", "base.epochs=1"]);
    assert!(one.starts_with("error: --set sft.batch=many: "), "{one}");
    assert!(!one.contains("epochs"), "{one}");
    let unknown = error(&["sft.epochs=1", "sft.epoch=1"]);
    assert!(unknown.starts_with("error: --set sft.epoch=1: "), "{unknown}");
    assert!(unknown.contains("did you mean `epochs`?"), "{unknown}");
    let form = error(&["sft.epochs=1", "sft.batch"]);
    assert!(form.starts_with("error: --set takes KEY=VALUE"), "{form}");
    assert!(form.contains("got `sft.batch`"), "{form}");
}

#[test]
fn rows_that_cannot_be_read_are_among_those_that_select_counts() {
    let sandbox = common::with_model();
    let rows = sandbox.read("train.jsonl");
    // More than are listed one by one.
    let odd = "{\"prompt\": \"Open the one?\"}\n".repeat(120);
    sandbox.write("odd.jsonl", &format!("{rows}{odd}"));
    let args = ["select", "--model", "model", "--data", "odd.jsonl"];
    let printed = common::run(&sandbox, &args);
    assert!(printed.contains("rows 40\nleft_out 0\nunusable 120\nkept 32\n"), "{printed}");
    let stored = ["select", "--selector", "selector.jsonl", "--data", "odd.jsonl"];
    let printed = common::run(&sandbox, &stored);
    assert!(printed.contains("unknown 0\nunusable 120\n"), "{printed}");
}

#[test]
fn a_study_says_at_its_end_which_parts_of_rows_are_not_used() {
    let sandbox = study();
    let talk = |row: &Value| {
        let turn = |role: &str, content: &Value| json!({"role": role, "content": content});
        let messages = [turn("user", &row["prompt"]), turn("assistant", &row["response"])];
        json!({"messages": messages, "unsafe": row["unsafe"]})
    };
    let mut rows: Vec<Value> = prompts(100, 140, true, true).iter().map(talk).collect();
    rows[0]["source"] = json!("a book");
    let system = json!({"role": "system", "content": "Be brief."});
    rows[1]["messages"].as_array_mut().unwrap().insert(0, system);
    sandbox.write_rows("train.jsonl", &rows);
    let plan = sandbox.run(&["plan", "--config", "study.toml"]).stdout;
    assert!(plan.contains("\nabout the rows:\n  "), "{plan}");
    assert!(plan.contains("fields that are not used: `source` in 1 rows"), "{plan}");
    let closing = sandbox.ablate("out", &[]).stdout;
    assert!(closing.contains("fields that are not used: `source` in 1 rows"), "{closing}");
    assert!(closing.contains("rows have a system turn"), "{closing}");
    assert!(closing.contains("(rows 1, of 40)"), "{closing}");
    let quiet = sandbox.ablate("quiet", &["-q"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}
