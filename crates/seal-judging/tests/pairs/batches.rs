//! Questions and replies in batch files.

use std::collections::BTreeMap;
use std::path::Path;

use seal_judging::{
    BatchWritten, JudgingError, PairSet, QuestionSet, orders, read_batch, write_batch,
};
use serde_json::{Value, json};

use crate::setup::{Folder, by_number, pairs, table};
use crate::stub::{ReceivedRequest, Served, Stub, completion};

#[test]
fn a_batch_is_written_and_read_without_a_connection() {
    let stub = Stub::new(|_, _| Served::status(500, ""));
    let price = "price = { input = 1.0, output = 1.0 }";
    let (folder, judge_of, set) = (Folder::new(), table(&stub, "canaries = 0", price), pairs(3));
    let questions = QuestionSet::new(&judge_of, &set).unwrap();
    let (input, output) = (folder.0.path().join("in.jsonl"), folder.0.path().join("out.jsonl"));
    let mut log = folder.log();
    let written = write_batch(&judge_of, &questions, &log, &input).unwrap();
    assert_eq!((written.questions, written.left_out, written.again), (6, 0, 0));
    let mut lines = Vec::new();
    for (i, line) in std::fs::read_to_string(&input).unwrap().lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        let seen = ReceivedRequest {
            path: String::new(),
            headers: BTreeMap::new(),
            body: line["body"].clone(),
        };
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
    for (text, why) in [
        ("{}\n", "line 1: it has no custom_id"),
        ("\nWin rates\n", "line 2: it is no JSON"),
        (&std::fs::read_to_string(&input).unwrap(), "line 1: it is a question"),
    ] {
        let other = folder.0.path().join("other.jsonl");
        std::fs::write(&other, text).unwrap();
        let error = read_batch(&judge_of, &questions, &mut log, &other).unwrap_err();
        assert!(matches!(error, JudgingError::NoBatch { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
    let judged = seal_judging::stored(&judge_of, &questions, &log);
    assert_eq!(orders(&set, &judged).unwrap().missing, 1);
    // Half the price.
    assert!((judged.cost.money - 5.0 * 55e-6).abs() < 1e-12, "{:?}", judged.cost);
    assert_eq!(stub.seen().len(), 0);
}

/// The output of a batch for all lines of `input`; `served` names the model by the line's number.
fn answered(input: &Path, served: impl Fn(usize) -> &'static str) -> String {
    let answer = |(i, line): (usize, &str)| {
        let line: Value = serde_json::from_str(line).unwrap();
        let mut body = completion("A");
        body["model"] = json!(served(i));
        json!({"custom_id": line["custom_id"], "response": body, "error": null}).to_string()
    };
    let text = std::fs::read_to_string(input).unwrap();
    text.lines().enumerate().map(answer).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_batch_keeps_to_the_largest_cost_and_says_what_is_out_already() {
    let stub = Stub::new(|_, _| Served::status(500, ""));
    let price = "price = { input = 1.0, output = 1.0, batch = 0.5 }";
    let (folder, set) = (Folder::new(), pairs(10));
    let (input, output) = (folder.0.path().join("in.jsonl"), folder.0.path().join("out.jsonl"));
    let unpriced = table(&stub, "canaries = 0\nmax_cost = 1.0", "");
    let questions = QuestionSet::new(&unpriced, &set).unwrap();
    let error = write_batch(&unpriced, &questions, &folder.log(), &input).unwrap_err();
    assert!(matches!(error, JudgingError::NoPrice), "{error}");
    let judge_of = table(&stub, "canaries = 0\nmax_cost = 0.005", price);
    let write = |input: &Path| write_batch(&judge_of, &questions, &folder.log(), input).unwrap();
    let first = write(&input);
    let lines = |path: &Path| std::fs::read_to_string(path).unwrap().lines().count();
    assert_eq!((lines(&input), first.again), (first.questions, 0));
    assert!(first.questions > 4 && first.questions + first.left_out == 20, "{first:?}");
    let text = std::fs::read_to_string(&input).unwrap();
    let prompts = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["body"]["messages"][0]["content"].as_str().unwrap().len() + 16
    });
    assert!(0.5e-6 * prompts.sum::<usize>() as f64 <= 0.005);
    // Nothing came back: all of it would be paid twice.
    let again = write(&folder.0.path().join("in2.jsonl"));
    assert_eq!(again, BatchWritten { again: first.questions, ..first });
    std::fs::write(&output, answered(&input, |_| "m")).unwrap();
    let read = read_batch(&judge_of, &questions, &mut folder.log(), &output).unwrap();
    assert_eq!(read.kept, first.questions);
    // What came back was cheaper than it could have been; its cost counts from here.
    let next = write(&input);
    assert!(next.questions > 0 && next.again == 0 && next.left_out < first.left_out, "{next:?}");
    let rich = table(&stub, "canaries = 0\nmax_cost = 1.0", price);
    let rest = write_batch(&rich, &questions, &folder.log(), &input).unwrap();
    assert_eq!((rest.questions, rest.left_out), (first.left_out, 0));
    assert_eq!(rest.again, next.questions);
}

#[test]
fn replies_of_two_models_in_one_output_are_kept_and_said() {
    let stub = Stub::new(|_, _| Served::status(500, ""));
    let (folder, set) = (Folder::new(), pairs(3));
    let (input, output) = (folder.0.path().join("in.jsonl"), folder.0.path().join("out.jsonl"));
    let of = |head: &str| table(&stub, &format!("canaries = 0\n{head}"), "");
    let plain = of("");
    let questions = QuestionSet::new(&plain, &set).unwrap();
    write_batch(&plain, &questions, &folder.log(), &input).unwrap();
    std::fs::write(&output, answered(&input, |i| if i < 2 { "one" } else { "two" })).unwrap();
    let read = |head: &str| read_batch(&of(head), &questions, &mut folder.log(), &output);
    for _ in 0..2 {
        let error = read("").unwrap_err();
        assert!(matches!(error, JudgingError::ServedAnother { .. }), "{error}");
        assert_eq!(folder.text().lines().count(), 6);
    }
    // One of them is meant, and the others stay unused.
    assert_eq!(read("served_as = [\"two\"]").unwrap().known, 6);
    let next = write_batch(&of("served_as = [\"two\"]"), &questions, &folder.log(), &input);
    assert_eq!(next.unwrap().questions, 2);
    // A new reply of a model that is not listed is said.
    let fresh = Folder::new();
    let listed = of("served_as = [\"two\"]");
    let error = read_batch(&listed, &questions, &mut fresh.log(), &output).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("model `one`") && error.contains("by `two`"), "{error}");
    // Asked for again they would be paid twice.
    let error = write_batch(&plain, &questions, &folder.log(), &input);
    assert!(matches!(error, Err(JudgingError::ServedAnother { .. })));
    assert_eq!(read("served_as = [\"one\", \"two\"]").unwrap().known, 6);
    let own = PairSet { reference: Some("Two".to_owned()), ..pairs(3) };
    let own = QuestionSet::new(&plain, &own).unwrap();
    let error = read_batch(&plain, &own, &mut folder.log(), &output).unwrap_err();
    assert!(matches!(error, JudgingError::SelfJudged { .. }), "{error}");
}

#[test]
fn a_large_output_is_read_whole() {
    let stub = Stub::new(|_, _| Served::status(500, ""));
    let (folder, judge_of, set) = (Folder::new(), table(&stub, "canaries = 0", ""), pairs(5_000));
    let questions = QuestionSet::new(&judge_of, &set).unwrap();
    let (input, output) = (folder.0.path().join("in.jsonl"), folder.0.path().join("out.jsonl"));
    write_batch(&judge_of, &questions, &folder.log(), &input).unwrap();
    std::fs::write(&output, answered(&input, |_| "m")).unwrap();
    let read = read_batch(&judge_of, &questions, &mut folder.log(), &output).unwrap();
    assert_eq!(read.kept, 10_000);
}
