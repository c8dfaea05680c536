//! `--track` and `--tensorboard`: results into other programs.

#[path = "../../crates/seal-track/tests/stub/mod.rs"]
mod stub;

use std::fs;

use stub::Stub;
use whole_program::Sandbox;

const PROGRAM: &str = env!("CARGO_BIN_EXE_program");

#[test]
fn a_study_is_logged_and_a_server_that_fails_does_not_fail_it() {
    let sandbox = Sandbox::with_study(PROGRAM);
    // Nobody listens there.
    let finished = sandbox.ablate("run", &["--track", "mlflow=http://127.0.0.1:9"]);
    let said = &finished.stderr;
    assert!(said.contains("warning: the results are whole in run and were not logged"), "{said}");
    assert!(said.contains("http://127.0.0.1:9/") && said.contains("cannot be reached"), "{said}");
    assert!(finished.stdout.contains("report.html"), "{}", finished.stdout);

    // Asked for by itself it is the failure of the command, which may pass.
    let alone = sandbox.run(&["report", "--out", "run", "--track", "mlflow=http://127.0.0.1:9"]);
    assert_eq!(alone.code, Some(5), "{}", alone.stderr);

    let stub = Stub::new();
    let report = ["report", "--out", "run", "--tensorboard", "board", "--track", "mlflow"];
    let tracked = || {
        let mut command = sandbox.command(&report);
        command.env("MLFLOW_TRACKING_URI", stub.url()).env("MLFLOW_TRACKING_TOKEN", "open-sesame");
        let finished = whole_program::Finished::of(command.output().unwrap());
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert!(!format!("{}{}", finished.stdout, finished.stderr).contains("sesame"));
        finished
    };
    let results = sandbox.json("run/results.json");
    let arms = results["arms"].as_array().unwrap();
    let runs: usize = arms.iter().map(|arm| 1 + arm["cells"].as_array().unwrap().len()).sum();
    let first = tracked();
    assert!(first.stderr.contains(&format!("{runs} runs logged to {}", stub.url())));
    let kept = stub.kept();
    assert_eq!((kept.experiments.len(), kept.runs.len()), (1, runs));
    assert_eq!(kept.experiments[0], results["study"].as_str().unwrap());
    let metric = |run: usize, key: &str| {
        let list = kept.runs[run]["metrics"].as_array().unwrap();
        list.iter().find(|metric| metric["key"] == key).map(|metric| metric["value"].clone())
    };
    let rates = arms[0]["win_rate"].as_object().unwrap();
    for (test, rate) in rates {
        assert_eq!(metric(0, &format!("win_rate/{test}")), Some(rate["mean"].clone()));
    }
    // The curve of the fine-tuning is that of the stage.
    let curves = sandbox.json("run/figures.json")["fine_tuning"].clone();
    assert!(!curves.as_array().unwrap().is_empty());
    assert_eq!(metric(1, "fine_tuning/loss"), Some(curves[0]["losses"][0].clone()));
    // A change of an arm is a param of its run.
    let seal = arms.iter().position(|arm| arm["role"] == "ablation").unwrap();
    let gamma = kept.runs.iter().find(|run| run["info"]["run_name"] == arms[seal]["id"]).unwrap();
    let params = gamma["params"].as_array().unwrap();
    assert!(
        params.iter().any(|p| p["key"] == "bilevel.gamma" && p["value"] == "0.1"),
        "{params:?}"
    );
    let again = tracked();
    let words = format!("0 runs logged to {}", stub.url());
    assert!(again.stderr.contains(&words) && again.stderr.contains(&format!("{runs} were there")));
    assert_eq!(stub.kept().runs.len(), runs);

    // One event file for each run, the same bytes each time.
    let mut files = 0;
    for arm in arms {
        let id = arm["id"].as_str().unwrap();
        let folders =
            arm["cells"].as_array().unwrap().iter().map(|c| format!("/seed-{}", c["seed"]));
        for folder in std::iter::once(String::new()).chain(folders) {
            let path = format!("board/{id}{folder}/events.out.tfevents.0.seal");
            let bytes = fs::read(sandbox.path().join(&path)).unwrap();
            // The first record names the format.
            assert_eq!(&bytes[14..27], b"brain.Event:2", "{path}");
            files += 1;
        }
    }
    assert_eq!(files, runs);
}

#[test]
fn a_tracker_that_cannot_be_used_is_refused_before_the_work() {
    let sandbox = Sandbox::with_study(PROGRAM);
    let study = ["ablate", "--config", "study.toml", "--out", "run"];
    for (track, words) in [
        ("mlflow", "nothing names the server; write mlflow=URL, or set MLFLOW_TRACKING_URI"),
        ("wandb", "write mlflow or mlflow=URL"),
        ("mlflow=http://me:sesame@host", "it holds a user name"),
        ("mlflow=sqlite:///runs.db", "it begins with http:// or https://"),
    ] {
        let mut command = sandbox.command(&[&study[..], &["--track", track]].concat());
        command.env_remove("MLFLOW_TRACKING_URI");
        let finished = whole_program::Finished::of(command.output().unwrap());
        assert_eq!(finished.code, Some(2), "{track}: {}", finished.stderr);
        assert!(finished.stderr.contains(words), "{track}: {}", finished.stderr);
        assert!(!sandbox.path().join("run").exists(), "{track}");
    }
}
