//! What bad input gets: one clear message and the documented exit code.

use whole_program::{Finished, Sandbox, prompts, row};

fn study() -> Sandbox {
    Sandbox::with_study(env!("CARGO_BIN_EXE_program"))
}

/// The study with one more option; it must not have begun.
fn refused(sandbox: &Sandbox, args: &[&str]) -> Finished {
    let all = [&["ablate", "--config", "study.toml", "--out", "out"], args].concat();
    let finished = sandbox.run(&all);
    assert!(!sandbox.path().join("out").exists(), "{}", finished.stderr);
    finished
}

#[test]
fn an_unknown_key_gets_the_nearest_known_one() {
    let sandbox = study();
    insta::assert_snapshot!(refused(&sandbox, &["--set", "sft.epoch=3"]).error(), @"
    exit 2
    error: --set sft.epoch=3: sft: unknown field `epoch`, expected one of `epochs`, `batch`, `micro_batch`, `recompute`, `optim`, `lora`; did you mean `epochs`?
    ");
    sandbox.write("study.toml", &whole_program::CONFIG.replace("keep = 0.8", "kep = 0.8"));
    insta::assert_snapshot!(refused(&sandbox, &[]).error(), @"
    exit 2
    error: study.toml: selection: unknown field `kep`, expected one of `method`, `keep`, `append`, `guard`, `unsafe_dose`; did you mean `keep`?
    ");
}

#[test]
fn a_missing_config() {
    let finished = study().run(&["ablate", "--config", "stdy.toml"]);
    insta::assert_snapshot!(finished.error(), @"
    exit 2
    error: cannot read the config stdy.toml: No such file or directory (os error 2)
    ");
}

#[test]
fn values_out_of_range() {
    let sandbox = study();
    insta::assert_snapshot!(refused(&sandbox, &["--set", "selection.keep=1.5"]).error(), @"
    exit 2
    error: selection.keep = 1.5: the share kept is in (0, 1]
    ");
    insta::assert_snapshot!(refused(&sandbox, &["--set", "bilevel.gamma=1.0"]).error(), @"
    exit 2
    error: bilevel.gamma must stay in [0, 1), reaches 1
    ");
    insta::assert_snapshot!(refused(&sandbox, &["--set", "sft.epochs=many"]).error(), @r#"
    exit 2
    error: --set sft.epochs=many: sft.epochs: invalid type: string "many", expected a whole number, 0 or more
    "#);
    insta::assert_snapshot!(refused(&sandbox, &["--seeds", "0,0"]).error(), @"
    exit 2
    error: study.seeds = [0, 0]: give at least one seed, each once
    ");
    insta::assert_snapshot!(refused(&sandbox, &["--limit", "0"]).error(), @"
    exit 2
    error: study.limit: 0 rows leave nothing to train on
    ");
}

/// None of them is a panic, an abort, or a run that never ends.
#[test]
fn huge_numbers_are_refused_by_key() {
    let sandbox = study();
    for (section, field) in [
        ("bilevel", "batch"),
        ("bilevel", "epochs"),
        ("bilevel", "micro_batch"),
        ("sft", "batch"),
        ("sft", "epochs"),
        ("base", "epochs"),
        ("generate", "batch"),
        ("model", "hidden_size"),
        ("model", "num_hidden_layers"),
        ("model", "num_attention_heads"),
        ("model", "num_key_value_heads"),
        ("model", "intermediate_size"),
        ("model", "max_position_embeddings"),
    ] {
        for n in ["9223372036854775807", "4611686018427387904"] {
            let set = format!("{section}.{field}={n}");
            let finished = refused(&sandbox, &["--set", &set]);
            assert_eq!(finished.code, Some(2), "{set}: {}", finished.stderr);
            let said = [
                format!("{section}.{field} = {n}: at most "),
                format!("{section}: {field} must be "),
            ];
            let is_said = said.iter().any(|words| finished.stderr.contains(words));
            assert!(is_said, "{set}: {}", finished.stderr);
        }
    }
    let lora = |r: &str, alpha: &str| {
        let lora = format!("bilevel.lora={{r={r},lora_alpha={alpha},target_modules=[\"q_proj\"]}}");
        refused(&sandbox, &["--set", &lora]).error()
    };
    insta::assert_snapshot!(lora("65537", "1"), @"
    exit 2
    error: bilevel.lora.r = 65537: at most 65536
    ");
    insta::assert_snapshot!(lora("4", "1e300"), @r#"
    exit 2
    error: --set bilevel.lora={r=4,lora_alpha=1e300,target_modules=["q_proj"]}: bilevel.lora.lora_alpha = 1e300: at most 1e12
    "#);
}

#[test]
fn plans_that_cannot_be_run() {
    let sandbox = study();
    let plan = |part: &str, action: &str, metric: &str, value: &str| {
        sandbox.write(
            "plan.jsonl",
            &format!(
                r#"{{"name": "n", "ablated_part": "{part}", "action": "{action}", "replacement": [{value}], "metrics": ["{metric}"]}}"#
            ),
        );
        refused(&sandbox, &[]).error()
    };
    insta::assert_snapshot!(plan("optimizer", "REPLACE", "HEx-PHI win rate", "1"), @"
    exit 2
    error: plan.jsonl:1: unknown ablated_part `optimizer`; known parts: keep fraction, penalty strength
    ");
    insta::assert_snapshot!(plan("gamma", "REMOVE", "HEx-PHI win rate", "1"), @"
    exit 2
    error: plan.jsonl:1: action `REMOVE` cannot be run; known actions: REPLACE
    ");
    insta::assert_snapshot!(plan("gamma", "REPLACE", "bleu", "0.1"), @"
    exit 2
    error: plan.jsonl:1: unknown metric `bleu`; known metrics: HEx-PHI win rate, SlimOrca win rate
    ");
    insta::assert_snapshot!(plan("gamma", "REPLACE", "HEx-PHI win rate", "1.5"), @"
    exit 2
    error: plan: penalty strength `1.5`: bilevel.gamma must stay in [0, 1), reaches 1.5
    ");
    insta::assert_snapshot!(refused(&sandbox, &["--plan", "absent.jsonl"]).error(), @"
    exit 2
    error: cannot read the plan absent.jsonl: No such file or directory (os error 2); besides a path, study.plan may be builtin:missing-ablations or none
    ");
}

#[test]
fn a_missing_data_file() {
    let sandbox = study();
    std::fs::remove_file(sandbox.path().join("train.jsonl")).unwrap();
    insta::assert_snapshot!(refused(&sandbox, &[]).error(), @"
    exit 3
    error: data set `fine_tuning`: ./train.jsonl: no such file; relative paths start at `data.root`
    ");
}

#[test]
fn rows_of_the_wrong_type_are_named() {
    let sandbox = study();
    let mut rows = prompts(100, 140, true, true);
    rows.iter_mut().for_each(|row| row["response"] = 7.into());
    sandbox.write_rows("train.jsonl", &rows);
    insta::assert_snapshot!(refused(&sandbox, &[]).error(), @"
    exit 3
    error: data set `fine_tuning`: ./train.jsonl: no usable row (40 dropped: 40 as a field is of another kind than it should be; the first at fault: line 1, row 1, field `response` or `answer` or `completion`: found a number, expected a string); correct the file, its split or skip
    ");
}

#[test]
fn a_line_that_is_no_json_is_named() {
    let sandbox = study();
    sandbox.write("train.jsonl", "{\"prompt\": \n{\"prompt\": \n");
    insta::assert_snapshot!(refused(&sandbox, &[]).error(), @"
    exit 3
    error: data set `fine_tuning`: ./train.jsonl, line 1: not valid JSON (column 11): EOF while parsing a value
    ");
    // Among rows it stops nothing, and is said.
    sandbox.write("train.jsonl", "{\"prompt\": \"a\", \"response\": \"b\"}\n{\"prompt\": ");
    let said = sandbox.run(&["plan", "--config", "study.toml"]).stderr;
    insta::assert_snapshot!(said, @"data set `fine_tuning`: train.jsonl: 1 rows left out (1 as the file ends inside this row, so it may be cut), the first on line 2");
}

#[test]
fn an_empty_data_set() {
    let sandbox = study();
    sandbox.write("safe.jsonl", "");
    insta::assert_snapshot!(refused(&sandbox, &[]).error(), @"
    exit 3
    error: data set `safe`: ./safe.jsonl: no usable row (0 dropped); correct the file, its split or skip
    ");
}

#[test]
fn training_on_a_test_is_refused_unless_allowed() {
    let sandbox = study();
    let mut rows = prompts(100, 140, true, true);
    rows.push(row("What is 301 plus 7?", "It is 308.", Some(false)));
    sandbox.write_rows("train.jsonl", &rows);
    let finished = refused(&sandbox, &[]);
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    assert!(finished.stderr.contains("training and test data overlap"), "{}", finished.stderr);
    let plan = ["plan", "--config", "study.toml", "--set", "data.overlap=drop"];
    assert_eq!(sandbox.run(&plan).code, Some(0));
}

#[test]
fn the_folder_of_another_study() {
    let sandbox = study();
    std::fs::create_dir(sandbox.path().join("theirs")).unwrap();
    sandbox.write("theirs/study.json", r#"{"format_version": 1, "study": "theirs"}"#);
    let args = ["ablate", "--config", "study.toml", "--out", "theirs"];
    insta::assert_snapshot!(sandbox.run(&args).error(), @"
    exit 2
    error: theirs holds the study `theirs`, not `tiny`; give another --out, or that study.name
    ");
    std::fs::create_dir(sandbox.path().join("home")).unwrap();
    sandbox.write("home/thesis.txt", "years of work");
    let args = ["ablate", "--config", "study.toml", "--out", "home"];
    insta::assert_snapshot!(sandbox.run(&args).error(), @"
    exit 2
    error: home is not empty and no run folder; give an empty or a new --out
    ");
    assert_eq!(std::fs::read_dir(sandbox.path().join("home")).unwrap().count(), 1);
}

#[test]
fn devices_that_are_not_there() {
    let sandbox = study();
    insta::assert_snapshot!(refused(&sandbox, &["--device", "gpu"]).error(), @"
    exit 2
    error: unknown device `gpu`: known are flex, flex:N, cuda:N, cuda:*, tch, tch:cuda:N, wgpu, wgpu:N, wgpu:integrated:N, wgpu:virtual:N, wgpu:cpu
    ");
    insta::assert_snapshot!(refused(&sandbox, &["--device", "cuda:1"]).error(), @"
    exit 4
    error: device `cuda:1`: this binary has no cuda backend, only flex; `cargo run -p xtask --features cuda -- VERB` builds one that has it
    ");
}

#[test]
fn a_report_without_results() {
    let finished = study().run(&["report", "--out", "nowhere"]);
    insta::assert_snapshot!(finished.error(), @"
    exit 2
    error: nowhere/results.json: cannot read: no results yet; run the study first
    ");
}
