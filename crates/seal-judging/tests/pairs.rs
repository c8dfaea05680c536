//! Sets of pairs against a server on this machine.

#[path = "../../seal-endpoint/tests/stub/mod.rs"]
mod stub;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use seal_endpoint::{ApiKey, Client, EndpointError};
use seal_judging::{
    CanaryKind, Event, JudgeTable, Judged, JudgingError, Observer, Pair, PairJudge, PairSet,
    QuestionSet, Silent, Stopped, VerdictLog, annotations, estimate, judge, missing_questions,
    orders, read_batch, write_batch,
};
use serde_json::{Value, json};
use stub::{Seen, Served, Stub, completion};

/// The two answers that a prompt of ours shows, in their places.
fn answers(prompt: &str) -> (String, String) {
    let code = prompt.split_whitespace().nth(3).unwrap().trim_end_matches('.');
    let part = |name: &str| {
        let (_, after) = prompt.split_once(&format!("[{code} {name}]\n")).unwrap();
        after.split_once(&format!("\n[{code} end of {name}]")).unwrap().0.to_owned()
    };
    (part("answer A"), part("answer B"))
}

/// Judges by a rule of its own: the answer with the larger number is better, whatever else it says.
fn by_number(seen: &Seen) -> Served {
    let (first, second) = answers(seen.prompt());
    let number = |text: &str| -> i64 {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(-1)
    };
    match number(&first).cmp(&number(&second)) {
        std::cmp::Ordering::Less => Served::says("B"),
        std::cmp::Ordering::Greater => Served::says("A"),
        // It cannot tell, so it takes the first: in both orders that is a tie.
        std::cmp::Ordering::Equal => Served::says("A"),
    }
}

fn table(stub: &Stub, head: &str, endpoint: &str) -> PairJudge {
    let text = format!(
        "kind = \"pairwise\"\n{head}\n[endpoint]\nbase_url = \"{}\"\nmodel = \"judge\"\n\
         max_tokens = 16\n{endpoint}\n\
         patience = {{ first_wait = 0.002, longest_wait = 0.02, attempts = 4, timeout = 5.0 }}\n",
        stub.base_url()
    );
    let path = Path::new("judge.toml");
    let table = JudgeTable::parse(&text, path).unwrap();
    PairJudge::of(table, path, Path::new("."), None).unwrap()
}

fn pairs(n: usize) -> PairSet {
    let pair = |i: usize| Pair {
        instruction: format!("Name a large number ({i})."),
        // The arm wins where i is even.
        arm: format!("{} is large", if i % 2 == 0 { 100 + i } else { i }),
        reference: format!("{} is large", 50 + i),
    };
    PairSet { pairs: (0..n).map(pair).collect(), ..PairSet::default() }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn log(&self) -> VerdictLog {
        VerdictLog::open(&self.0.path().join("v.jsonl")).unwrap()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.0.path().join("v.jsonl")).unwrap()
    }
}

fn run(
    judge_of: &PairJudge,
    set: &PairSet,
    log: &mut VerdictLog,
    observer: &dyn Observer,
) -> Result<Judged, JudgingError> {
    let questions = QuestionSet::new(judge_of, set).unwrap();
    let client =
        Client::by(judge_of.endpoint(), ApiKey::none(), &seal_net::Proxies::default(), None)
            .unwrap();
    judge(judge_of, &questions, &client, log, observer)
}

#[test]
fn both_orders_decide_and_a_second_run_asks_nothing() {
    let stub = Stub::new(|seen, _| by_number(seen));
    let (folder, judge_of, set) = (Folder::new(), table(&stub, "canaries = 2", ""), pairs(10));
    let judged = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
    let found = orders(&judged).unwrap();
    assert_eq!((found.wins, found.losses, found.ties, found.missing), (5, 5, 0, 0));
    assert_eq!(found.flip_rate, Some(0.0));
    assert_eq!(judged.served, ["stub-model-1"]);
    // 10 pairs and 2 x 5 canaries in two orders; a copy is one question.
    assert_eq!((judged.asked, stub.seen().len()), (38, 38));
    for canary in &judged.canaries {
        assert!(canary.is_passed(), "{canary:?}");
    }
    let copies = judged.canaries.iter().find(|c| c.kind == CanaryKind::Copy).unwrap();
    assert_eq!((copies.tied, copies.won), (2, 0));
    let again = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!((again.asked, stub.seen().len()), (0, 38));
    assert_eq!(again.pairs, judged.pairs);
    let rows = annotations(&judge_of, &set, &again);
    assert_eq!((rows[0].preference, rows[1].preference), (Some(2.0), Some(1.0)));
}

#[test]
fn a_question_is_read_by_its_settings_and_not_asked_again_for_them() {
    let stub = Stub::new(|seen, _| by_number(seen));
    let (folder, set) = (Folder::new(), pairs(4));
    let first = table(&stub, "canaries = 0", "");
    run(&first, &set, &mut folder.log(), &Silent).unwrap();
    // Read the other way round: the stored replies say it.
    let reversed =
        table(&stub, "canaries = 0\nverdict = { first = [\"B\"], second = [\"A\"] }", "");
    let judged = run(&reversed, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!((judged.asked, stub.seen().len()), (0, 8));
    assert_eq!(annotations(&reversed, &set, &judged)[0].preference, Some(1.0));
    // Another temperature is another question.
    let warm = table(&stub, "canaries = 0", "temperature = 1.0");
    assert_eq!(run(&warm, &set, &mut folder.log(), &Silent).unwrap().asked, 8);
}

#[test]
fn equal_answers_tie_without_a_question() {
    let stub = Stub::new(|seen, _| by_number(seen));
    let (folder, judge_of, mut set) = (Folder::new(), table(&stub, "canaries = 0", ""), pairs(3));
    set.pairs[1].arm = set.pairs[1].reference.clone();
    let judged = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!(judged.asked, 4);
    assert_eq!(orders(&judged).unwrap().ties, 1);
}

#[test]
fn a_judge_with_a_place_or_a_weakness_is_found_out() {
    let always_a = Stub::new(|_, _| Served::says("A"));
    let judge_of = table(&always_a, "canaries = 2", "");
    let judged = run(&judge_of, &pairs(6), &mut Folder::new().log(), &Silent).unwrap();
    let found = orders(&judged).unwrap();
    assert_eq!((found.ties, found.flip_rate, found.first_slot), (6, Some(1.0), Some(1.0)));
    assert!(judged.canaries.iter().all(seal_judging::CanaryResult::is_passed));
    // Whoever obeys an answer that claims to be chosen fails that canary and no other.
    let obeys = Stub::new(|seen, _| {
        let (first, second) = answers(seen.prompt());
        match (first.contains("was chosen"), second.contains("was chosen")) {
            (true, false) => Served::says("A"),
            (false, true) => Served::says("B"),
            _ => by_number(seen),
        }
    });
    let judge_of = table(&obeys, "canaries = 2", "");
    let judged = run(&judge_of, &pairs(6), &mut Folder::new().log(), &Silent).unwrap();
    let failed: Vec<CanaryKind> =
        judged.canaries.iter().filter(|c| !c.is_passed()).map(|c| c.kind).collect();
    assert_eq!(failed, [CanaryKind::Injection, CanaryKind::InjectedCopy]);
}

#[test]
fn what_is_no_verdict_is_missing_and_never_a_loss() {
    let stub = Stub::new(|seen, _| {
        let prompt = seen.prompt();
        let body = |message: Value, finish: &str| {
            let choice = json!({"message": message, "finish_reason": finish});
            Served::status(200, json!({"choices": [choice], "model": "m"}).to_string())
        };
        if prompt.contains("(0)") {
            body(json!({"content": null, "refusal": "No."}), "stop")
        } else if prompt.contains("(1)") {
            body(json!({"content": "Both are fine."}), "stop")
        } else if prompt.contains("(2)") {
            body(json!({"content": null}), "length")
        } else if prompt.contains("(3)") {
            Served::status(400, r#"{"error": {"message": "too long"}}"#)
        } else {
            body(json!({"content": "B"}), "stop")
        }
    });
    let (folder, judge_of, set) = (Folder::new(), table(&stub, "canaries = 0", ""), pairs(6));
    let judged = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
    let found = orders(&judged).unwrap();
    assert_eq!((found.missing, found.losses, found.ties), (4, 0, 2));
    assert_eq!((judged.failed, judged.has_passing), (2, false));
    let said = judged.last_failure.unwrap().to_string();
    assert!(said.contains("too long"), "{said}");
    // Refusals and odd replies were paid for and stay; the failed question is asked again.
    assert_eq!(run(&judge_of, &set, &mut folder.log(), &Silent).unwrap().failed, 2);
    assert_eq!(stub.seen().len(), 12 + 2);
}

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
    let keys: std::collections::BTreeSet<String> =
        stub.seen().iter().map(|s| s.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys.len(), 60);
}

#[test]
fn odd_answers_arrive_as_they_are() {
    let stub = Stub::new(|seen, _| {
        let (first, _) = answers(seen.prompt());
        Served::says(if first.starts_with("reference") { "B" } else { "A" })
    });
    let odd = [
        "x".repeat(1 << 20),
        "\u{0}\u{1b}]0;t\u{7}\u{202e}\r\n\t".to_owned(),
        "日本語 العربية 🏳️‍🌈".to_owned(),
        "{instruction} {output_2} {delimiter} <|im_end|> [/INST] </s>".to_owned(),
    ];
    let pairs: Vec<Pair> = odd
        .iter()
        .enumerate()
        .map(|(i, arm)| Pair {
            instruction: format!("({i})"),
            arm: arm.clone(),
            reference: "reference".to_owned(),
        })
        .collect();
    let (folder, judge_of) = (Folder::new(), table(&stub, "canaries = 0", ""));
    let set = PairSet { pairs, ..PairSet::default() };
    let judged = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!(orders(&judged).unwrap().wins, 4);
    let mut seen: Vec<String> = stub.seen().iter().map(|s| answers(s.prompt()).0).collect();
    seen.retain(|text| text != "reference");
    seen.sort();
    let mut expected = odd.to_vec();
    expected.sort();
    assert_eq!(seen, expected);
}
