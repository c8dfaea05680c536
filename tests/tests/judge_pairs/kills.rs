//! A run that is killed, beside a server that fails in every way.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::setup::{assert_no_key, command, figures, longer, run, sandbox};
use crate::stub::{Served, Stub};

/// A server that serves so many replies and no more until it is let.
struct Gate {
    stub: Stub,
    allowed: Arc<AtomicUsize>,
    /// Raised when a process is killed: what it waited for is never served.
    lives: Arc<AtomicUsize>,
    /// Requests that wait to be served.
    waiting: Arc<AtomicUsize>,
    /// Replies by idempotency key.
    paid: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Gate {
    fn new() -> Self {
        let (allowed, lives) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let paid: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let waiting = Arc::new(AtomicUsize::new(0));
        let shared =
            (Arc::clone(&allowed), Arc::clone(&lives), Arc::clone(&paid), Arc::clone(&waiting));
        let faults: Mutex<BTreeMap<String, usize>> = Mutex::default();
        let stub = Stub::new(move |seen, _| {
            let key = seen.headers["idempotency-key"].clone();
            let fault = {
                let mut faults = faults.lock().unwrap();
                let count = faults.entry(key.clone()).or_default();
                *count += 1;
                fault(&key, *count)
            };
            if let Some(fault) = fault {
                return fault;
            }
            let (allowed, lives, paid, waiting) = &shared;
            let life = lives.load(Ordering::SeqCst);
            waiting.fetch_add(1, Ordering::SeqCst);
            let served = loop {
                // In this order: whoever sees the next life's allowance sees that life, too.
                let allowed = allowed.load(Ordering::SeqCst);
                if lives.load(Ordering::SeqCst) != life {
                    break Served::hang_up();
                }
                let mut paid = paid.lock().unwrap();
                if paid.values().sum::<usize>() < allowed {
                    *paid.entry(key).or_default() += 1;
                    break longer(seen);
                }
                drop(paid);
                std::thread::sleep(Duration::from_millis(2));
            };
            waiting.fetch_sub(1, Ordering::SeqCst);
            served
        });
        Self { stub, allowed, lives, waiting, paid }
    }
}

/// The first or second attempt at about every second question fails in a way of its own.
fn fault(key: &str, attempt: usize) -> Option<Served> {
    let digit = key.as_bytes().get(5).copied()?;
    let error = |status| Some(Served::status(status, r#"{"error":{"message":"x"}}"#));
    match (digit, attempt) {
        (b'0', 1 | 2) => error(500),
        (b'1', 1) => error(429),
        (b'2', 1) => Some(Served::status(429, "").with("retry-after", "0")),
        (b'3', 1) => Some(Served::status(200, r#"{"error":{"message":"x","code":503}}"#)),
        (b'4', 1) => Some(Served::status(200, r#"{"choices":[]}"#)),
        (b'5', 1) => Some(Served::says("A").cut_at(50)),
        (b'6', 1) => Some(Served::status(502, "<html>").with("content-type", "text/html")),
        (b'7', 1) => Some(Served::hang_up()),
        (b'8', 1) => error(408),
        _ => None,
    }
}

#[test]
fn a_run_that_is_killed_ten_times_pays_for_no_verdict_twice() {
    const QUESTIONS: usize = 60 * 2 + 2 * 9;
    let gate = Gate::new();
    let sandbox = sandbox(&gate.stub, 60, "canaries = 2");
    let verdicts = sandbox.path().join("verdicts.jsonl");
    let lines = || fs::read_to_string(&verdicts).unwrap_or_default().matches('\n').count();
    for life in 1..=10 {
        let allowed = life * 12;
        gate.allowed.store(allowed, Ordering::SeqCst);
        let mut child =
            command(&sandbox, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        // All four threads wait: no request is on its way when the process is killed.
        while lines() < allowed || gate.waiting.load(Ordering::SeqCst) < 4 {
            assert!(started.elapsed() < Duration::from_secs(60), "{} of {allowed}", lines());
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        gate.lives.fetch_add(1, Ordering::SeqCst);
        // What a kill in the middle of a write leaves.
        if life % 3 == 0 {
            let mut text = fs::read_to_string(&verdicts).unwrap();
            text.push_str("{\"version\":1,\"key\":\"ab");
            fs::write(&verdicts, text).unwrap();
        }
    }
    gate.allowed.store(usize::MAX, Ordering::SeqCst);
    let finished = run(&sandbox, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let found = figures(&finished);
    assert_eq!((found["missing"], found["replies"]), (0.0, QUESTIONS as f64));
    assert_eq!(found["replies_asked_now"], (QUESTIONS - 120) as f64);
    let paid = gate.paid.lock().unwrap();
    assert_eq!(paid.len(), QUESTIONS);
    assert!(paid.values().all(|count| *count == 1), "{paid:?}");
    assert_eq!(found["win_rate"], 75.0);
    assert_no_key(&sandbox, &finished);
}
