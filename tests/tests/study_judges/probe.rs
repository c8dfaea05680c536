//! Endpoints that are asked before anything trains whether they are there, and runs that stop while a
//! reply is under way.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use whole_program::{Finished, Sandbox, oracle_table};

use crate::common::lines;
use crate::models::{ABLATE, Rater, run};
use crate::setup::{Oracle, ablate, command_of, done};
use crate::stub::{Served, Stub};

const BY_PAIRS: [&str; 1] = ["judge.slimorca.table=judge.toml"];

fn sandbox(stub: &Stub) -> Sandbox {
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    let table = oracle_table(&stub.base_url(), Some("STUB_KEY"), "canaries = 0");
    sandbox.write("judge.toml", &table);
    sandbox
}

fn error(status: u16) -> Served {
    Served::status(status, json!({"error": {"message": "no", "type": "x"}}).to_string())
}

#[test]
fn an_endpoint_that_no_question_would_reach_is_said_before_the_training() {
    // Nobody listens at this address.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", free.local_addr().unwrap());
    drop(free);
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    sandbox.write("judge.toml", &oracle_table(&url, Some("STUB_KEY"), "canaries = 0"));
    let refused = |sandbox: &Sandbox, more: &[&str]| {
        let out = ["--out", "out", "-q"];
        let finished = ablate(sandbox, &BY_PAIRS, &[&out[..], more].concat());
        assert!(!sandbox.path().join("out/store/base").exists());
        finished
    };
    let nobody = refused(&sandbox, &[]);
    assert_eq!(nobody.code, Some(5), "{}", nobody.stderr);
    let said = nobody.stderr.lines().last().unwrap();
    assert!(said.starts_with("error: judge.slimorca: nobody answers at http://"), "{said}");
    assert!(said.ends_with("; --no-probe begins without this question"), "{said}");
    // A look ahead asks nobody.
    done(ablate(&sandbox, &BY_PAIRS, &["--out", "out", "--dry-run"]));
    for (status, words) in [
        (401, "does not know who asks"),
        (403, "refuses this key, model or address"),
        (404, "no such page or no model"),
    ] {
        let stub = Stub::probed(move |_| error(status), |_, _| Served::says("A"));
        let sandbox = self::sandbox(&stub);
        let finished = refused(&sandbox, &[]);
        assert_eq!(finished.code, Some(2), "{}", finished.stderr);
        assert!(finished.stderr.contains(words), "{}", finished.stderr);
        assert_eq!((stub.probes().len(), stub.seen().len()), (1, 0));
        done(ablate(&sandbox, &BY_PAIRS, &["--out", "out", "--dry-run"]));
        assert_eq!((stub.probes().len(), stub.seen().len()), (1, 0));
    }
}

#[test]
fn a_failure_that_passes_ends_no_run_before_it_begins() {
    let oracle = Oracle::with_probe(|_| Served::hang_up(), |_, _| None);
    let sandbox = oracle.sandbox("canaries = 0");
    let finished = done(ablate(&sandbox, &BY_PAIRS, &["--out", "out"]));
    let said = "judge.slimorca: a first question had no reply, and the run goes on: http://";
    assert!(finished.stderr.contains(said), "{}", finished.stderr);
    assert_eq!(oracle.stub.probes().len(), 3);
    assert!(oracle.paid_once() > 0);
}

#[test]
fn a_probe_is_no_verdict_and_comes_once_and_only_where_something_is_to_be_asked() {
    let oracle = Oracle::truthful();
    let sandbox = oracle.sandbox("canaries = 0");
    let both = ["judge.slimorca.table=judge.toml", "judge.hh.table=judge.toml"];
    done(ablate(&sandbox, &both, &["--out", "out"]));
    let paid = oracle.paid_once();
    assert_eq!(oracle.stub.probes().len(), 1, "two judges behind one endpoint");
    let log = fs::read_dir(sandbox.path().join("out/store/judgements")).unwrap().next();
    let log = fs::read_to_string(log.unwrap().unwrap().path().join("verdicts.jsonl")).unwrap();
    assert_eq!(log.lines().count(), paid);
    // The store has all, or the log has.
    done(ablate(&sandbox, &both, &["--out", "out"]));
    fs::remove_dir_all(sandbox.path().join("out/store/pair-verdicts")).unwrap();
    done(ablate(&sandbox, &both, &["--out", "out"]));
    assert_eq!(oracle.stub.probes().len(), 1);
    let again = ["judge", "--again", "judge.toml", "--out", "out", "--test", "hexphi"];
    done(run(&sandbox, &[&again[..], &["--no-probe"]].concat(), &[]));
    assert_eq!(oracle.stub.probes().len(), 1);
    fs::remove_dir_all(sandbox.path().join("out/store/judgements")).unwrap();
    fs::remove_dir_all(sandbox.path().join("out/store/pair-verdicts")).unwrap();
    done(run(&sandbox, &again, &[]));
    assert_eq!(oracle.stub.probes().len(), 2);
}

/// A reply that never comes ends no run, and is asked for again by the next.
#[test]
#[cfg(unix)]
fn a_run_that_is_asked_to_stop_waits_for_no_reply() {
    let rater = Rater::new();
    let sandbox = rater.sandbox();
    let go = Arc::new(AtomicBool::new(false));
    let may_answer = Arc::clone(&go);
    let held = Stub::new(move |_, before| {
        while before >= 2 && !may_answer.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(2));
        }
        Served::says("2")
    });
    let table = sandbox.read("tables/rubric.toml");
    let start = table.find("http://").unwrap();
    let end = start + table[start..].find('"').unwrap();
    // Nothing but the stop ends a question within the time of this test.
    let limits = "[endpoint.limits]\nconcurrency = 1\n[endpoint.patience]\ntimeout = 100000.0\n\
                  deadline = 100000.0\n";
    let slow = format!("{}{}{}{limits}", &table[..start], held.base_url(), &table[end..]);
    sandbox.write("tables/held.toml", &slow);
    let set = ["judge.hexphi.table=tables/held.toml"];
    let mut command = command_of(&sandbox, &ABLATE, &set);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while held.seen().len() < 3 {
        assert!(started.elapsed() < Duration::from_secs(300), "nothing was asked");
        std::thread::sleep(Duration::from_millis(5));
    }
    let process = child.id().to_string();
    assert!(
        std::process::Command::new("kill").args(["-TERM", &process]).status().unwrap().success()
    );
    // The server would hold it for ever.
    let finished = Finished::of(child.wait_with_output().unwrap());
    assert_eq!(finished.code, Some(143), "{}", finished.stderr);
    while held.broken_off() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(held.broken_off(), 1);
    let log = fs::read_dir(sandbox.path().join("out/store/judgements")).unwrap().next();
    let log = log.unwrap().unwrap().path().join("verdicts.jsonl");
    let kept = fs::read_to_string(&log).unwrap();
    assert_eq!(kept.lines().count(), 2);
    assert!(kept.ends_with('\n'));
    go.store(true, Ordering::SeqCst);
    done(run(&sandbox, &ABLATE, &set));
    let whole = fs::read_to_string(&log).unwrap();
    assert!(whole.starts_with(&kept));
    let keys: BTreeSet<String> = lines(&whole).iter().map(|row| row["key"].to_string()).collect();
    assert_eq!(keys.len(), whole.lines().count(), "a question was asked twice");
    // Only the question that was broken off was sent twice.
    assert_eq!(held.seen().len(), keys.len() + 1);
}
