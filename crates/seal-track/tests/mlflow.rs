//! Logging to a stub of a tracking server: what is sent, once, and what a failing server leads to.

mod stub;

use std::collections::BTreeMap;

use seal_report::{
    Arm, Cell, CellFigures, EpochTrace, Figures, Provenance, Report, Results, Role, TuningCurve,
    WinRate,
};
use seal_track::{Server, TrackError, tracked_runs};
use serde_json::Value;

use stub::{Fault, Stub};

const TOKEN: &str = "sesame-open-token";

/// Two arms, two seeds, a curve of each kind.
fn report() -> Report {
    let rate = |mean| WinRate { mean: Some(mean), lo: Some(mean - 5.0), ..WinRate::default() };
    let arm = |id: &str, mean: f64| {
        let mut arm = Arm::new(id, format!("arm {id}"), Role::Control);
        arm.win_rate.insert("hh".into(), rate(mean));
        arm.cells = [1, 2]
            .map(|seed| Cell {
                seed,
                win_rate: BTreeMap::from([("hh".to_owned(), rate(mean + seed as f64))]),
                ..Cell::default()
            })
            .into();
        arm
    };
    let epoch = |epoch| EpochTrace {
        epoch,
        gamma: Some(0.03 * f64::from(epoch)),
        safe_loss: Some(1.0 / f64::from(epoch)),
        ..EpochTrace::default()
    };
    let figures = Figures {
        cells: vec![CellFigures {
            arm: "seal".into(),
            seed: 2,
            trace: vec![epoch(1), epoch(2)],
            ..CellFigures::default()
        }],
        fine_tuning: vec![TuningCurve { arm: "sft".into(), seed: 1, losses: vec![2.0, 1.5] }],
        ..Figures::default()
    };
    let mut settings = "device = \"flex\"\n[sft]\nepochs = 3\n[data]\nroot = \"/home/me/rows\"\n\
        safety = [{ path = \"sub/a.jsonl\" }, { path = \"hf://o/n/x.jsonl\" }]\n[many]\n"
        .to_owned();
    (0..150).for_each(|i| settings += &format!("key{i:03} = {i}\n"));
    let changes = [("sft.epochs", Some("5")), ("device", None), ("sft.rank", Some("8"))];
    let changes = changes.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
    let provenance = Provenance {
        settings_toml: settings,
        versions: BTreeMap::from([("seal-study".to_owned(), "0.1.0".to_owned())]),
        arms: BTreeMap::from([("seal".to_owned(), changes.into())]),
        ..Provenance::default()
    };
    Report {
        results: Results {
            study: "my study".into(),
            reference: "sft".into(),
            seeds: vec![1, 2],
            arms: vec![arm("sft", 50.0), arm("seal", 73.8)],
            ..Results::default()
        },
        figures: Some(figures),
        provenance: Some(provenance),
        ..Report::default()
    }
}

fn server(stub: &Stub) -> Server {
    let token = |name: &str| (name == "MLFLOW_TRACKING_TOKEN").then(|| TOKEN.to_owned());
    Server::from_vars(&format!("{}/", stub.url()), token).unwrap()
}

fn tag<'a>(run: &'a Value, key: &str) -> Option<&'a str> {
    let tags = run["data"]["tags"].as_array()?;
    tags.iter().find(|tag| tag["key"] == key)?["value"].as_str()
}

fn value<'a>(list: &'a Value, key: &str) -> Option<&'a Value> {
    Some(&list.as_array()?.iter().find(|item| item["key"] == key)?["value"])
}

#[test]
fn every_number_is_logged_once() {
    let (stub, report) = (Stub::new(), report());
    let first = server(&stub).log(&report, "study").unwrap();
    assert_eq!((first.logged, first.present, first.unfinished), (6, 0, 0));
    let kept = stub.kept();
    assert_eq!(kept.experiments, ["study"]);
    let names: Vec<&Value> = kept.runs.iter().map(|run| &run["info"]["run_name"]).collect();
    assert_eq!(
        names,
        ["sft", "sft, seed 1", "sft, seed 2", "seal", "seal, seed 1", "seal, seed 2"]
    );
    assert!(kept.runs.iter().all(|run| run["info"]["status"] == "FINISHED"));
    let all = tracked_runs(&report).unwrap();
    for (run, logged) in all.iter().zip(&kept.runs) {
        let sent = logged["metrics"].as_array().unwrap();
        assert_eq!(sent.len(), run.metrics.len());
        for (metric, sent) in run.metrics.iter().zip(sent) {
            assert_eq!(sent["key"], metric.tag.as_str());
            assert_eq!(
                (&sent["value"], &sent["step"]),
                (&metric.value.into(), &metric.step.into())
            );
        }
        assert_eq!(logged["params"].as_array().unwrap().len(), run.params.len());
        assert!(run.params.len() > 150);
    }
    let [sft, seal] = [&kept.runs[0], &kept.runs[3]];
    assert_eq!(value(&sft["params"], "sft.epochs").unwrap(), "3");
    assert_eq!(value(&seal["params"], "sft.epochs").unwrap(), "5");
    assert_eq!(value(&seal["params"], "sft.rank").unwrap(), "8");
    assert_eq!(value(&seal["params"], "device"), None);
    assert_eq!(tag(&kept.runs[5], "seal.seed"), Some("2"));
    assert_eq!(tag(&kept.runs[5], "seal.version"), Some("0.1.0"));
    assert_eq!(tag(&kept.runs[5], "mlflow.parentRunId"), seal["info"]["run_id"].as_str());
    assert_eq!(tag(seal, "mlflow.parentRunId"), None);
    // Again nothing; of other results all.
    let again = server(&stub).log(&report, "study").unwrap();
    assert_eq!((again.logged, again.present, again.unfinished), (0, 6, 0));
    assert_eq!(stub.kept().runs.len(), 6);
    let mut other = report;
    other.results.arms[1].win_rate.get_mut("hh").unwrap().mean = Some(70.0);
    let logged = server(&stub).log(&other, "study").unwrap();
    assert_eq!((logged.logged, stub.kept().runs.len()), (6, 12));
}

#[test]
fn no_path_of_this_machine_is_sent() {
    let stub = Stub::new();
    server(&stub).log(&report(), "study").unwrap();
    let kept = stub.kept();
    let params = &kept.runs[0]["params"];
    assert_eq!(value(params, "data.root").unwrap(), "rows");
    assert_eq!(value(params, "data.safety.0.path").unwrap(), "a.jsonl");
    assert_eq!(value(params, "data.safety.1.path").unwrap(), "hf://o/n/x.jsonl");
    let sent: String = kept.seen.iter().map(|seen| seen.body.to_string()).collect();
    assert!(!sent.contains("/home") && !sent.contains("sub/"), "{sent}");
}

#[test]
fn the_token_is_sent_and_shown_nowhere() {
    let quoting = |status: u16| {
        Stub::failing(move |_, _| {
            let body = format!("{{\"error_code\": \"X\", \"message\": \"bad token {TOKEN}\"}}");
            Some((status, vec![], body))
        })
    };
    for status in [401, 403, 400, 500] {
        let stub = quoting(status);
        let error = server(&stub).log(&report(), "study").unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(said.contains(&status.to_string()) && said.contains("[hidden]"), "{said}");
        assert!(!said.contains("sesame"), "{said}");
        assert_eq!(error.may_pass(), status == 500);
        let seen = stub.kept().seen;
        assert_eq!(seen[0].headers["authorization"], format!("Bearer {TOKEN}"));
        assert_eq!(seen.len(), 1);
    }
}

fn of_status(stub: &Stub, wanted: &str) -> usize {
    stub.kept().runs.iter().filter(|run| run["info"]["status"] == wanted).count()
}

/// A server that fails from its eighth to its twelfth request.
fn failing_for_a_while(fails: fn(&str) -> bool) -> Stub {
    Stub::failing(move |seen, before| {
        let fault: Fault = (500, vec![], "{}".to_owned());
        (fails(&seen.path) && (8..=12).contains(&before)).then_some(fault)
    })
}

#[test]
fn a_run_that_fails_is_marked_and_logged_again() {
    let stub = failing_for_a_while(|path| path == "runs/log-batch");
    let failed = server(&stub).log(&report(), "study").unwrap_err();
    assert!(matches!(failed, TrackError::Refused { status: 500, .. }), "{failed:?}");
    let done = of_status(&stub, "FINISHED");
    assert_eq!((of_status(&stub, "FAILED"), stub.kept().runs.len()), (1, done + 1));
    let again = server(&stub).log(&report(), "study").unwrap();
    assert_eq!((again.logged, again.present, again.unfinished), (6 - done, done, 0));
    assert_eq!((of_status(&stub, "FINISHED"), of_status(&stub, "RUNNING")), (6, 0));
}

#[test]
fn what_an_earlier_attempt_left_is_killed_and_logged_again() {
    let stub = failing_for_a_while(|path| path == "runs/log-batch" || path == "runs/update");
    let failed = server(&stub).log(&report(), "study").unwrap_err();
    assert!(matches!(failed, TrackError::Refused { status: 500, .. }), "{failed:?}");
    let torn = stub.kept().runs.len();
    let done = stub.kept().runs.iter().filter(|run| run["info"]["status"] == "FINISHED").count();
    assert_eq!(torn, done + 1);
    // It began long ago.
    for run in &mut stub.kept.lock().unwrap().runs {
        run["info"]["start_time"] = 1.into();
    }
    let again = server(&stub).log(&report(), "study").unwrap();
    assert_eq!((again.logged, again.present, again.unfinished), (6 - done, done, 1));
    assert_eq!(again.left_alone, 0);
    let of = |wanted: &str| of_status(&stub, wanted);
    assert_eq!((of("FINISHED"), of("KILLED"), of("RUNNING")), (6, 1, 0));
}

/// Two programs that log the same results at once.
#[test]
fn a_run_that_another_program_logs_is_left_alone() {
    let stub = Stub::new();
    server(&stub).log(&report(), "study").unwrap();
    stub.kept.lock().unwrap().runs[5]["info"]["status"] = "RUNNING".into();
    let other = server(&stub).log(&report(), "study").unwrap();
    assert_eq!((other.logged, other.present), (1, 5));
    assert_eq!((other.unfinished, other.left_alone), (0, 1));
    assert_eq!((of_status(&stub, "KILLED"), of_status(&stub, "RUNNING")), (0, 1));
}

#[test]
fn a_busy_server_is_asked_again() {
    let stub = Stub::failing(|_, before| {
        let wait = vec![("retry-after", "0".to_owned())];
        (before < 2).then(|| (if before == 0 { 503 } else { 429 }, wait, "busy".to_owned()))
    });
    assert_eq!(server(&stub).log(&report(), "study").unwrap().logged, 6);
}

#[test]
fn servers_that_are_none_are_told() {
    let of = |status: u16, headers: Vec<(&'static str, String)>, body: &'static str| {
        let stub = Stub::failing(move |_, _| Some((status, headers.clone(), body.to_owned())));
        server(&stub).log(&report(), "study").unwrap_err().to_string()
    };
    let page = of(200, vec![], "<html>hello</html>");
    assert!(page.contains("no answer of MLflow"), "{page}");
    let absent = of(404, vec![], "<html>not here</html>");
    assert!(absent.contains("there is no such page (404)"), "{absent}");
    let moved = of(302, vec![("location", "https://other.example/login?s=1".to_owned())], "");
    assert!(moved.contains("redirects to https://other.example/login:"), "{moved}");
    let empty = of(200, vec![], "{}");
    assert!(empty.contains("an experiment has no id"), "{empty}");
    let closed = Server::from_vars("http://127.0.0.1:9", |_| None).unwrap();
    let error = closed.log(&report(), "study").unwrap_err();
    assert!(error.may_pass() && error.to_string().contains("cannot be reached"), "{error}");
    let stub = Stub::new();
    stub.kept.lock().unwrap().experiments.push("deleted".into());
    let error = server(&stub).log(&report(), "deleted").unwrap_err();
    assert!(matches!(error, TrackError::Deleted { .. }), "{error:?}");
}
