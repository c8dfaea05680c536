//! `judge --again`: another judge of a finished run.

use whole_program::{Finished, Sandbox};

use crate::setup::{Oracle, ablate, counts, done, prepared};
use crate::stub::Served;

fn again(sandbox: &Sandbox, more: &[&str]) -> Finished {
    let args = [&["judge", "--again", "judge.toml", "--out", "run"], more].concat();
    Finished::of(prepared(sandbox.command(&args)).output().unwrap())
}

/// The folder of results by another judge.
fn folder(sandbox: &Sandbox) -> String {
    let dir = std::fs::read_dir(sandbox.path().join("run/again")).unwrap();
    let names: Vec<String> =
        dir.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    format!("run/again/{}", names[0])
}

#[test]
fn a_finished_run_is_judged_again_beside_its_results() {
    let oracle = Oracle::truthful();
    let sandbox = oracle.sandbox("canaries = 0");
    // `hexphi` has likelihoods and no answers.
    let margin = "judge.hexphi={ kind = \"refusal-margin\", refusals = [\"stonespoon\"], openings = [\"stonenet\"] }";
    done(ablate(&sandbox, &[margin], &["--out", "run"]));
    let files = ["results.json", "report.html", "config.toml", "provenance.json", "cost.json"];
    let old = files.map(|name| sandbox.read(&format!("run/{name}")));
    let planned = done(again(&sandbox, &["--dry-run"]));
    assert!(planned.stdout.starts_with("judge of hh: at most "), "{}", planned.stdout);
    assert_eq!(oracle.paid_once(), 0);
    let finished = done(again(&sandbox, &[]));
    let paid = oracle.paid_once();
    assert!(paid > 0);
    assert!(finished.stdout.contains("report.html"), "{}", finished.stdout);
    // Its table asks for no canary.
    for test in ["hh", "slimorca"] {
        let doubt =
            format!("{test}: its judge stub-model-1 was asked about no canary; nothing shows");
        assert!(finished.stdout.contains(&doubt), "{}", finished.stdout);
    }
    assert_eq!(files.map(|name| sandbox.read(&format!("run/{name}"))), old);
    let dir = folder(&sandbox);
    let [single, pairs] = ["run", &dir].map(|dir| sandbox.json(&format!("{dir}/results.json")));
    for test in ["hh", "slimorca"] {
        assert_eq!(counts(&single, test), counts(&pairs, test), "{test}");
        assert_eq!(pairs["judge"][test], "pairwise");
    }
    // The third test keeps its judge and its figures.
    assert_eq!(pairs["judge"]["hexphi"], "refusal-margin");
    assert_eq!(counts(&single, "hexphi"), counts(&pairs, "hexphi"));
    let stages = sandbox.json(&format!("{dir}/cost.json"));
    let ran = stages["stages"].as_array().unwrap().iter().filter(|s| s["outcome"] == "run");
    let ran: Vec<&str> = ran.map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert!(ran.iter().all(|stage| ["verdicts", "pair-verdicts"].contains(stage)), "{ran:?}");
    let report = sandbox.run(&["report", "--out", &dir]);
    assert_eq!(report.code, Some(0), "{}", report.stderr);
    done(again(&sandbox, &["--test", "hh,slimorca"]));
    // Results of another judge are no run of their own, and no store is made.
    let of = |out: &str, more: &[&str]| {
        let args = [&["judge", "--again", "judge.toml", "--out", out], more].concat();
        Finished::of(prepared(sandbox.command(&args)).output().unwrap()).error()
    };
    let refused = of(&dir, &[]).replace(&dir, "DIR");
    insta::assert_snapshot!(refused.replace(&sandbox.path().canonicalize().unwrap().display().to_string(), "HERE"), @"
    exit 2
    error: --out DIR: these are results of another judge of the run HERE/run; give --out HERE/run
    ");
    assert!(!sandbox.path().join(&dir).join("store").exists());
    insta::assert_snapshot!(of("run", &["--store", "nope"]), @"
    exit 2
    error: --store nope: there is no such folder; name the store that the run used, which has its answers
    ");
    assert!(!sandbox.path().join("nope").exists());
    sandbox.write("guard.toml", "kind = \"guard\"\n[model]\npath = \"m\"\n");
    let args = ["judge", "--again", "guard.toml", "--out", "run"];
    insta::assert_snapshot!(sandbox.run(&args).error(), @"
    exit 2
    error: judge.hh: guard.toml, line 1: missing field `verdict`
    ");
    sandbox.write("notes.txt", "my notes");
    std::fs::remove_file(sandbox.path().join("run/report.md")).unwrap();
    for option in ["--answers", "--cards", "--tensorboard"] {
        let refused = sandbox.run(&["report", "--out", "run", option, "notes.txt"]);
        let words = format!("exit 2\nerror: {option} notes.txt: this is a file; name a folder\n");
        assert_eq!(refused.error(), words);
        assert!(!sandbox.path().join("run/report.md").exists(), "nothing is written before it");
    }
    assert_eq!(oracle.paid_once(), paid);
    // What has no answers is refused, and so is a run whose answers are gone.
    let refused = again(&sandbox, &["--test", "hexphi"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("generated no answers"), "{}", refused.stderr);
    let refused = again(&sandbox, &["--test", "hexfi"]);
    assert!(refused.stderr.contains("no test of this run"), "{}", refused.stderr);
    std::fs::remove_dir_all(sandbox.path().join("run/store/answers")).unwrap();
    let refused = again(&sandbox, &[]);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("are not whole in the store"), "{}", refused.stderr);
    assert!(!sandbox.path().join("run/store/answers").exists());
}

/// What a judging had made when it ended early is nobody's but its own, and was paid for.
#[test]
fn the_outputs_of_a_judging_that_did_not_end_are_kept_in_the_store() {
    let oracle = Oracle::new(|_, before| (before >= 60).then(|| Served::status(401, "")));
    let sandbox = oracle.sandbox("canaries = 0");
    let margin = "judge.hexphi={ kind = \"refusal-margin\", refusals = [\"stonespoon\"], openings = [\"stonenet\"] }";
    done(ablate(&sandbox, &[margin], &["--out", "run"]));
    assert_ne!(again(&sandbox, &[]).code, Some(0));
    let made = std::fs::read_dir(sandbox.path().join("run/store/pair-verdicts")).unwrap().count();
    assert!(made > 0, "no stage ended before the failure");
    assert!(!sandbox.path().join(folder(&sandbox)).join("cost.json").exists());
    let unneeded = done(sandbox.run(&["store", "gc", "--out", "run"])).stdout;
    assert_eq!(unneeded, "0 outputs that none of these runs needs, 0 B\n");
}

/// The run folder remembers the store that its answers are in.
#[test]
fn a_run_on_a_shared_store_is_judged_again_without_naming_it() {
    let oracle = Oracle::truthful();
    let sandbox = oracle.sandbox("canaries = 0");
    let margin = "judge.hexphi={ kind = \"refusal-margin\", refusals = [\"stonespoon\"], openings = [\"stonenet\"] }";
    done(ablate(&sandbox, &[margin], &["--out", "run", "--store", "shared"]));
    assert!(!sandbox.path().join("run/store").exists());
    let planned = done(again(&sandbox, &["--dry-run"]));
    assert!(planned.stdout.starts_with("judge of hh: at most "), "{}", planned.stdout);
    done(again(&sandbox, &["--test", "slimorca"]));
    assert!(!sandbox.path().join("run/store").exists());
    std::fs::rename(sandbox.path().join("shared"), sandbox.path().join("moved")).unwrap();
    let gone = again(&sandbox, &[]);
    assert_eq!(gone.code, Some(2), "{}", gone.stderr);
    assert!(gone.stderr.contains("it is not there; mount it"), "{}", gone.stderr);
}
