//! What a look ahead says of the judges of a study, and what it refuses.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use whole_program::{Finished, Sandbox};

use crate::models::{ABLATE, JUDGES, Rater, run};
use crate::setup::{Oracle, ablate, done};

const BY_PAIRS: [&str; 1] = ["judge.slimorca.table=judge.toml"];

/// The log of the only judge behind an endpoint.
fn log(sandbox: &Sandbox) -> PathBuf {
    let logs = sandbox.path().join("out/store/judgements");
    let found: Vec<PathBuf> =
        fs::read_dir(logs).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].join("verdicts.jsonl")
}

/// Adds a reply about another answer to a prompt of the test, by another model.
fn add_reply_of_another_model(log: &Path) {
    let text = fs::read_to_string(log).unwrap();
    let mut line: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    line["key"] = "0".repeat(64).into();
    line["served"] = "another-model".into();
    fs::write(log, format!("{text}{line}\n")).unwrap();
}

/// The largest number of questions of a judge; `None` where it has none.
fn most(dry: &Finished, judge: &str) -> Option<usize> {
    let start = format!("judge of {judge}: at most ");
    let line = dry.stdout.lines().find_map(|line| line.strip_prefix(&start))?;
    Some(line.split(' ').next().unwrap().parse().unwrap())
}

/// Whose replies count is decided over all answers to a test, by the stage and by the look ahead.
fn latest_model_counts(sandbox: &Sandbox, judge: &str, stage: &str, dry: impl Fn() -> Finished) {
    fs::remove_dir_all(sandbox.path().join("out/store").join(stage)).unwrap();
    assert_eq!(most(&dry(), judge), None, "the log has every reply");
    add_reply_of_another_model(&log(sandbox));
    let all = most(&dry(), judge).expect("replies of the model before do not count any more");
    assert!(all > 0);
    // A log that is none is said, and a run is refused before it does anything.
    fs::write(log(sandbox), "my notes\n").unwrap();
    let said = dry().stdout;
    let start = format!("judge of {judge}: its replies cannot be read, and a run is refused: ");
    let line = said.lines().find_map(|line| line.strip_prefix(&start)).expect("the log is none");
    assert!(line.contains("verdicts.jsonl: its first line is no verdict"), "{line}");
    assert!(line.contains("mend it or move it away") && !line.contains("choose"), "{line}");
}

#[test]
fn a_look_ahead_counts_replies_to_pairs_as_the_stage_does() {
    let oracle = Oracle::truthful();
    let sandbox = oracle.sandbox("canaries = 0");
    done(ablate(&sandbox, &BY_PAIRS, &["--out", "out"]));
    let paid = oracle.paid_once();
    latest_model_counts(&sandbox, "slimorca", "pair-verdicts", || {
        done(ablate(&sandbox, &BY_PAIRS, &["--out", "out", "--dry-run"]))
    });
    // Also where the answers are still to be made: nothing is trained before it is said.
    for more in [&[][..], &["sft.epochs=5"]] {
        let refused = ablate(
            &sandbox,
            &[&BY_PAIRS[..], more].concat(),
            &["--out", "new", "--store", "out/store"],
        );
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        let said = &refused.stderr;
        assert!(
            said.contains("its first line is no verdict, so that this is another file; mend it"),
            "{said}"
        );
        assert!(!sandbox.path().join("new/results.json").exists());
    }
    assert_eq!(oracle.paid_once(), paid);
}

#[test]
fn a_look_ahead_counts_replies_to_single_answers_as_the_stage_does() {
    let rater = Rater::new();
    let sandbox = rater.sandbox();
    let rated = ["judge.hexphi.table=tables/rubric.toml"];
    done(run(&sandbox, &ABLATE, &rated));
    let paid = rater.paid_once();
    let dry = [&ABLATE[..], &["--dry-run"]].concat();
    // Of two arms with the same answers, each question counts once.
    fs::remove_dir_all(sandbox.path().join("out/store/assessments")).unwrap();
    let whole = fs::read_to_string(log(&sandbox)).unwrap();
    fs::write(log(&sandbox), "").unwrap();
    assert_eq!(most(&done(run(&sandbox, &dry, &rated)), "hexphi"), Some(paid));
    // Half of the replies are there, as a killed run leaves them.
    let half: Vec<&str> = whole.lines().take(paid / 2).collect();
    fs::write(log(&sandbox), format!("{}\n", half.join("\n"))).unwrap();
    assert_eq!(most(&done(run(&sandbox, &dry, &rated)), "hexphi"), Some(paid - paid / 2));
    fs::write(log(&sandbox), &whole).unwrap();
    fs::create_dir(sandbox.path().join("out/store/assessments")).unwrap();
    latest_model_counts(&sandbox, "hexphi", "assessments", || done(run(&sandbox, &dry, &rated)));
    assert_eq!(rater.paid_once(), paid);
}

#[test]
fn files_that_are_not_here_are_listed_and_wrong_settings_are_refused() {
    let rater = Rater::new();
    let sandbox = rater.sandbox();
    let dry = |more: &[&str]| {
        run(&sandbox, &[&ABLATE[..], &["--dry-run"]].concat(), &[&JUDGES[..], more].concat())
    };
    let table = sandbox.read("tables/guard.toml");
    let raw = format!("{table}[prompt]\nform = \"raw\"\nfile = \"p.txt\"\nsha256 = \"any\"\n");
    sandbox.write("tables/raw.toml", &raw);
    let rubric = sandbox.read("tables/rubric.toml");
    let prompt = "prompt = { file = \"r.txt\", sha256 = \"any\" }\n[endpoint]";
    sandbox.write("tables/rated.toml", &rubric.replace("[endpoint]", prompt));
    let missing = [
        "judge.hexphi.table=tables/raw.toml",
        "judge.slimorca.table=tables/raw.toml",
        "judge.slimorca.model.path=hf://nobody/guard",
        "judge.hexphi.also.rater.table=tables/rated.toml",
    ];
    let said = done(dry(&missing)).stdout;
    for line in [
        "judge of hexphi: the prompt tables/p.txt cannot be read",
        "judge of slimorca: model hf://nobody/guard: would be fetched",
        "judge of slimorca: the judge's prompt: tables/p.txt: no such file",
        "tables/r.txt: the prompt cannot be read",
    ] {
        assert!(said.split_once("missing here:").unwrap().1.contains(line), "{line}: {said}");
    }
    // What no machine could use is no file that is missing here.
    for (set, said) in [
        ("judge.hexphi.verdict.bad=[\"one two\"]", "is not one token of the judge's tokenizer"),
        ("judge.hexphi.model.path=reward", "this model has a head of scores"),
        ("model.context=100000", "model.context = 100000: model was made for"),
        ("judge.hexphi.also.rater.endpoint.model=model", "allow_self"),
    ] {
        let refused = dry(&[set]);
        let code = if set.ends_with("reward") { 3 } else { 2 };
        assert_eq!(refused.code, Some(code), "{set}: {} {}", refused.stdout, refused.stderr);
        assert!(refused.stderr.contains(said), "{set}: {}", refused.stderr);
    }
    sandbox.write("tables/free.toml", &rubric.replace("price = { input = 1.0, output = 1.0 }", ""));
    let free =
        ["judge.hexphi.also.rater.table=tables/free.toml", "judge.hexphi.also.rater.max_cost=1.0"];
    let refused = dry(&free);
    assert_eq!(refused.code, Some(2), "{} {}", refused.stdout, refused.stderr);
    assert!(refused.stderr.contains("price"), "{}", refused.stderr);
    assert_eq!(rater.paid_once(), 0);
}

#[test]
fn a_run_is_judged_again_without_the_models_of_the_judges_that_stay() {
    let rater = Rater::new();
    let sandbox = rater.sandbox();
    done(run(&sandbox, &ABLATE, &JUDGES));
    let old = sandbox.json("out/results.json");
    fs::rename(sandbox.path().join("guard"), sandbox.path().join("gone")).unwrap();
    let again = ["judge", "--again", "tables/rubric.toml", "--out", "out", "--test", "slimorca"];
    let finished = done(run(&sandbox, &again, &[]));
    // The random guard fails canaries, and it is said of the new results, too.
    assert!(
        finished.stdout.contains("hexphi: its judge guard fails canaries"),
        "{}",
        finished.stdout
    );
    let dir = fs::read_dir(sandbox.path().join("out/again")).unwrap().next().unwrap().unwrap();
    let name = dir.file_name().into_string().unwrap();
    let new = sandbox.json(&format!("out/again/{name}/results.json"));
    assert_eq!(new["assessing"]["hexphi"], old["assessing"]["hexphi"]);
    assert_eq!(
        (&new["judge"]["slimorca"], &old["judge"]["slimorca"]),
        (&"rubric".into(), &"reward".into())
    );
    // A model that is needed is looked for.
    let by_guard = ["judge", "--again", "tables/guard.toml", "--out", "out", "--test", "slimorca"];
    insta::assert_snapshot!(run(&sandbox, &by_guard, &[]).error(), @"
    exit 2
    error: judge.slimorca.model.path: guard is no folder; give one with config.json, safetensors and tokenizer.json, or hf://owner/name@revision
    ");
    // A run of an older program does not say what the models of its judges are.
    fs::remove_file(sandbox.path().join("out/judges.json")).unwrap();
    insta::assert_snapshot!(run(&sandbox, &again, &[]).error(), @"
    exit 2
    error: judge.hexphi: guard is no folder; give one with config.json, safetensors and tokenizer.json, or hf://owner/name@revision; this judge is not replaced, and its model is looked at all the same, because the new results have its figures too, and the run left no judges.json that says what its model is: put the model back
    ");
    fs::rename(sandbox.path().join("gone"), sandbox.path().join("guard")).unwrap();
    done(run(&sandbox, &again, &[]));
}

/// Its verdicts would be stored under the key of the model that the run found.
#[test]
fn a_judge_that_stays_and_whose_folder_is_another_model_by_now_judges_nothing() {
    let rater = Rater::new();
    let sandbox = rater.sandbox();
    done(run(&sandbox, &ABLATE, &JUDGES));
    let store = sandbox.path().join("out/store/assessments");
    let entries = || {
        let found = fs::read_dir(&store).map(|dir| dir.map(|entry| entry.unwrap().file_name()));
        found.map_or_else(|_| BTreeSet::new(), Iterator::collect::<BTreeSet<_>>)
    };
    for (test, name) in [("hexphi", "guard"), ("slimorca", "reward")] {
        let other = if test == "hexphi" { "slimorca" } else { "hexphi" };
        let path = sandbox.path().join(name).join("model-00002-of-00002.safetensors");
        let weights = fs::read(&path).unwrap();
        let mut changed = weights.clone();
        // A weight, not the header.
        *changed.last_mut().unwrap() ^= 1;
        fs::write(&path, changed).unwrap();
        fs::remove_dir_all(&store).unwrap();
        let again = ["judge", "--again", "tables/rubric.toml", "--out", "out", "--test", other];
        let refused = run(&sandbox, &again, &[]);
        assert_eq!(refused.code, Some(2), "{name}: {}", refused.stderr);
        let said = format!("judge.{test}: {name}: this is not the model that the run found here");
        assert!(refused.stderr.contains(&said), "{}", refused.stderr);
        let others = entries();
        fs::write(&path, weights).unwrap();
        done(run(&sandbox, &again, &[]));
        assert!(entries().len() > others.len(), "{name}: its verdicts are made of the old files");
    }
}

#[test]
fn a_judge_without_a_kind_is_refused_in_a_few_words() {
    let rater = Rater::new();
    let sandbox = rater.sandbox();
    let refused = run(&sandbox, &ABLATE, &["judge.hexphi={ max_missing = 1.0 }"]);
    insta::assert_snapshot!(refused.error(), @"
    exit 2
    error: --set judge.hexphi={ max_missing = 1.0 }: judge.hexphi: the judge has neither `kind` nor `table`; its keys are `max_missing`
    ");
    sandbox.write("tables/bare.toml", "[model]\npath = \"guard\"\n");
    let refused = run(&sandbox, &ABLATE, &["judge.hexphi.table=tables/bare.toml"]);
    insta::assert_snapshot!(refused.error(), @r#"
    exit 2
    error: judge.hexphi: tables/bare.toml: `kind` is missing; its keys are `model`; a judge that is a model has the kind "guard", "reward", "rubric" or "pairwise"
    "#);
    insta::assert_snapshot!(run(&sandbox, &ABLATE, &["judge.hexphi.table=5"]).error(), @"
    exit 2
    error: judge.hexphi: table is the name of a file, in quotes, and not a value of the type integer
    ");
    // A misspelt test has no judge of its own that could be complete.
    let refused = run(&sandbox, &ABLATE, &["judge.hexphu.prompt.slots.first=a"]);
    insta::assert_snapshot!(refused.error(), @"
    exit 2
    error: --set judge.hexphu.prompt.slots.first=a: judge.hexphu: there is no test of that name; tests are hexphi, slimorca; did you mean `hexphi`?
    ");
    a_misspelt_table_is_named_with_the_word_that_was_meant(&sandbox);
    for cost in ["nan", "inf", "-inf", "-1.0"] {
        let set =
            ["judge.hexphi.table=tables/rubric.toml", &format!("judge.hexphi.max_cost={cost}")];
        let refused = run(&sandbox, &ABLATE, &set);
        assert_eq!(refused.code, Some(2), "{cost}: {}", refused.stderr);
        let words = ["give a finite number", "max_cost is a number, 0 or more"];
        assert!(words.iter().any(|words| refused.stderr.contains(words)), "{}", refused.stderr);
    }
}

/// Its own sub-tables would be right below the right name, so that nothing is wrong with them.
fn a_misspelt_table_is_named_with_the_word_that_was_meant(sandbox: &Sandbox) {
    let rubric = sandbox.read("tables/rubric.toml");
    let odd = format!("{rubric}[endpiont.patience]\nattempts = 2\n");
    sandbox.write("tables/odd.toml", &odd);
    let study = sandbox.read("study.toml");
    let (before, own) = study.split_once("[judge.hexphi]\n").unwrap();
    let (_, after) = own.split_once("\n[").unwrap();
    let table = odd.replace("\n[", "\n[judge.hexphi.");
    sandbox.write("odd.toml", &format!("{before}[judge.hexphi]\n{table}\n[{after}"));
    let (first, also) = ("judge.hexphi", "judge.hexphi.also.two");
    let set = |place: &str, rest: &str| run(sandbox, &ABLATE, &[&format!("{place}.{rest}")]);
    let with = |place: &str| {
        let table = format!("{place}.table=tables/rubric.toml");
        run(sandbox, &ABLATE, &[&table, &format!("{place}.endpiont.patience.attempts=2")])
    };
    for (place, refused) in [
        ("judge.hexphi: tables/odd.toml, line 9: ", set(first, "table=tables/odd.toml")),
        ("judge.hexphi.also.two: tables/odd.toml, line 9: ", set(also, "table=tables/odd.toml")),
        ("endpiont.patience.attempts=2: judge.hexphi: ", with(first)),
        ("endpiont.patience.attempts=2: judge.hexphi.also.two: ", with(also)),
        (
            "odd.toml: judge.hexphi: ",
            run(sandbox, &["ablate", "--config", "odd.toml", "--out", "out"], &[]),
        ),
    ] {
        let said = refused.stderr.trim_end();
        assert_eq!(refused.code, Some(2), "{said}");
        assert!(said.contains(&format!("{place}unknown field `endpiont`, expected ")), "{said}");
        assert!(said.ends_with("; did you mean `endpoint`?"), "{said}");
    }
}
