//! The course of a run: failures, money, names of models, batches, stops.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use seal_endpoint::EndpointError;
use seal_judging::{
    Event, JudgingError, Observer, PairJudge, QuestionSet, Silent, Stopped, estimate,
    missing_questions, orders, read_batch, write_batch,
};
use serde_json::{Value, json};

use crate::setup::{Folder, by_number, pairs, run, table};
use crate::stub::{Seen, Served, Stub, completion};

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
fn a_largest_cost_is_never_exceeded_and_the_run_goes_on_later() {
    let stub = Stub::new(|seen, _| by_number(seen));
    // A reply costs 110 millionths by the server's count.
    let price = "price = { input = 1.0, output = 1.0 }";
    let (folder, set) = (Folder::new(), pairs(20));
    let poor = table(&stub, "canaries = 0\nmax_cost = 0.0013", price);
    let judged = run(&poor, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!(judged.stopped, Some(Stopped::Budget));
    assert!(judged.cost.money <= 0.0013 && judged.asked >= 8, "{:?}", judged.cost);
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
    let money = (found.input as f64 + 2.0 * found.output as f64) / 1e6;
    assert!((found.money.unwrap() - money).abs() < 1e-15);
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
    let judged = run(&second, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!((judged.served.as_slice(), judged.asked), (&["judge-2".to_owned()][..], 8));
    // A table that lists both takes them as one judge.
    std::fs::write(folder.0.path().join("v.jsonl"), lines.join("\n") + "\n").unwrap();
    let both = table(&two, "canaries = 0\nserved_as = [\"judge-1\", \"judge-2\"]", "");
    assert_eq!(run(&both, &set, &mut folder.log(), &Silent).unwrap().asked, 1);
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
    insta::assert_snapshot!(error, @"the server now names its model `two`, and the verdicts of this run are by `one`; if these are one judge, list both in served_as");
    assert_eq!(stub.seen().len(), 6);
}

#[test]
fn a_batch_is_written_and_read_without_a_connection() {
    let stub = Stub::new(|_, _| Served::status(500, ""));
    let price = "price = { input = 1.0, output = 1.0 }";
    let (folder, judge_of, set) = (Folder::new(), table(&stub, "canaries = 0", price), pairs(3));
    let questions = QuestionSet::new(&judge_of, &set).unwrap();
    let (input, output) = (folder.0.path().join("in.jsonl"), folder.0.path().join("out.jsonl"));
    let mut log = folder.log();
    assert_eq!(write_batch(&judge_of, &questions, &log, &input).unwrap(), 6);
    let mut lines = Vec::new();
    for (i, line) in std::fs::read_to_string(&input).unwrap().lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        let seen =
            Seen { path: String::new(), headers: BTreeMap::new(), body: line["body"].clone() };
        let body: Value = serde_json::from_str(&by_number(&seen).body).unwrap();
        let id = &line["custom_id"];
        lines.push(match i {
            0 => json!({"custom_id": id, "response": null, "error": {"code": "batch_expired"}}),
            // The older form of vLLM.
            1 => json!({"custom_id": id, "response": body, "error": null}),
            _ => json!({"custom_id": id, "error": null,
                "response": {"status_code": 200, "body": body}}),
        });
    }
    lines.push(json!({"custom_id": "another", "response": completion("A"), "error": null}));
    // The order of a batch's output is not that of its input.
    lines.reverse();
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(&output, text.join("\n")).unwrap();
    let read = read_batch(&judge_of, &questions, &mut log, &output).unwrap();
    assert_eq!((read.kept, read.known, read.foreign, read.failed), (5, 0, 1, 1));
    // A batch that expired may be sent again.
    assert!(read.has_passing && read.last_failure.is_some() && read.first_failure.is_some());
    let again = read_batch(&judge_of, &questions, &mut log, &output).unwrap();
    assert_eq!((again.kept, again.known), (0, 5));
    let judged = seal_judging::stored(&judge_of, &questions, &log);
    assert_eq!(orders(&judged).unwrap().missing, 1);
    // Half the price.
    assert!((judged.cost.money - 5.0 * 55e-6).abs() < 1e-12, "{:?}", judged.cost);
    assert_eq!(stub.seen().len(), 0);
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
