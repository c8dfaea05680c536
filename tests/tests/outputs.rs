//! Files that verbs write: never over a file that is read, whole or not at all, and no option
//! that is ignored.

mod common;

use std::fs;

use common::{lines, run, with_model};
use whole_program::Sandbox;

/// Runs the verb, which must refuse with exit code 2 and leave `kept` as it was.
fn refused(sandbox: &Sandbox, args: &[&str], kept: &str, words: &str) {
    let path = sandbox.path().join(kept);
    let before = fs::read(&path).unwrap();
    let finished = sandbox.run(args);
    assert_eq!(finished.code, Some(2), "{args:?}: {}", finished.stderr);
    assert!(finished.stderr.contains(words), "{args:?}: {}", finished.stderr);
    assert!(before == fs::read(&path).unwrap(), "{args:?} changed {kept}");
}

#[test]
fn no_verb_writes_over_a_file_that_it_reads() {
    let sandbox = with_model();
    let at = |name: &str| sandbox.path().join(name);
    sandbox.write("template.jinja", "{% for m in messages %}{{ m.content }}{% endfor %}");
    fs::copy("../configs/stages.toml", at("settings.toml")).unwrap();
    fs::hard_link(at("train.jsonl"), at("hard.jsonl")).unwrap();
    fs::create_dir(at("sub.json")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("../train.jsonl", at("sub.json/link.jsonl")).unwrap();
    let template = "{ chat = \"template.jinja\" }";
    let read = [
        ("train.jsonl", "train.jsonl"),
        ("sub.json/../train.jsonl", "train.jsonl"),
        ("hard.jsonl", "train.jsonl"),
        #[cfg(unix)]
        ("sub.json/link.jsonl", "train.jsonl"),
        ("model/config.json", "model/config.json"),
        ("model/tokenizer.json", "model/tokenizer.json"),
    ];
    for (file, kept) in read {
        let on_model = ["--model", "model", "--data", "train.jsonl", "--file", file];
        for verb in ["score", "generate", "select"] {
            refused(&sandbox, &[&[verb], &on_model[..]].concat(), kept, "the same file as the");
        }
        let kept_file = ["select", "--model", "model", "--data", "train.jsonl", "--kept", file];
        refused(
            &sandbox,
            &[&kept_file[..], &["--file", "s.jsonl"]].concat(),
            kept,
            "the same file as",
        );
    }
    // These are read for their settings and have other endings than rows.
    fs::rename(at("settings.toml"), at("settings.json")).unwrap();
    fs::rename(at("template.jinja"), at("template.json")).unwrap();
    let template = template.replace("jinja", "json");
    for (file, more) in [
        ("settings.json", ["--settings", "settings.json"]),
        ("template.json", ["--template", &template]),
    ] {
        let args = ["score", "--model", "model", "--data", "train.jsonl", "--file", file];
        refused(&sandbox, &[&args[..], &more].concat(), file, "the same file as the");
    }
    // A study's selector: its rows, config and plan.
    for file in ["train.jsonl", "safe.jsonl", "test.jsonl", "plan.jsonl"] {
        let args = ["select", "--config", "study.toml", "--out", "out", "--file", file];
        refused(&sandbox, &args, file, "the same file as the");
    }
    let trace = ["select", "--config", "study.toml", "--out", "out", "--trace"];
    refused(
        &sandbox,
        &[&trace[..], &["plan.jsonl"]].concat(),
        "plan.jsonl",
        "the same file as the",
    );
    let weights = "model/model.safetensors";
    refused(&sandbox, &[&trace[..], &[weights]].concat(), weights, "JSON lines");
    let two = ["select", "--model", "model", "--data", "train.jsonl", "--file", "x.jsonl"];
    refused(&sandbox, &[&two[..], &["--kept", "./x.jsonl"]].concat(), "train.jsonl", "one file");
    let folder = ["score", "--model", "model", "--data", "train.jsonl", "--file", "sub.json"];
    refused(&sandbox, &folder, "train.jsonl", "folder");
}

#[test]
fn an_imported_selector_writes_over_nothing_that_is_read() {
    let sandbox = with_model();
    let golden = "../crates/seal-select/tests/golden/checkpoint/tensor.pt";
    // Named like rows, so that its ending is no obstacle.
    fs::copy(golden, sandbox.path().join("s.json")).unwrap();
    let printed = run(&sandbox, &["select", "--import", "s.json"]);
    let logits: usize =
        printed.lines().find_map(|l| l.strip_prefix("logits ")?.parse().ok()).unwrap();
    let rows: Vec<_> =
        (0..logits).map(|i| whole_program::row(&format!("row {i}"), "x", None)).collect();
    sandbox.write_rows("t.jsonl", &rows);
    sandbox.write("dropped.json", "");
    let import = ["select", "--import", "s.json", "--data", "t.jsonl"];
    for (file, more) in [
        ("t.jsonl", &[][..]),
        ("s.json", &[]),
        ("dropped.json", &["--dropped", "dropped.json"]),
        ("model/tokenizer.json", &["--tokenizer", "model/tokenizer.json"]),
    ] {
        for option in ["--file", "--kept"] {
            let args = [&import[..], more, &[option, file]].concat();
            refused(&sandbox, &args, file, "the same file as the");
        }
    }
    // As many rows as the selector is of, with and without a file to write.
    sandbox.write_rows("few.jsonl", &rows[1..]);
    for more in [&[][..], &["--file", "out.jsonl"]] {
        let args = [&["select", "--import", "s.json", "--data", "few.jsonl"], more].concat();
        let finished = sandbox.run(&args);
        assert_eq!(finished.code, Some(3), "{}", finished.stderr);
        assert!(finished.stderr.contains("give the unfiltered file"), "{}", finished.stderr);
    }
    // Its kept rows are those of the file, and a damaged one is data.
    let args = [&import[..], &["--file", "out.jsonl", "--kept", "kept.jsonl"]].concat();
    run(&sandbox, &args);
    let kept = lines(&sandbox.read("kept.jsonl"));
    assert_eq!(kept.len(), (logits as f64 * 0.8).floor() as usize);
    assert!(kept.iter().all(|row| rows.contains(row)));
    sandbox.write("broken.pt", "PK no archive");
    let broken = sandbox.run(&["select", "--import", "broken.pt"]);
    assert_eq!(broken.code, Some(3), "{}", broken.stderr);
    assert!(broken.stderr.contains("broken.pt"), "{}", broken.stderr);
}

#[test]
fn a_stored_selector_ranks_a_part_of_its_rows() {
    let sandbox = with_model();
    let select = ["select", "--model", "model", "--data", "train.jsonl", "--file", "all.jsonl"];
    run(&sandbox, &select);
    let trained = ["--safe", "safe.jsonl", "--set", "bilevel.epochs=1"];
    run(&sandbox, &[&select[..5], &trained, &["--file", "trained.jsonl"]].concat());
    // Every other row in reverse order, and one that the selector has not seen.
    let mut part: Vec<_> = lines(&sandbox.read("train.jsonl")).into_iter().step_by(2).collect();
    part.reverse();
    part.push(whole_program::row("new?", "yes", Some(false)));
    sandbox.write_rows("part.jsonl", &part);
    let apply = ["select", "--selector", "all.jsonl", "--data", "part.jsonl", "--keep", "0.5"];
    let printed =
        run(&sandbox, &[&apply[..], &["--file", "part-s.jsonl", "--kept", "k.jsonl"]].concat());
    assert!(printed.contains("rows 20\nunknown 1\nunusable 0\nkept 10\n"), "{printed}");
    let omega = |file: &str| -> std::collections::BTreeMap<String, String> {
        let rows = lines(&sandbox.read(file)).into_iter().skip(1);
        rows.map(|r| (r["id"].as_str().unwrap().to_owned(), r["omega"].to_string())).collect()
    };
    let (all, ranked) = (omega("all.jsonl"), omega("part-s.jsonl"));
    assert_eq!(ranked.len(), 20);
    assert!(ranked.iter().all(|(id, w)| all[id] == *w));
    // A correlation of all rows is none of these.
    let settings = |file: &str| lines(&sandbox.read(file)).remove(0)["settings"].clone();
    assert!(settings("trained.jsonl").get("spearman_to_loss").is_some());
    let apply = ["select", "--selector", "trained.jsonl", "--data", "part.jsonl"];
    let printed = run(&sandbox, &[&apply[..], &["--file", "part-t.jsonl"]].concat());
    assert!(settings("part-t.jsonl").get("spearman_to_loss").is_none());
    assert!(!printed.contains("spearman_to_loss"), "{printed}");
    let kept = lines(&sandbox.read("k.jsonl"));
    assert!(kept.len() == 10 && kept.iter().all(|row| part.contains(row)));
    for (file, text) in [("cut.jsonl", "{\"format_version\": 1"), ("bytes.jsonl", "\u{0}")] {
        sandbox.write(file, text);
        let refused = sandbox.run(&["select", "--selector", file, "--data", "part.jsonl"]);
        assert_eq!(refused.code, Some(3), "{}", refused.stderr);
        assert!(refused.stderr.contains(file), "{}", refused.stderr);
    }
    let strangers = ["select", "--selector", "all.jsonl", "--data", "safe.jsonl"];
    assert_eq!(sandbox.run(&strangers).code, Some(3));
}

#[test]
fn an_option_that_would_be_ignored_is_refused() {
    let sandbox = with_model();
    let golden = "../crates/seal-select/tests/golden/checkpoint/tensor.pt";
    fs::copy(golden, sandbox.path().join("s.pt")).unwrap();
    let import = &["select", "--import", "s.pt"][..];
    let own = &["select", "--model", "model", "--data", "train.jsonl", "--file", "s.jsonl"][..];
    let study = &["select", "--config", "study.toml", "--out", "out"][..];
    let score = &["score", "--model", "model", "--data", "train.jsonl"][..];
    let generate = &["generate", "--model", "model", "--data", "asks.jsonl"][..];
    let report = &["report", "--out", "out"][..];
    for (verb, more) in [
        (import, &["--kept", "k.jsonl"][..]),
        (import, &["--file", "out.jsonl"]),
        (import, &["--keep", "0.5"]),
        (import, &["--limit", "3"]),
        (import, &["--set", "bilevel.batch=3"]),
        (import, &["--device", "flex"]),
        (import, &["--jobs", "1"]),
        (import, &["--safe", "safe.jsonl"]),
        (import, &["--trace", "t.jsonl"]),
        (import, &["--context", "9"]),
        (import, &["--out", "o"]),
        (own, &["--jobs", "2"]),
        (own, &["--arm", "seal"]),
        (own, &["--store", "st"]),
        (own, &["--unsafe-rows", "0..3"]),
        (own, &["--seeds", "1"]),
        (own, &["--quick"]),
        (study, &["--keep", "0.5"]),
        (study, &["--kept", "k.jsonl"]),
        (study, &["--context", "5"]),
        (study, &["--safe", "safe.jsonl"]),
        (study, &["--dropped", "d.txt"]),
        (study, &["--file", "x.csv"]),
        (own, &["--kept", "k.parquet"]),
        (score, &["--file", "x.csv"]),
        (score, &["--file", "x.parquet"]),
        (generate, &["--file", "x.csv"]),
        (report, &["--limit", "5"]),
        (report, &["--seeds", "5"]),
    ] {
        let args = [verb, more].concat();
        let finished = sandbox.run(&args);
        assert_eq!(finished.code, Some(2), "{args:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(more[0]), "{args:?}: {}", finished.stderr);
    }
}

#[test]
fn text_of_others_does_not_act_on_a_terminal() {
    let sandbox = with_model();
    let odd = "What\u{1b}]0;owned\u{7} is\u{202e} one";
    sandbox.write_rows("odd.jsonl", &[whole_program::row(odd, "two\u{9b}2J", None)]);
    let plain = |text: &str| text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}');
    for format in ["text", "json"] {
        let args =
            ["inspect", "--model", "model", "--data", "odd.jsonl", "--template", "say {} now "];
        let finished = sandbox.run(&[&args[..], &["--format", format]].concat());
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert!(plain(&finished.stdout) && plain(&finished.stderr), "{:?}", finished.stdout);
    }
    let file = "rows\u{1b}[31m\u{202e}.jsonl";
    let missing = sandbox.run(&["score", "--model", "model", "--data", file]);
    assert_eq!(missing.code, Some(3), "{}", missing.stderr);
    assert!(plain(&missing.stderr), "{:?}", missing.stderr);
}

#[cfg(unix)]
#[test]
fn rows_may_lie_in_a_file_whose_name_is_no_utf_8() {
    use std::os::unix::ffi::OsStrExt as _;
    let sandbox = with_model();
    let name = std::ffi::OsStr::from_bytes(b"rows-\xff.jsonl");
    fs::copy(sandbox.path().join("train.jsonl"), sandbox.path().join(name)).unwrap();
    let mut command = sandbox.command(&["score", "--model", "model", "--data"]);
    let output = command.arg(name).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 40);
}

#[test]
fn a_training_that_was_killed_does_not_lock_its_folder() {
    let sandbox = with_model();
    // As a run that was killed while it wrote leaves it.
    let left = sandbox.path().join(".seal-pending-tuned-abcdef");
    fs::create_dir(&left).unwrap();
    fs::write(left.join(".writing"), "").unwrap();
    fs::write(left.join("model.safetensors"), "").unwrap();
    let settings = fs::read_to_string("../configs/stages.toml").unwrap();
    let at = settings.find("[sft.lora]").expect("the defaults train adapters");
    let end = settings[at + 1..].find("\n[").map_or(settings.len(), |n| at + 1 + n);
    sandbox.write("whole.toml", &format!("{}{}", &settings[..at], &settings[end..]));
    fs::create_dir(sandbox.path().join("tuned")).unwrap();
    let sft = ["sft", "--model", "model", "--data", "train.jsonl", "--out", "tuned"];
    let whole = ["--settings", "whole.toml", "--set", "sft.epochs=1"];
    run(&sandbox, &[&sft[..], &whole].concat());
    assert!(!left.exists(), "what the killed run left is gone");
    for file in ["model.safetensors", "config.json", "tokenizer.json", "seal-training.json"] {
        assert!(sandbox.path().join("tuned").join(file).is_file(), "{file}");
    }
    assert!(!sandbox.path().join("tuned/.writing").exists());
    run(&sandbox, &["score", "--model", "tuned", "--data", "train.jsonl"]);
    // A write that fails leaves no folder that looks like a model.
    let other = [&sft[..5], &["--out", "other"], &whole].concat();
    let full = sandbox.limited_command(8, &other).output().unwrap();
    assert!(!full.status.success());
    assert!(!sandbox.path().join("other").exists());
    run(&sandbox, &other);
}

#[test]
fn answers_go_on_by_the_text_of_a_template() {
    let sandbox = with_model();
    let template = "{% for m in messages %}{{ m.content }} {% endfor %}";
    sandbox.write("one.jinja", template);
    sandbox.write("moved.jinja", template);
    let generate = |template: &str| {
        let template = format!("{{ chat = \"{template}\" }}");
        let args = ["generate", "--model", "model", "--data", "asks.jsonl", "--file", "a.jsonl"];
        let more = ["--set", "generate.max_new_tokens=2", "--template", &template];
        sandbox.run(&[&args[..], &more].concat())
    };
    assert_eq!(generate("one.jinja").code, Some(0));
    let whole = sandbox.read("a.jsonl");
    let moved = generate("moved.jinja");
    assert_eq!(moved.code, Some(0), "{}", moved.stderr);
    assert!(moved.stderr.contains("0 answers added"), "{}", moved.stderr);
    assert_eq!(sandbox.read("a.jsonl"), whole);
    sandbox.write("one.jinja", &template.replace("m.content", "m.role"));
    let edited = generate("one.jinja");
    assert_eq!(edited.code, Some(2), "{}", edited.stderr);
}

/// A label says that an answer is bad, and nothing of the prompt.
#[test]
fn a_prompt_of_a_bad_answer_is_answered() {
    let sandbox = with_model();
    let row = |prompt: &str, label: bool| serde_json::json!({ "prompt": prompt, "completion": "No", "label": label });
    sandbox.write_rows("kto.jsonl", &[row("What is one ?", true), row("What is two ?", false)]);
    let on = ["--model", "model", "--data", "kto.jsonl", "--set", "generate.max_new_tokens=2"];
    run(&sandbox, &[&["generate"], &on[..], &["--file", "a.jsonl"]].concat());
    let answers = lines(&sandbox.read("a.jsonl"));
    assert_eq!(answers.len(), 2, "{answers:?}");
    // Its answer is not scored, and that is said.
    let on = ["score", "--model", "model", "--data", "kto.jsonl", "--file", "l.jsonl"];
    let scored = sandbox.run(&on);
    assert!(scored.stderr.contains("1 rows cannot be used"), "{}", scored.stderr);
    assert_eq!(lines(&sandbox.read("l.jsonl")).len(), 1);
}

#[test]
fn rows_that_a_model_does_not_take_are_said_with_the_reason() {
    let sandbox = with_model();
    let template = "{% if messages[0].content == 'Open the two' %}\
        {{ raise_exception('two is not\u{1b}[2J one') }}{% endif %}\
        {% for m in messages %}{{ m.content }} {{ eos_token }}{% endfor %}";
    sandbox.write("raise.jinja", template);
    let rows = [
        whole_program::row("Open the two", "No", None),
        whole_program::row("Open the one", "No", None),
        whole_program::row(&"What ".repeat(200), "No", None),
    ];
    sandbox.write_rows("rows.jsonl", &rows);
    let on =
        ["--model", "model", "--data", "rows.jsonl", "--template", "{ chat = \"raise.jinja\" }"];
    let short = ["--context", "20"];
    for (verb, more) in [
        ("score", &[][..]),
        ("select", &["--file", "s.jsonl"]),
        ("select", &["--file", "s.jsonl", "--safe", "safe.jsonl", "--set", "bilevel.epochs=1"]),
        ("sft", &["--out", "tuned", "--set", "sft.epochs=1"]),
        ("generate", &["--file", "a.jsonl", "--set", "generate.max_new_tokens=2"]),
    ] {
        let finished = sandbox.run(&[&[verb], &on[..], &short, more].concat());
        assert_eq!(finished.code, Some(0), "{verb}: {}", finished.stderr);
        let said = &finished.stderr;
        assert!(
            said.contains("2 rows left out: 1 not taken by the chat template, 1 too long"),
            "{verb}: {said}"
        );
        assert!(said.contains("two is not\\u{1b}[2J one"), "{verb}: {said}");
        assert!(said.contains("the context holds 20"), "{verb}: {said}");
    }
}
