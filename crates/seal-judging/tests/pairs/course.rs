//! The course of a run: failures, money, names of models, batches, stops.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use seal_endpoint::EndpointError;
use seal_judging::{
    Event, JudgingError, Observer, PairJudge, PairSet, QuestionSet, Silent, Stopped, estimate,
    missing_questions, orders, write_batch,
};
use serde_json::{Value, json};

use crate::setup::{Folder, by_number, pairs, run, table};
use crate::stub::{Served, Stub, completion};

#[test]
fn a_server_that_is_gone_is_not_asked_a_thousand_times() {
    let stub = Stub::new(|_, _| Served::status(503, ""));
    let judge_of = table(&stub, "canaries = 0", "limits = { concurrency = 3 }");
    let error = run(&judge_of, &pairs(500), &mut Folder::new().log(), &Silent).unwrap_err();
    assert!(matches!(error, JudgingError::GivenUp { failed: 5, .. }), "{error}");
    // Five questions, each with its attempts.
    assert_eq!(stub.seen().len(), 20);
    let stub = Stub::new(|_, _| Served::status(401, ""));
    let judge_of = table(&stub, "canaries = 0", "");
    let error = run(&judge_of, &pairs(500), &mut Folder::new().log(), &Silent).unwrap_err();
    let is_unauthorized =
        matches!(error, JudgingError::Endpoint(EndpointError::Unauthorized { .. }));
    assert!(is_unauthorized && stub.seen().len() == 1, "{error}");
}

#[test]
fn questions_that_are_never_taken_leave_the_others() {
    let stub = Stub::new(|seen, _| {
        let is_long = ["(0)", "(1)", "(2)"].iter().any(|n| seen.prompt().contains(n));
        match is_long {
            true => Served::status(400, r#"{"error": {"message": "too long"}}"#),
            false => by_number(seen),
        }
    });
    let (folder, set) = (Folder::new(), pairs(20));
    let judge_of = table(&stub, "canaries = 0", "limits = { concurrency = 1 }");
    for asked in [34, 0] {
        let judged = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
        assert_eq!((judged.asked, judged.failed, judged.has_passing), (asked, 6, false));
        assert_eq!(orders(&set, &judged).unwrap().missing, 3);
    }
    // A server that takes none is not asked a thousand times.
    let stub = Stub::new(|_, _| Served::status(400, r#"{"error": {"message": "no"}}"#));
    let judge_of = table(&stub, "canaries = 0", "");
    let error = run(&judge_of, &set, &mut Folder::new().log(), &Silent).unwrap_err();
    assert!(matches!(error, JudgingError::GivenUp { failed: 5, .. }), "{error}");
    assert_eq!(stub.seen().len(), 5);
}

#[test]
fn a_largest_cost_is_never_exceeded_and_the_run_goes_on_later() {
    let stub = Stub::new(|seen, _| by_number(seen));
    // A reply costs 110 millionths by the server's count.
    let price = "price = { input = 1.0, output = 1.0 }";
    let (folder, set) = (Folder::new(), pairs(20));
    let poor = table(&stub, "canaries = 0\nmax_cost = 0.003", price);
    let judged = run(&poor, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!(judged.stopped, Some(Stopped::Budget));
    assert!(judged.cost.money <= 0.003 && judged.asked >= 8, "{:?}", judged.cost);
    let spent = stub.seen().len();
    assert_eq!(run(&poor, &set, &mut folder.log(), &Silent).unwrap().asked, 0);
    let rich = table(&stub, "canaries = 0\nmax_cost = 1.0", price);
    let judged = run(&rich, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!((judged.stopped, stub.seen().len()), (None, 40));
    assert_eq!(judged.asked, 40 - spent);
    assert!((judged.cost.money - 40.0 * 110e-6).abs() < 1e-12);
    let unpriced = table(&stub, "max_cost = 1.0", "");
    let error = run(&unpriced, &set, &mut folder.log(), &Silent).unwrap_err();
    assert!(matches!(error, JudgingError::NoPrice));
}

#[test]
fn an_estimate_is_an_upper_bound_of_money_for_short_replies() {
    let stub = Stub::new(|seen, _| by_number(seen));
    let judge_of = table(&stub, "canaries = 1", "price = { input = 1.0, output = 2.0 }");
    let set = pairs(3);
    let questions = QuestionSet::new(&judge_of, &set).unwrap();
    let missing = missing_questions(&judge_of, &questions, None);
    let found = estimate(&judge_of, &questions, &missing).unwrap();
    assert_eq!((found.questions, found.output), (15, 15 * 16));
    let about = (found.input as f64 + 2.0 * found.output as f64) / 1e6;
    assert!(found.money.unwrap() > about);
    // A server that makes a token of every byte of the prompts and of each reply's most.
    let folder = Folder::new();
    let input = folder.0.path().join("in.jsonl");
    write_batch(&judge_of, &questions, &folder.log(), &input).unwrap();
    let bytes: usize = std::fs::read_to_string(input)
        .unwrap()
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let all = line["body"]["messages"].as_array().unwrap();
            all.iter().map(|m| m["content"].as_str().unwrap().len()).sum::<usize>()
        })
        .sum();
    assert!(found.money.unwrap() >= (bytes as f64 + 2.0 * found.output as f64) / 1e6);
}

#[test]
fn dense_text_and_lost_attempts_count_against_the_largest_cost() {
    // This server makes a token of every byte, and of every other attempt it loses the reply.
    let billed = Arc::new(Mutex::new(0_usize));
    let sum = Arc::clone(&billed);
    let stub = Stub::new(move |seen, before| {
        let mut body: Value = serde_json::from_str(&by_number(seen).body).unwrap();
        let input = seen.prompt().len();
        body["usage"] = json!({"prompt_tokens": input, "completion_tokens": 16});
        *sum.lock().unwrap() += input + 16;
        let served = Served::status(200, body.to_string());
        if before % 2 == 0 { served.cut_at(9) } else { served }
    });
    let price = "price = { input = 1.0, output = 1.0 }";
    let judge_of = table(&stub, "canaries = 0\nmax_cost = 0.02", price);
    let judged = run(&judge_of, &pairs(30), &mut Folder::new().log(), &Silent).unwrap();
    let billed = *billed.lock().unwrap() as f64 / 1e6;
    assert_eq!(judged.stopped, Some(Stopped::Budget));
    assert!(billed <= 0.02 && billed > 0.01, "{billed}");
    assert!(judged.asked > 2, "{}", judged.asked);
}

#[test]
fn verdicts_of_another_model_are_not_mixed_in() {
    let served = |name: &'static str| {
        Stub::new(move |seen, _| {
            let (mut body, reply) = (completion("x"), by_number(seen));
            let said: Value = serde_json::from_str(&reply.body).unwrap();
            body["choices"] = said["choices"].clone();
            body["model"] = json!(name);
            Served::status(200, body.to_string())
        })
    };
    // One address whose model changes, as behind an alias.
    let (one, two) = (served("judge-1"), served("judge-2"));
    let (folder, set) = (Folder::new(), pairs(4));
    let first = table(&one, "canaries = 0", "");
    run(&first, &set, &mut folder.log(), &Silent).unwrap();
    // Keys hold the address: take those of the second judge.
    let second = table(&two, "canaries = 0", "");
    let keys = |judge_of: &PairJudge| -> Vec<String> {
        let questions = QuestionSet::new(judge_of, &set).unwrap();
        questions.questions().iter().map(|q| q.key.clone()).collect()
    };
    let mut text = folder.text();
    for (from, to) in keys(&first).iter().zip(keys(&second)) {
        text = text.replace(from, &to);
    }
    // One verdict is missing, so that the server must say who it is.
    let lines: Vec<&str> = text.lines().skip(1).collect();
    std::fs::write(folder.0.path().join("v.jsonl"), lines.join("\n") + "\n").unwrap();
    let error = run(&second, &set, &mut folder.log(), &Silent).unwrap_err();
    insta::assert_snapshot!(error, @"the server now names its model `judge-2`, and the verdicts before it are by `judge-1`; if these are one judge, list all in served_as; if not, list the one that is meant there, or judge into another file");
    // That reply was paid for. No further one is.
    assert_eq!((two.seen().len(), folder.text().lines().count()), (1, 8));
    let error = run(&second, &set, &mut folder.log(), &Silent).unwrap_err();
    assert!(matches!(error, JudgingError::ServedAnother { .. }), "{error}");
    assert_eq!(two.seen().len(), 1);
    // Whoever means the second judge gets all of it, and nothing twice.
    let only = table(&two, "canaries = 0\nserved_as = [\"judge-2\"]", "");
    let judged = run(&only, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!((judged.served.as_slice(), judged.asked), (&["judge-2".to_owned()][..], 7));
    // A table that lists both takes them as one judge.
    std::fs::write(folder.0.path().join("v.jsonl"), lines.join("\n") + "\n").unwrap();
    let both = table(&two, "canaries = 0\nserved_as = [\"judge-1\", \"judge-2\"]", "");
    assert_eq!(run(&both, &set, &mut folder.log(), &Silent).unwrap().asked, 1);
}

#[test]
fn a_judge_that_turns_out_to_be_one_of_the_judged_models_is_refused() {
    let stub = Stub::new(|seen, _| by_number(seen));
    let set = PairSet { arm: Some("Stub-Model-1".to_owned()), ..pairs(4) };
    let (folder, judge_of) = (Folder::new(), table(&stub, "canaries = 0", ""));
    // The table calls it by another name, so that its reply tells first, and then the log.
    for _ in 0..2 {
        let error = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap_err();
        assert!(matches!(error, JudgingError::SelfJudged { .. }), "{error}");
        assert_eq!((stub.seen().len(), folder.text().lines().count()), (1, 1));
    }
    let allowed = table(&stub, "canaries = 0\nallow_self = true", "");
    let judged = run(&allowed, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!(judged.asked, 7);
    // Replies that were allowed are refused by a table that does not allow them.
    let models = [set.arm.as_deref(), None];
    allowed.refuse_served(&judged.served, &models).unwrap();
    let error = judge_of.refuse_served(&judged.served, &models).unwrap_err();
    assert!(matches!(error, JudgingError::SelfJudged { .. }), "{error}");
}

#[test]
fn a_model_that_changes_within_a_run_stops_it() {
    let stub = Stub::new(|seen, before| {
        let mut body: Value = serde_json::from_str(&by_number(seen).body).unwrap();
        body["model"] = json!(if before < 5 { "one" } else { "two" });
        Served::status(200, body.to_string())
    });
    let judge_of = table(&stub, "canaries = 0", "limits = { concurrency = 1 }");
    let error = run(&judge_of, &pairs(20), &mut Folder::new().log(), &Silent).unwrap_err();
    insta::assert_snapshot!(error, @"the server now names its model `two`, and the verdicts before it are by `one`; if these are one judge, list all in served_as; if not, list the one that is meant there, or judge into another file");
    assert_eq!(stub.seen().len(), 6);
}

struct StopAfter(usize, Mutex<usize>);

impl Observer for StopAfter {
    fn event(&self, event: &Event<'_>) {
        if let Event::Answered { .. } = event {
            *self.1.lock().unwrap() += 1;
        }
    }

    fn is_cancelled(&self) -> bool {
        *self.1.lock().unwrap() >= self.0
    }
}

#[test]
fn whoever_stops_keeps_what_arrived() {
    let stub = Stub::new(|seen, _| by_number(seen));
    let (folder, judge_of, set) = (Folder::new(), table(&stub, "canaries = 0", ""), pairs(30));
    let stopper = StopAfter(7, Mutex::new(0));
    let judged = run(&judge_of, &set, &mut folder.log(), &stopper).unwrap();
    assert_eq!(judged.stopped, Some(Stopped::Cancelled));
    assert!((7..=11).contains(&judged.asked), "{}", judged.asked);
    let rest = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!(rest.asked + judged.asked, 60);
    assert_eq!(stub.seen().len(), 60);
    let keys: BTreeSet<String> =
        stub.seen().iter().map(|s| s.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys.len(), 60);
}

/// Its claim on the log is another's after some replies.
struct LosesLog(StopAfter);

impl Observer for LosesLog {
    fn event(&self, event: &Event<'_>) {
        self.0.event(event);
    }

    fn owns_log(&self) -> bool {
        !self.0.is_cancelled()
    }
}

#[test]
fn whoever_lost_the_log_writes_no_reply_and_it_is_an_error() {
    let stub = Stub::new(|seen, _| by_number(seen));
    let (folder, judge_of, set) = (Folder::new(), table(&stub, "canaries = 0", ""), pairs(30));
    let loser = LosesLog(StopAfter(7, Mutex::new(0)));
    let error = run(&judge_of, &set, &mut folder.log(), &loser).unwrap_err();
    assert!(matches!(error, JudgingError::LogLost { .. }), "{error}");
    let rest = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!(rest.asked, 60 - 7, "what arrived after the loss was not written");
}
