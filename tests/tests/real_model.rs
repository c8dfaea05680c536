//! A chat model that people use, through the verbs: text, losses, adapters and training against
//! transformers and PEFT (`tests/reference/real_model.py`). `SEAL_MODEL` names the model's folder,
//! as `tests/reference/smollm2_folder.py` makes it.

#![allow(clippy::print_stdout, reason = "skipped tests are counted by what they print")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::{lines, run};
use serde_json::Value;
use whole_program::Sandbox;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/seal-lm/tests/golden/real_model")
}

/// The model, a sandbox with its rows, and the expected figures; `None`, with a line, without it.
struct Setting {
    model: String,
    sandbox: Sandbox,
    expected: Value,
}

fn setting(test: &str) -> Option<Setting> {
    let Some(model) = std::env::var_os("SEAL_MODEL") else {
        println!("skipped: {test} needs SEAL_MODEL, the folder of SmolLM2-135M-Instruct");
        return None;
    };
    let model = std::path::absolute(model).expect("the folder has a place");
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    let read = |name: &str| std::fs::read_to_string(golden().join(name)).expect("a golden file");
    sandbox.write("rows.jsonl", &read("rows.jsonl"));
    let expected = serde_json::from_str(&read("expected.json")).expect("JSON");
    let model = model.to_str().expect("a path in UTF-8").to_owned();
    Some(Setting { model, sandbox, expected })
}

impl Setting {
    /// Runs a verb on the rows with the template of the model.
    fn verb(&self, verb: &str, more: &[&str]) -> String {
        let start = [verb, "--model", &self.model, "--template", "chat", "--data", "rows.jsonl"];
        run(&self.sandbox, &[&start[..], more].concat())
    }

    /// Losses of the rows, by id, in the order of ids.
    fn losses(&self, more: &[&str]) -> BTreeMap<String, f64> {
        let found = lines(&self.verb("score", more));
        let one = |row: &Value| {
            (row["id"].as_str().expect("an id").to_owned(), row["nll"].as_f64().expect("a loss"))
        };
        found.iter().map(one).collect()
    }

    /// Expected numbers of a key.
    fn numbers(&self, key: &str) -> Vec<f64> {
        self.expected[key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    }
}

/// Ids of the rows, in their order.
fn ids(setting: &Setting) -> Vec<String> {
    let rows = lines(&setting.sandbox.read("rows.jsonl"));
    let id = |row: &Value| {
        let [prompt, response] = ["prompt", "response"].map(|key| row[key].as_str().unwrap());
        seal_rows::RowId::of(prompt, response, 0).to_string()
    };
    rows.iter().map(id).collect()
}

fn assert_close(got: f64, want: f64, within: f64, what: &str) {
    assert!((got / want - 1.0).abs() < within, "{what}: {got} {want}");
}

#[test]
fn a_real_model_gives_the_text_and_losses_of_transformers() {
    let Some(s) = setting("a_real_model_gives_the_text_and_losses_of_transformers") else { return };
    let ids = ids(&s);
    let losses = s.losses(&[]);
    assert_eq!((ids.len(), losses.len()), (20, 20));
    for (id, want) in ids.iter().zip(s.numbers("row_nll")) {
        assert_close(losses[id], want, 1e-5, id);
    }

    let greedy = s.expected["greedy"].as_array().unwrap();
    s.verb("generate", &["--file", "answers.jsonl", "--set", "generate.max_new_tokens=24"]);
    let answers: BTreeMap<String, Value> = lines(&s.sandbox.read("answers.jsonl"))
        .into_iter()
        .map(|row| (row["instruction"].as_str().expect("a prompt").to_owned(), row))
        .collect();
    let rows = lines(&s.sandbox.read("rows.jsonl"));
    let mut compared = 0;
    for (row, want) in rows.iter().zip(greedy) {
        // Where two tokens are as good as equal, rounding chooses.
        if want["gap"].as_f64().unwrap() > 1e-3 {
            let got = &answers[row["prompt"].as_str().unwrap()];
            assert_eq!(got["output"], want["text"]);
            assert_eq!(got["finish"] == "stop", want["stopped"].as_bool().unwrap());
            compared += 1;
        }
    }
    assert!(compared >= 18, "{compared} answers have no near tie");
}

#[test]
fn adapters_of_peft_on_a_real_model() {
    let Some(s) = setting("adapters_of_peft_on_a_real_model") else { return };
    let peft = golden().join("adapter");
    let peft = peft.to_str().unwrap();
    let losses = s.losses(&["--adapter", peft]);
    for (id, want) in ids(&s).iter().zip(s.numbers("adapter_row_nll")) {
        assert_close(losses[id], want, 1e-5, id);
    }

    // Training goes on from it, one step on all rows an epoch, as PyTorch trains.
    let training = &s.expected["training"];
    let sets = [
        format!("sft.epochs={}", training["epochs"]),
        format!("sft.optim.lr={}", training["lr"]),
        format!("sft.optim.max_grad_norm={}", training["max_grad_norm"]),
        "sft.batch=20".to_owned(),
    ];
    let mut args = vec!["--adapter", peft, "--out", "tuned"];
    args.extend(sets.iter().flat_map(|set| ["--set", set.as_str()]));
    s.verb("sft", &args);
    let record = s.sandbox.json("tuned/seal-training.json");
    let got = record["losses"].as_array().expect("losses of epochs");
    let want = training["losses"].as_array().unwrap();
    assert_eq!(got.len(), want.len());
    for (epoch, (got, want)) in got.iter().zip(want).enumerate() {
        let what = format!("loss of epoch {epoch}");
        assert_close(got.as_f64().unwrap(), want.as_f64().unwrap(), 1e-4, &what);
    }
    // The trained adapter has PEFT's rank and alpha, on the same layers by their whole names.
    let ours = s.sandbox.json("tuned/adapter_config.json");
    assert_eq!((ours["r"].as_u64(), ours["lora_alpha"].as_f64()), (Some(2), Some(4.0)));
    let layers = ours["target_modules"].as_array().expect("a list of layers");
    assert_eq!(layers.len(), 3 * 7, "three blocks have adapters");
    let tuned = s.losses(&["--adapter", "tuned"]);
    let mean = |x: &BTreeMap<String, f64>| x.values().sum::<f64>() / x.len() as f64;
    let last = want.last().and_then(Value::as_f64).unwrap();
    assert!(mean(&tuned) < last, "{} {last}", mean(&tuned));
}
