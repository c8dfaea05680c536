//! A study judged by pairs through an endpoint that tells the oracle's truth.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::setup::{Oracle, ablate, assert_no_key, command, counts, done};
use crate::stub::Served;

const TESTS: [&str; 3] = ["hh", "slimorca", "hexphi"];

const BY_PAIRS: [&str; 3] = [
    "judge.hh.table=judge.toml",
    "judge.slimorca.table=judge.toml",
    "judge.hexphi.table=judge.toml",
];

#[test]
fn pairs_give_the_verdicts_of_the_oracle_row_by_row() {
    let oracle = Oracle::truthful();
    let sandbox = oracle.sandbox("canaries = 1");
    let store = ["--store", "store"];
    done(ablate(&sandbox, &[], &[&store[..], &["--out", "single"]].concat()));
    let own = ["judge.hh.also.truth.kind=oracle", "judge.slimorca.also.truth.kind=oracle"];
    let set = [&BY_PAIRS[..], &own].concat();
    let pairs = [&store[..], &["--out", "pairs"]].concat();
    // What is asked at most is known before, to the question where answers are there.
    let planned = done(ablate(&sandbox, &set, &[&pairs[..], &["--dry-run"]].concat()));
    assert_eq!(oracle.paid_once(), 0);
    let most = |test: &str| -> usize {
        let start = format!("judge of {test}: at most ");
        let line = planned.stdout.lines().find_map(|line| line.strip_prefix(&start)).unwrap();
        assert!(line.contains("to oracle, cost at most"), "{line}");
        line.split(' ').next().unwrap().parse().unwrap()
    };
    let most: usize = TESTS.iter().map(|test| most(test)).sum();
    let finished = done(ablate(&sandbox, &set, &pairs));
    assert_eq!(oracle.paid_once(), most);
    assert!(most > 0);
    assert_no_key(&sandbox, &finished);
    let [single, by_pairs] =
        ["single", "pairs"].map(|out| sandbox.json(&format!("{out}/results.json")));
    for test in TESTS {
        assert_eq!(counts(&single, test), counts(&by_pairs, test), "{test}");
        assert_eq!(by_pairs["judge"][test], "pairwise");
        for (one, other) in
            single["arms"].as_array().unwrap().iter().zip(by_pairs["arms"].as_array().unwrap())
        {
            assert_eq!(one["win_rate"][test], other["win_rate"][test], "{test}");
        }
    }
    // The counts could agree by luck; the table of both judges has no item off its diagonal.
    for test in ["hh", "slimorca"] {
        let truth = &by_pairs["opinions"][test]["truth"];
        let table = truth["verdicts"]["table"].as_array().unwrap();
        for (i, row) in table.iter().enumerate() {
            for (j, count) in row.as_array().unwrap().iter().enumerate() {
                assert!(i == j || count == 0, "{truth}");
            }
        }
    }
    // What is no part of a judge of pairs is not in results of other judges.
    let text = sandbox.read("single/results.json");
    assert!(!text.contains("judging") && !text.contains("opinions") && !text.contains("pairs"));
    let judging = &by_pairs["judging"]["slimorca"];
    assert_eq!(judging["models"][0], "stub-model-1");
    assert_eq!((&judging["missing"], &judging["flip_rate"]), (&0.into(), &0.0.into()));
    assert!(judging["cost"]["money"].as_f64().unwrap() > 0.0);
    let page = sandbox.read("pairs/report.md");
    for shown in ["Canaries", "Judges of pairs", "at equal lengths", "Agreement with the judge"] {
        assert!(page.contains(shown), "{shown}");
    }
    // A second run asks nothing, and neither does one that reads or counts otherwise.
    let paid = oracle.paid_once();
    for more in ["judge.hh.verdict.exact=true", "judge.hh.max_missing=0.4", "judge.hh.max_cost=9.0"]
    {
        done(ablate(&sandbox, &[&set[..], &[more]].concat(), &pairs));
        assert_eq!(oracle.stub.seen().len(), paid, "{more}");
    }
}

#[test]
fn a_study_that_is_killed_while_it_judges_pays_for_no_question_twice() {
    let allowed = Arc::new(AtomicUsize::new(25));
    let (limit, waiting) = (Arc::clone(&allowed), Arc::new(AtomicUsize::new(0)));
    let held = Arc::clone(&waiting);
    let oracle = Oracle::new(move |_, before| {
        // Who comes too late is let go when the next process runs.
        if before < limit.load(Ordering::SeqCst) {
            return None;
        }
        held.fetch_add(1, Ordering::SeqCst);
        while limit.load(Ordering::SeqCst) != usize::MAX {
            std::thread::sleep(Duration::from_millis(2));
        }
        Some(Served::hang_up())
    });
    // One question at a time, so that none is on its way when the process is killed.
    let sandbox = oracle.sandbox("canaries = 0");
    let set = [
        &BY_PAIRS[..],
        &[
            "judge.hh.endpoint.limits.concurrency=1",
            "judge.slimorca.endpoint.limits.concurrency=1",
            "judge.hexphi.endpoint.limits.concurrency=1",
        ],
    ]
    .concat();
    let mut child = command(&sandbox, "ablate", &set, &["--out", "out"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while waiting.load(Ordering::SeqCst) == 0 {
        assert!(started.elapsed() < Duration::from_secs(300), "nothing was asked");
        assert!(child.try_wait().unwrap().is_none(), "the study ended before it was killed");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = oracle.paid_once();
    assert_eq!(before, 25);
    allowed.store(usize::MAX, Ordering::SeqCst);
    let finished = done(ablate(&sandbox, &set, &["--out", "out"]));
    assert!(oracle.paid_once() > before);
    assert_no_key(&sandbox, &finished);
    let whole = Oracle::truthful();
    let other = whole.sandbox("canaries = 0");
    done(ablate(&other, &set, &["--out", "out"]));
    let [killed, whole] = [&sandbox, &other].map(|sandbox| sandbox.json("out/results.json"));
    for test in TESTS {
        assert_eq!(counts(&killed, test), counts(&whole, test), "{test}");
    }
}
