//! What is known before any training is refused then: names that would be files elsewhere,
//! judges and arms that cannot work on the rows. And what a guard may not know.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use whole_program::{CONFIG, Sandbox, prompts};

fn study() -> Sandbox {
    Sandbox::with_study(env!("CARGO_BIN_EXE_program"))
}

/// The study's config with `from` replaced; `from` must be there.
fn changed(sandbox: &Sandbox, from: &str, to: &str) {
    let before = sandbox.read("study.toml");
    assert!(before.contains(from), "{from}");
    sandbox.write("study.toml", &before.replace(from, to));
}

/// Refused by `ablate`, its dry run and `plan` alike, before anything is written.
fn refused(sandbox: &Sandbox, code: i32, said: &str) {
    let all = ["--config", "study.toml", "--out", "out"];
    for (verb, more) in [("plan", None), ("ablate", Some("--dry-run")), ("ablate", None)] {
        let mut args = vec![verb];
        args.extend(all);
        args.extend(more);
        let finished = sandbox.run(&args);
        assert_eq!(finished.code, Some(code), "{args:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(said), "{args:?}: {}", finished.stderr);
        assert!(!sandbox.path().join("out").exists(), "{args:?}");
    }
}

#[test]
fn a_tests_name_stays_in_its_folder() {
    for name in ["../../../evil", "/tmp/evil", "a/b", "..", "a\\\\b", "con"] {
        let sandbox = study();
        changed(&sandbox, "hexphi = [{ path", &format!("\"{name}\" = [{{ path"));
        changed(&sandbox, "[judge.hexphi]", &format!("[judge.\"{name}\"]"));
        changed(&sandbox, "hexphi = [\"HEx-PHI win rate\"]", "");
        refused(&sandbox, 2, "data.test: ");
    }
    let sandbox = study();
    changed(&sandbox, "hexphi = [{ path", "SlimOrca = [{ path");
    changed(&sandbox, "[judge.hexphi]", "[judge.SlimOrca]");
    refused(&sandbox, 2, "differ in case alone");
}

#[test]
fn an_arms_name_stays_in_its_folder() {
    let sandbox = study();
    changed(&sandbox, "id = \"gamma-{}\"", "id = \"../gamma-{}\"");
    refused(&sandbox, 2, "arms: \"../gamma-0.1\" cannot name a file");
    let sandbox = study();
    changed(&sandbox, "id = \"keep-{}\"", "id = \"{}\"");
    sandbox.write(
        "plan.jsonl",
        r#"{"name": "n", "ablated_part": "keep fraction", "action": "REPLACE", "replacement": [".."], "metrics": []}"#,
    );
    refused(&sandbox, 2, "");
    let sandbox = study();
    changed(&sandbox, "id = \"no-unsafe\"", "id = \"SEAL\"");
    refused(&sandbox, 2, "`seal` and `SEAL` differ in case alone");
}

#[test]
fn judges_that_cannot_work_on_the_rows() {
    let sandbox = study();
    changed(
        &sandbox,
        "kind = \"refusal-margin\"\nrefusals = [\"I will not open it.\"]\nopenings = [\"It is open.\"]",
        "kind = \"rules\"\nrefusals = [\"I will not\"]",
    );
    refused(&sandbox, 3, "test `hexphi`: judge `rules`: 4 of the test's 4 rows have no label");

    let sandbox = study();
    changed(&sandbox, "kind = \"answer-likelihood\"", "kind = \"preference-margin\"");
    refused(&sandbox, 3, "test `slimorca`: judge `preference-margin`: 16 of the test's 16 rows");

    let sandbox = study();
    let bare: Vec<Value> = prompts(300, 310, false, false)
        .iter()
        .map(|r| serde_json::json!({"prompt": r["prompt"]}))
        .collect();
    sandbox.write_rows(
        "test.jsonl",
        bare.iter().filter(|r| !r["prompt"].as_str().unwrap().starts_with("Open")),
    );
    changed(
        &sandbox,
        "slimorca = [{ path = \"test.jsonl\" }]",
        "slimorca = [{ path = \"test.jsonl\", format = \"instructions\" }]",
    );
    refused(&sandbox, 3, "have no reference answer");
}

#[test]
fn arms_that_cannot_work_on_the_rows() {
    let arm = |set: &str| {
        let sandbox = study();
        let more = format!(
            "\n[[arms]]\nid = \"odd\"\nlabel = \"Odd\"\nrole = \"control\"\nset = {{ {set} }}\n"
        );
        sandbox.write("study.toml", &(CONFIG.to_owned() + &more));
        sandbox
    };
    let released =
        "\"bilevel.algorithm\" = \"released\", \"bilevel.rate\" = 0.005, \"bilevel.batch\" = 30";
    refused(
        &arm(released),
        2,
        "arm `odd`: bilevel.batch = 30, but the fine-tuning set has 40 rows",
    );
    let growing = "\"bilevel.gamma\" = { start = 0.0, increment = 0.2, per = \"step\" }";
    refused(&arm(growing), 2, "arm `odd`: bilevel.gamma must stay in [0, 1)");
    let words = "\"selection.method\" = \"guard\", \"selection.guard\" = { kind = \"rules\", words = [\"what\", \"open\"] }";
    refused(&arm(words), 2, "arm `odd`: selection.guard.words are in all 40 rows");
    refused(
        &arm(
            "\"data.test\" = { slimorca = [{ path = \"test.jsonl\", take = 3 }], hexphi = [{ path = \"asks.jsonl\", empty_answers = \"keep\" }] }",
        ),
        2,
        "arm `odd` has other tests",
    );

    // Of the built-in world.
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    let config = include_str!("../../configs/world.toml");
    let more = "\n[[arms]]\nid = \"odd\"\nlabel = \"Odd\"\nrole = \"control\"\nset = { \"world.seed\" = 1 }\n";
    sandbox.write("study.toml", &(config.to_owned() + more));
    refused(&sandbox, 2, "arm `odd` has other tests than the reference");
}

#[test]
fn a_guard_never_reads_a_label() {
    let guard = "\n[[arms]]\nid = \"guard\"\nlabel = \"Guard\"\nrole = \"control\"\n\
        set = { \"selection.method\" = \"guard\", \"selection.guard\" = { kind = \"rules\", words = [\"open\"], refusals = [\"I will not\"] } }\n";
    let kept = |swap: bool| {
        let sandbox = study();
        sandbox.write("study.toml", &(CONFIG.to_owned() + guard));
        let mut rows = prompts(100, 140, true, true);
        // One that the words do not catch, and one that is refused.
        rows[0]["response"] = "I will not say.".into();
        for row in rows.iter_mut().filter(|_| swap) {
            row["unsafe"] = (!row["unsafe"].as_bool().unwrap()).into();
        }
        sandbox.write_rows("train.jsonl", &rows);
        sandbox.ablate("out", &["--plan", "none"]);
        let cell = "out/cells/guard/seed-0/kept.jsonl";
        let lines = sandbox.read(cell);
        let prompt = |line: &str| -> String {
            let row: Value = serde_json::from_str(line).unwrap();
            row["id"].as_str().unwrap().to_owned()
        };
        lines.lines().map(prompt).collect::<BTreeSet<String>>()
    };
    let (own, swapped) = (kept(false), kept(true));
    assert_eq!(own, swapped);
    assert_eq!(own.len(), 33, "32 sums and a refusal of 40 rows");

    let sandbox = study();
    let by_label = guard.replace(", words = [\"open\"]", "");
    sandbox.write("study.toml", &(CONFIG.to_owned() + &by_label));
    refused(&sandbox, 2, "a guard reads the texts of a row and never its label");
}

#[test]
fn the_oracle_is_called_a_ceiling() {
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    let plan = r#"{"name": "n", "ablated_part": "selection method", "action": "REPLACE", "replacement": ["guard"], "metrics": []}"#;
    sandbox.write("plan.jsonl", plan);
    let only = "study.only=[\"guard\"]";
    let planned = sandbox.run(&["plan", "--plan", "plan.jsonl", "--limit", "40", "--set", only]);
    assert_eq!(planned.code, Some(0), "{}", planned.stderr);
    assert!(planned.stdout.contains("guard selection (oracle: a ceiling)"), "{}", planned.stdout);
}

/// Two studies on one store: each adapter names its own base.
#[test]
fn an_adapter_names_the_base_of_its_own_study() {
    let sandbox = study();
    let lora = "[sft.lora]\nr = 2\nlora_alpha = 4\nlora_dropout = 0.0\ntarget_modules = [\"all-linear\"]\n[generate]";
    changed(&sandbox, "[generate]", lora);
    let base = |out: &str, name: &str| {
        sandbox.ablate(
            out,
            &["--store", "store", "--plan", "none", "--set", &format!("study.name={name}")],
        );
        let file = format!("{out}/cells/seal/seed-0/adapter_config.json");
        sandbox.json(&file)["base_model_name_or_path"].as_str().unwrap().to_owned()
    };
    assert_eq!(base("one", "first"), "first");
    assert_eq!(base("two", "second"), "second");
}

#[test]
fn metrics_are_those_of_the_studys_tests() {
    let sandbox = study();
    let plan = |metric: &str| {
        let line = serde_json::json!({"name": "g", "ablated_part": "gamma", "action": "REPLACE",
            "replacement": ["0.1"], "metrics": [metric]});
        sandbox.write("plan.jsonl", &line.to_string());
        sandbox.run(&["plan", "--config", "study.toml"])
    };
    // [metrics] left out: names are those of the built-in config where a test has its name.
    let config = sandbox.read("study.toml");
    let (before, rest) = config.split_once("[metrics]").unwrap();
    let after = &rest[rest.find("[[arms]]").unwrap()..];
    let own = format!("{before}{after}").replace("slimorca", "helpful");
    sandbox.write("study.toml", &own);
    assert_eq!(plan("helpful win rate").code, Some(0), "{}", plan("helpful win rate").stderr);
    assert_eq!(plan("HEx-PHI win rate").code, Some(0));
    let refused = plan("SlimOrca win rate");
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("known metrics: helpful win rate, HEx-PHI win rate")
            || refused.stderr.contains("known metrics: HEx-PHI win rate, helpful win rate"),
        "{}",
        refused.stderr
    );
    sandbox.write(
        "study.toml",
        &own.replace(
            "[[arms]]\nid = \"standard-sft\"",
            "[metrics]\nhelpfull = [\"H\"]\n[[arms]]\nid = \"standard-sft\"",
        ),
    );
    let misspelt = plan("helpful win rate");
    assert!(misspelt.stderr.contains("did you mean `helpful`?"), "{}", misspelt.stderr);
}

#[test]
fn numbers_and_keys_are_refused_by_their_names() {
    let sandbox = study();
    let error = |args: &[&str]| {
        let all = [&["plan", "--config", "study.toml"], args].concat();
        let finished = sandbox.run(&all);
        assert_eq!(finished.code, Some(2), "{args:?}: {}", finished.stderr);
        finished.stderr
    };
    for set in [
        "bilevel.batch=9223372036854775807",
        "sft.epochs=4000000000",
        "model.hidden_size=1000000000",
        "model.max_position_embeddings=1000000000",
        "generate.max_new_tokens=5000000000",
        "sft.optim.lr=inf",
        "tokenizer.vocab_size=99999999999",
        "bilevel.lora={ r = 1000000000, lora_alpha = 1.0, lora_dropout = 0.0, target_modules = [\"all-linear\"] }",
    ] {
        let key = set.split('=').next().unwrap();
        let section = key.split('.').next().unwrap();
        let said = error(&["--set", set]);
        assert!(said.contains(section) && !said.contains("panicked"), "{set}: {said}");
    }
    assert!(error(&["--seeds", "9223372036854775808"]).contains("--seeds 9223372036854775808"));
    // A typo in a binding or in [quick] is found, used or not.
    let config = sandbox.read("study.toml");
    sandbox.write(
        "study.toml",
        &config.replace("key = \"selection.keep\"", "key = \"selection.kep\""),
    );
    assert!(error(&[]).contains("did you mean `keep`?"));
    sandbox.write("study.toml", &format!("{config}\n[quick]\nset = {{ \"sft.epoch\" = 1 }}\n"));
    assert!(error(&[]).contains("did you mean `epochs`?"));
    fs::remove_file(sandbox.path().join("study.toml")).unwrap();
}

#[test]
fn the_built_in_plan_runs_on_tests_of_ones_own() {
    let sandbox = Sandbox::with_study(env!("CARGO_BIN_EXE_program"));
    let config = whole_program::CONFIG.replace("hexphi", "harmful").replace("slimorca", "helpful");
    // The metrics are then those of the study's tests.
    let (before, after) = config.split_once("[metrics]").unwrap();
    let after = after.split_once("[[arms]]").unwrap().1;
    let bindings = before.split_once("[bindings").unwrap().0;
    sandbox.write("own.toml", &format!("{bindings}[[arms]]{after}"));
    let plan = ["plan", "--config", "own.toml", "--plan", "builtin:missing-ablations"];
    let finished = sandbox.run(&plan);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stdout.contains("gamma-0.05"), "{}", finished.stdout);
}
