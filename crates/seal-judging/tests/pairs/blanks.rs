//! Replies without a text, which a server in trouble sends.

use std::collections::BTreeSet;
use std::path::Path;

use seal_endpoint::{Ask, EndpointError, Reply, Watch};
use seal_judging::{
    JudgeTable, LocalIdentity, PairJudge, QuestionSet, Responder, Silent, judge, missing_questions,
    orders, read_batch, write_batch,
};
use serde_json::{Value, json};

use crate::setup::{Folder, by_number, pairs, run, table};
use crate::stub::{ReceivedRequest, Served, Stub, completion};

/// A reply without a text that ends by `finish`.
fn blank(finish: &str) -> Value {
    let mut body = completion("");
    body["choices"][0]["message"]["content"] = json!(null);
    body["choices"][0]["finish_reason"] = json!(finish);
    body
}

/// Answers well but to the first pair, to which it says nothing `times` times an order.
fn silent(times: usize, finish: &'static str) -> Stub {
    let left = std::sync::Mutex::new(std::collections::BTreeMap::new());
    Stub::new(move |seen: &ReceivedRequest, _| {
        if !seen.prompt().contains("(0)") {
            return by_number(seen);
        }
        let mut left = left.lock().unwrap();
        let said = left.entry(seen.prompt().to_owned()).or_insert(0_usize);
        *said += 1;
        match *said <= times {
            true => Served::status(200, blank(finish).to_string()),
            false => by_number(seen),
        }
    })
}

#[test]
fn a_blank_reply_is_asked_once_more_in_the_same_run_by_another_name() {
    let stub = silent(1, "stop");
    let (folder, set) = (Folder::new(), pairs(5));
    let judge_of = table(&stub, "canaries = 0", "");
    let judged = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!((judged.asked, judged.blank_replies, judged.blank), (12, 2, 0));
    assert_eq!(orders(&set, &judged).unwrap().missing, 0);
    assert_eq!(folder.text().lines().count(), 12);
    // A server that knows a name would send the blank reply again.
    let names: BTreeSet<String> =
        stub.seen().iter().map(|s| s.headers["idempotency-key"].clone()).collect();
    assert_eq!(names.len(), 12);
    assert_eq!(run(&judge_of, &set, &mut folder.log(), &Silent).unwrap().asked, 0);
}

#[test]
fn a_question_that_is_never_answered_is_asked_three_times_over_the_life_of_a_log() {
    let stub = silent(usize::MAX, "stop");
    let (folder, set) = (Folder::new(), pairs(5));
    let judge_of = table(&stub, "canaries = 0", "");
    // Both orders of the first pair: twice in the first run, once in the second.
    for (asked, blank_replies) in [(8 + 4, 4), (2, 6), (0, 6)] {
        let judged = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
        assert_eq!((judged.asked, judged.blank_replies, judged.blank), (asked, blank_replies, 2));
        assert_eq!(orders(&set, &judged).unwrap().missing, 1);
    }
    assert_eq!(folder.text().lines().count(), 14);
}

/// A model on this machine that says nothing.
struct Mute;

impl Responder for Mute {
    fn respond(&self, _: &Ask, _: &dyn Watch) -> Result<Reply, EndpointError> {
        let reply = json!({ "content": "", "finish": "stop", "logprobs": "absent" });
        serde_json::from_value(reply).map_err(|e| EndpointError::Model { why: e.to_string() })
    }
}

#[test]
fn a_blank_reply_of_a_model_on_this_machine_is_asked_once() {
    let path = Path::new("judge.toml");
    let text = "kind = \"pairwise\"\ncanaries = 0\n[model]\npath = \"m\"";
    let (table, identity) =
        (JudgeTable::parse(text, path).unwrap(), LocalIdentity { digest: "0a".to_owned() });
    let judge_of = PairJudge::of_model(table, path, Path::new("."), None, &identity).unwrap();
    let (folder, set) = (Folder::new(), pairs(3));
    let questions = QuestionSet::new(&judge_of, &set).unwrap();
    for asked in [6, 0] {
        let judged = judge(&judge_of, &questions, &Mute, &mut folder.log(), &Silent).unwrap();
        assert_eq!((judged.asked, judged.blank_replies, judged.blank), (asked, 6, 6));
    }
    assert_eq!(missing_questions(&judge_of, &questions, Some(&folder.log())), Vec::<usize>::new());
}

#[test]
fn a_length_that_was_used_up_in_silence_is_not_asked_again() {
    let stub = silent(usize::MAX, "length");
    let (folder, set) = (Folder::new(), pairs(5));
    let judge_of = table(&stub, "canaries = 0", "");
    let judged = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!((judged.asked, judged.blank_replies, judged.blank), (10, 0, 0));
    assert_eq!(run(&judge_of, &set, &mut folder.log(), &Silent).unwrap().asked, 0);
    assert_eq!(orders(&set, &judged).unwrap().missing, 1);
}

#[test]
fn a_batch_that_brought_a_blank_reply_is_written_again_and_read_once() {
    let stub = Stub::new(|_, _| Served::status(500, ""));
    let (folder, judge_of, set) = (Folder::new(), table(&stub, "canaries = 0", ""), pairs(1));
    let questions = QuestionSet::new(&judge_of, &set).unwrap();
    let (input, output) = (folder.0.path().join("in.jsonl"), folder.0.path().join("out.jsonl"));
    let mut log = folder.log();
    for (said, written, kept) in [(None, 2, 2), (Some("A"), 2, 2), (Some("A"), 0, 0)] {
        let found = write_batch(&judge_of, &questions, &log, &input).unwrap();
        assert_eq!(found.questions, written);
        let answer = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            let body = said.map_or_else(|| blank("stop"), completion);
            json!({"custom_id": line["custom_id"], "response": body, "error": null}).to_string()
        };
        let text = std::fs::read_to_string(&input).unwrap();
        std::fs::write(&output, text.lines().map(answer).collect::<Vec<_>>().join("\n")).unwrap();
        // The same output again brings nothing.
        for kept in [kept, 0] {
            let read = read_batch(&judge_of, &questions, &mut log, &output).unwrap();
            assert_eq!((read.kept, read.known), (kept, written - kept));
        }
    }
    assert_eq!(missing_questions(&judge_of, &questions, Some(&log)).len(), 0);
}
