//! A Hugging Face model folder and files of rows: the verbs one by one, and a
//! study. The weights are a tiny Llama that transformers wrote for the tests of
//! `seal-lm`; its tokenizer here knows whole words.

mod common;

use std::fs;
use std::path::Path;

use common::{lines, run, with_model as sandbox};
use serde_json::{Value, json};
use whole_program::{Sandbox, row};

#[test]
fn from_a_folder_and_rows_to_kept_rows_and_an_adapter() {
    let sandbox = sandbox();
    let select = [
        "select",
        "--model",
        "model",
        "--data",
        "train.jsonl",
        "--safe",
        "safe.jsonl",
        "--file",
        "selector.jsonl",
        "--kept",
        "kept.jsonl",
        "--set",
        "bilevel.batch=8",
    ];
    let printed = run(&sandbox, &select);
    assert!(printed.contains("rows 40\nleft_out 0\nunusable 0\nkept 32\n"), "{printed}");
    assert!(printed.contains("auroc "), "{printed}");
    let selector = lines(&sandbox.read("selector.jsonl"));
    assert_eq!(selector.len(), 41);
    let path = selector[0]["settings"]["model"]["path"].as_str().unwrap();
    assert!(path.ends_with("/model"), "{path}");
    // What is read is never written over.
    let over = sandbox.run(&[
        "select",
        "--model",
        "model",
        "--data",
        "train.jsonl",
        "--kept",
        "train.jsonl",
        "--file",
        "other.jsonl",
    ]);
    assert_eq!(over.code, Some(2), "{}", over.stderr);
    let share =
        sandbox.run(&["select", "--model", "model", "--data", "train.jsonl", "--keep", "80"]);
    assert_eq!(share.code, Some(2), "{}", share.stderr);
    for name in ["kept.csv", "kept.jsonl.gz", "kept"] {
        let other = ["select", "--model", "model", "--data", "train.jsonl", "--kept", name];
        let other = sandbox.run(&other);
        assert_eq!(other.code, Some(2), "{}", other.stderr);
        assert!(other.stderr.contains("JSON lines"), "{}", other.stderr);
        assert!(!sandbox.path().join(name).exists());
    }
    let seeds = [
        "select",
        "--model",
        "model",
        "--data",
        "train.jsonl",
        "--file",
        "s.jsonl",
        "--seeds",
        "1,2",
    ];
    let seeds = sandbox.run(&seeds);
    assert_eq!(seeds.code, Some(2), "{}", seeds.stderr);
    // Folders are made before the work.
    let file = "new/folder/losses.jsonl";
    run(&sandbox, &["score", "--model", "model", "--data", "train.jsonl", "--file", file]);
    assert_eq!(lines(&sandbox.read(file)).len(), 40);
    // A default name is not written over.
    let unnamed = sandbox.run(&["select", "--model", "model", "--data", "train.jsonl"]);
    assert_eq!(unnamed.code, Some(2), "{}", unnamed.stderr);
    assert!(unnamed.stderr.contains("selector.jsonl exists"), "{}", unnamed.stderr);
    // Kept rows are the user's own, with every field and no other.
    let own = lines(&sandbox.read("train.jsonl"));
    let kept = lines(&sandbox.read("kept.jsonl"));
    assert_eq!(kept.len(), 32);
    assert!(kept.iter().all(|row| own.contains(row)));

    let sft = [
        "sft",
        "--model",
        "model",
        "--data",
        "kept.jsonl",
        "--out",
        "adapter",
        "--set",
        "sft.batch=8",
    ];
    let done = sandbox.run(&sft);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stderr.contains("mean training loss by epoch, in nats a token: "),
        "{}",
        done.stderr
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name: &str| {
            let file = sandbox.path().join("adapter").join(name);
            std::fs::metadata(file).unwrap().permissions().mode()
        };
        assert_eq!(mode("adapter_model.safetensors"), mode("adapter_config.json"));
    }
    let adapter = sandbox.json("adapter/adapter_config.json");
    let base = adapter["base_model_name_or_path"].as_str().unwrap();
    assert!(Path::new(base).is_absolute() && base.ends_with("model"), "{base}");
    let again = sandbox.run(&sft);
    assert_eq!(again.code, Some(2), "a folder in use is refused: {}", again.stderr);

    let score = |more: &[&str]| {
        let args = [&["score", "--model", "model", "--data", "kept.jsonl"], more].concat();
        lines(&run(&sandbox, &args))
    };
    let mean = |rows: &[Value]| {
        rows.iter().map(|row| row["nll"].as_f64().unwrap()).sum::<f64>() / rows.len() as f64
    };
    let (before, after) = (score(&[]), score(&["--adapter", "adapter"]));
    assert_eq!(before.len(), 32);
    assert!(mean(&after) < mean(&before), "{} {}", mean(&after), mean(&before));

    let generate = [
        "generate",
        "--model",
        "model",
        "--adapter",
        "adapter",
        "--data",
        "asks.jsonl",
        "--file",
        "answers.jsonl",
        "--set",
        "generate.max_new_tokens=3",
    ];
    run(&sandbox, &generate);
    let whole = sandbox.read("answers.jsonl");
    let answers = lines(&whole);
    let asked = lines(&sandbox.read("asks.jsonl"));
    assert_eq!(answers.len(), asked.len());
    assert!(answers.iter().all(|a| a["output"].is_string() && a["finish"].is_string()));
    // Half of the answers, and a line that breaks off: as a killed run leaves it.
    let cut = whole.lines().next().unwrap().len() + 1;
    sandbox.write("answers.jsonl", &whole[..cut + 9]);
    run(&sandbox, &generate);
    let mut again = lines(&sandbox.read("answers.jsonl"));
    let by_id = |row: &Value| row["id"].as_str().unwrap().to_owned();
    again.sort_by_key(by_id);
    let mut first = answers;
    first.sort_by_key(by_id);
    assert_eq!(again, first);
    // Answers of two kinds are not mixed.
    let base = sandbox.run(&[
        "generate",
        "--model",
        "model",
        "--data",
        "asks.jsonl",
        "--file",
        "answers.jsonl",
        "--set",
        "generate.max_new_tokens=3",
    ]);
    assert_eq!(base.code, Some(2), "{}", base.stderr);
}

#[test]
fn rows_as_the_model_sees_them() {
    let sandbox = sandbox();
    sandbox.write_rows("two.jsonl", &[row("What is one plus two ?", "three", None)]);
    let published = run(&sandbox, &["inspect", "--model", "model", "--data", "two.jsonl"]);
    let after_id = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    insta::assert_snapshot!(after_id(&published), @r#"
    Human: What is one plus two ? Assistant:[[ three<|end|>]]
      {"special_in_text":0,"tokens":10,"trained":2}
    "#);
    let chat = [
        "inspect",
        "--model",
        "model",
        "--data",
        "two.jsonl",
        "--template",
        "chat",
        "--format",
        "json",
    ];
    let chat = lines(&run(&sandbox, &chat));
    let trained: Vec<&str> = chat[0]["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|token| token["trained"] == true)
        .map(|token| token["text"].as_str().unwrap())
        .collect();
    assert_eq!(trained, [" three", "<|end|>"]);

    let of = |limit| {
        let data = ["inspect", "--model", "model", "--data", "train.jsonl", "--limit", limit];
        sandbox.run(&data).stderr
    };
    assert!(of("1").contains("train.jsonl has more rows"), "{}", of("1"));
    assert_eq!(of("100000"), "");
    let data = ["inspect", "--model", "model", "--data", "train.jsonl", "--ids"];
    let shown = run(&sandbox, &["inspect", "--model", "model", "--data", "train.jsonl"]);
    let id = shown.lines().next().unwrap().trim_start_matches("row ");
    assert_eq!(sandbox.run(&[&data[..], &[id]].concat()).stderr, "");
}

/// What is easily overlooked is said.
#[test]
fn another_template_few_rows_and_shared_rows_are_noticed() {
    let sandbox = sandbox();
    let data = ["--model", "model", "--data", "train.jsonl"];
    let said = |args: &[&str]| {
        let finished = sandbox.run(&[&args[..1], &data, &args[1..]].concat());
        assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
        finished.stderr
    };
    let few = "40 rows are fewer than a batch of 64";
    assert!(said(&["sft", "--out", "adapter", "--template", "Q: {}\\nA: "]).contains(few));
    let record = sandbox.json("adapter/seal-training.json");
    assert_eq!(record["template"], "Q: {}\nA: ");
    assert_eq!((&record["rows"], &record["seed"]), (&json!(40), &json!(0)));
    let card = sandbox.read("adapter/README.md");
    assert!(card.contains(r"Prompts were rendered as 'Q: {}\nA: '"), "{card}");
    let adapter_as_model = sandbox.run(&["score", "--model", "adapter", "--data", "train.jsonl"]);
    assert_eq!(adapter_as_model.code, Some(2), "{}", adapter_as_model.stderr);
    assert!(adapter_as_model.stderr.contains("is an adapter"), "{}", adapter_as_model.stderr);
    assert!(record["losses"].is_array() && record["sft"]["batch"] == 64);

    let other = r"adapter was fine-tuned with another template: --template 'Q: {}\nA: '";
    let score = ["score", "--adapter", "adapter"];
    assert!(said(&score).contains(other));
    assert!(!said(&[&score[..], &["--template", "Q: {}\\nA: "]].concat()).contains("fine-tuned"));
    assert!(!said(&[&score[..], &["--quiet"]].concat()).contains("fine-tuned"));
    // The same text in a file is no other template.
    let template = "{% for m in messages %}{{ m.content }} {{ eos_token }}\n{% endfor %}";
    sandbox.write("a.jinja", template);
    sandbox.write("b.jinja", template);
    let chat = |file: &str| format!("{{ chat = \"{file}\" }}");
    said(&["sft", "--out", "chat", "--template", &chat("a.jinja")]);
    let score_chat = |file: &str| {
        said(&["score", "--adapter", "chat", "--template", &chat(file)]).contains("fine-tuned")
    };
    assert!(!score_chat("b.jinja"));
    sandbox.write("a.jinja", &format!("Human: {template}"));
    assert!(score_chat("a.jinja"));
    // It is advice: without it one works on.
    sandbox.write("adapter/seal-training.json", "{");
    assert!(said(&score).contains("seal-training.json: EOF"));

    let one_step = ["--set", "bilevel.epochs=1", "--set", "bilevel.batch=40"];
    let select = ["select", "--safe", "train.jsonl", "--file", "selector.jsonl"];
    let shared = said(&[&select[..], &one_step].concat());
    assert!(shared.contains("40 of 40 safe rows stand in --data too"), "{shared}");
    assert!(!shared.contains("batch of"), "{shared}");
}

/// As PEFT's `is_trainable`: the adapter itself is trained on.
#[test]
fn training_goes_on_from_an_adapter() {
    let sandbox = sandbox();
    let data = ["--model", "model", "--data", "train.jsonl"];
    let sft = |more: &[&str]| {
        let finished = sandbox.run(&[&["sft"][..], &data, more].concat());
        assert_eq!(finished.code, Some(0), "{more:?}: {}", finished.stderr);
        finished.stderr
    };
    sft(&[
        "--out",
        "one",
        "--set",
        "sft.lora.r=3",
        "--set",
        "sft.batch=8",
        "--set",
        "sft.optim.lr=0.01",
    ]);
    let still = ["--set", "sft.optim.lr=1e-9", "--set", "sft.epochs=1"];
    let said = sft(&[&["--out", "two", "--adapter", "one"][..], &still].concat());
    assert!(said.contains("training goes on from the adapter: rank 3,"), "{said}");
    let config = |folder: &str| sandbox.json(&format!("{folder}/adapter_config.json"));
    assert_eq!(config("two"), config("one"));
    assert_eq!(sandbox.json("two/seal-training.json")["adapter"], "one");
    let losses = |more: &[&str]| -> Vec<f64> {
        let rows = lines(&run(&sandbox, &[&["score"][..], &data, more].concat()));
        rows.iter().map(|row| row["nll"].as_f64().unwrap()).collect()
    };
    let (base, one, two) =
        (losses(&[]), losses(&["--adapter", "one"]), losses(&["--adapter", "two"]));
    let apart =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(apart(&one, &two) < 1e-4, "{}", apart(&one, &two));
    assert!(apart(&one, &base) > 1e-2, "{}", apart(&one, &base));
    let further = ["--out", "three", "--adapter", "one", "--set", "sft.batch=8"];
    sft(&[&further[..], &["--set", "sft.optim.lr=0.01"]].concat());
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let three = losses(&["--adapter", "three"]);
    assert!(mean(&three) < mean(&one) - 1e-3, "{} {}", mean(&three), mean(&one));
    let pickle = sandbox.path().join("three/adapter_model.bin");
    fs::rename(sandbox.path().join("three/adapter_model.safetensors"), pickle).unwrap();
    let refused = sandbox.run(&[&["score"][..], &data, &["--adapter", "three"]].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("a pickle is not read"), "{}", refused.stderr);
}

/// What a config says of a file can be said on the command line.
#[test]
fn rows_under_other_names_are_scored_alike() {
    let sandbox = sandbox();
    let rows = fs::read_to_string(sandbox.path().join("train.jsonl")).unwrap();
    let named: Vec<Value> =
        lines(&rows).iter().map(|row| json!({"q": row["prompt"], "a": row["response"]})).collect();
    let named: Vec<String> = named.iter().map(Value::to_string).collect();
    sandbox.write("named.jsonl", &named.join("\n"));
    let score = |data: &str| run(&sandbox, &["score", "--model", "model", "--data", data]);
    let columns = r#"{ path = "named.jsonl", columns = { prompt = "q", response = "a" } }"#;
    assert_eq!(score(columns), score("train.jsonl"));

    let select = |data: &str, kept: &str| {
        let files = ["--file", kept, "--kept", "kept.jsonl", "--keep", "0.5"];
        run(&sandbox, &[&["select", "--model", "model", "--data", data][..], &files].concat());
        fs::read_to_string(sandbox.path().join("kept.jsonl")).unwrap()
    };
    let (kept, by_name) = (select("train.jsonl", "a.jsonl"), select(columns, "b.jsonl"));
    let prompts = |text: &str, field: &str| {
        lines(text).iter().map(|row| row[field].clone()).collect::<Vec<_>>()
    };
    assert_eq!(prompts(&kept, "prompt"), prompts(&by_name, "q"));

    let finished = sandbox.run(&["score", "--model", "model", "--data", "{ pth = \"a.jsonl\" }"]);
    insta::assert_snapshot!(finished.error(), @r#"
    exit 2
    error: invalid value '{ pth = "a.jsonl" }' for '--data <FILE>': not a table of a source: unknown field `pth`, expected one of `path`, `format`, `columns`, `delimiter`, `turns`, `split`, `skip`, `take`, `limit`, `unsafe`, `unsafe_field`, `category`, `max_chars`, `empty_answers`, `undesirable`; did you mean `path`?

    For more information, try '--help'.
    "#);
    let finished = sandbox.run(&["score", "--model", "model", "--data", "absent.jsonl"]);
    insta::assert_snapshot!(finished.error(), @"
    exit 3
    error: absent.jsonl: no such file
    ");
}

#[test]
fn a_study_of_a_model_folder() {
    let sandbox = sandbox();
    let study = sandbox.read("study.toml");
    let (before, rest) = study.split_once("[tokenizer]").unwrap();
    let (_, after) = rest.split_once("[bilevel]").unwrap();
    let before = before.replace("base = [{ path = \"base.jsonl\" }]\n", "");
    let folder = "[tokenizer]\nkind = \"model\"\ntemplate = \"chat\"\n\
                  [model]\npath = \"model\"\n";
    sandbox.write("study.toml", &format!("{before}{folder}[bilevel]{after}"));
    let dry = run(&sandbox, &["ablate", "--config", "study.toml", "--dry-run"]);
    assert!(dry.contains("missing: nothing"), "{dry}");
    let settings = sandbox.read("model/tokenizer_config.json");
    let bare = settings.replace("chat_template", "other_template");
    assert_ne!(bare, settings);
    sandbox.write("model/tokenizer_config.json", &bare);
    // No machine has a template for it: that is an error of the look ahead, as of the run.
    let without = sandbox.run(&["ablate", "--config", "study.toml", "--dry-run"]);
    assert_eq!(without.code, Some(2), "{}", without.stderr);
    assert!(without.stderr.contains("no chat template"), "{}", without.stderr);
    sandbox.write("model/tokenizer_config.json", &settings);
    sandbox.ablate("out", &[]);
    let results = sandbox.json("out/results.json");
    assert_eq!(results["arms"].as_array().unwrap().len(), 4);
    let again = sandbox.ablate("out", &[]);
    assert!(again.stdout.contains("0 stages run"), "{}", again.stdout);
    let planned = run(&sandbox, &["plan", "--config", "study.toml", "--out", "out"]);
    assert!(planned.contains("stages: all found, nothing to do"), "{planned}");

    // Another folder with the same files is the same model; other weights are not.
    fs::rename(sandbox.path().join("model"), sandbox.path().join("moved")).unwrap();
    let moved = sandbox.ablate("out", &["--set", "model.path=moved"]);
    assert!(moved.stdout.contains("0 stages run"), "{}", moved.stdout);
    let missing = sandbox.run(&["ablate", "--config", "study.toml", "--out", "out"]);
    assert_eq!(missing.code, Some(2), "{}", missing.stderr);
    assert!(missing.stderr.contains("model.path"), "{}", missing.stderr);
    let dry = run(&sandbox, &["ablate", "--config", "study.toml", "--dry-run"]);
    assert!(dry.contains("no such folder"), "{dry}");
}

#[test]
fn the_configs_of_the_paper_say_what_they_take() {
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs");
    for name in ["llama3-8b", "merlinite-7b", "pythia-2.8b", "phi3-mini"] {
        let config = configs.join(format!("{name}.toml")).display().to_string();
        let printed = run(&sandbox, &["ablate", "--config", &config, "--dry-run"]);
        for part in ["gamma-0.05", "relu", "stages: ", "parameters, ", "GiB", "missing here:"] {
            assert!(printed.contains(part), "{name}: no {part} in\n{printed}");
        }
        for judge in [
            "answers and canaries by hf://meta-llama/Llama-Guard-3-8B@main, 8030.26 M parameters, 15.0 GiB",
            "answers and canaries by hf://Skywork/Skywork-Reward-V2-Llama-3.2-1B@main, 1235.82 M parameters",
            "judge of hexphi: model hf://meta-llama/Llama-Guard-3-8B@main: would be fetched",
            "assessments",
        ] {
            assert!(printed.contains(judge), "{name}: no {judge} in\n{printed}");
        }
    }
}

#[test]
fn bad_model_folders_are_refused() {
    let sandbox = sandbox();
    let score = ["score", "--model", "model", "--data", "train.jsonl"];
    let refused = |what: &str, code: i32| {
        let finished = sandbox.run(&score);
        assert_eq!(finished.code, Some(code), "{what}: {}", finished.stderr);
        assert!(finished.stderr.lines().count() == 1, "{what}: {}", finished.stderr);
        finished.stderr
    };
    let path = |name: &str| sandbox.path().join("model").join(name);
    fs::rename(path("tokenizer.json"), path("tokenizer.bak")).unwrap();
    assert!(refused("no tokenizer", 2).contains("tokenizer.json"));
    fs::rename(path("tokenizer.bak"), path("tokenizer.json")).unwrap();

    let weights = fs::read(path("model.safetensors")).unwrap();
    fs::write(path("model.safetensors"), &weights[..weights.len() / 2]).unwrap();
    assert!(refused("half a file", 3).contains("model.safetensors"));
    fs::write(path("model.safetensors"), &weights).unwrap();

    let config = sandbox.read("model/config.json");
    sandbox.write("model/config.json", &config.replace("\"llama\"", "\"gpt2\""));
    assert!(refused("another family", 3).contains("gpt2"));
    sandbox.write("model/config.json", &config.replace("\"silu\"", "\"relu6\""));
    assert!(refused("another activation", 3).contains("relu6"));
    sandbox.write("model/config.json", &config);

    let adapter = sandbox.run(&[&score[..], &["--adapter", "nowhere"]].concat());
    assert_eq!(adapter.code, Some(2), "{}", adapter.stderr);
    assert!(adapter.stderr.contains("adapter_config.json"), "{}", adapter.stderr);
}

/// Rounded into bf16 weights, or added to bf16 states, so small an adapter does nothing.
#[test]
fn a_small_adapter_counts_in_bf16_and_its_base_is_told() {
    let sandbox = sandbox();
    let data = ["--model", "model", "--data", "train.jsonl"];
    let small = ["--set", "sft.optim.lr=1e-4", "--set", "sft.epochs=1", "--out", "small"];
    run(&sandbox, &[&["sft"][..], &data, &small].concat());
    let losses = |more: &[&str]| -> Vec<f64> {
        let text = run(&sandbox, &[&["score"][..], &data, more].concat());
        lines(&text).iter().map(|line| line["nll"].as_f64().unwrap()).collect()
    };
    let change = |dtype: &str| -> Vec<f64> {
        let dtype = ["--set", dtype];
        let adapted = losses(&[&["--adapter", "small"][..], &dtype].concat());
        adapted.iter().zip(losses(&dtype)).map(|(a, b)| a - b).collect()
    };
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (full, half) = (change("dtype=f32"), change("dtype=bf16"));
    let apart: Vec<f64> = full.iter().zip(&half).map(|(a, b)| a - b).collect();
    assert!(norm(&full) > 0.0);
    // The bases differ: weights are rounded in one.
    assert!(norm(&apart) < 0.1 * norm(&full), "{full:?} {half:?}");

    let path = sandbox.path().join("small/adapter_config.json");
    let mut config = sandbox.json("small/adapter_config.json");
    let said = || {
        let score = ["score", "--adapter", "small"];
        let finished = sandbox.run(&[&score[..], &data].concat());
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        finished.stderr
    };
    assert!(!said().contains("base_model_name_or_path"));
    config["base_model_name_or_path"] = json!("owner/another-7b");
    config["target_modules"] = json!(["q_proj", "v_proj", "c_attn"]);
    fs::write(&path, config.to_string()).unwrap();
    let notices = said();
    assert!(notices.contains("\"owner/another-7b\" (base_model_name_or_path)"), "{notices}");
    assert!(notices.contains("names [\"c_attn\"], which no layer"), "{notices}");
    config["use_dora"] = json!(true);
    fs::write(&path, config.to_string()).unwrap();
    let refused = sandbox.run(&[&["score", "--adapter", "small"][..], &data].concat());
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("use_dora = true"), "{}", refused.stderr);
}

#[test]
fn an_adapter_on_a_model_of_other_sizes_is_refused_with_the_model_that_it_names() {
    let sandbox = sandbox();
    let short = ["sft.epochs=1", "sft.batch=8", "sft.lora.r=2"].map(|set| ["--set", set]).concat();
    let tune = ["sft", "--model", "model", "--data", "train.jsonl", "--out", "one"];
    run(&sandbox, &[&tune[..], &short].concat());
    // A Llama of half the width, under another name.
    let golden = "../crates/seal-lm/tests/golden/judges/llama";
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(golden);
    fs::create_dir(sandbox.path().join("other")).unwrap();
    for entry in fs::read_dir(golden).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), sandbox.path().join("other").join(entry.file_name())).unwrap();
    }
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        fs::copy(sandbox.path().join("model").join(name), sandbox.path().join("other").join(name))
            .unwrap();
    }
    let score = ["score", "--model", "other", "--adapter", "one", "--data", "train.jsonl"];
    let refused = sandbox.run(&score);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    let base = sandbox.json("one/adapter_config.json")["base_model_name_or_path"].clone();
    let said = format!(
        "; the adapter was made for {base} (base_model_name_or_path in one/adapter_config.json), and \
         the model is other: put it on the model that it was made for"
    );
    assert!(refused.stderr.contains(&said), "{}", refused.stderr);
}
