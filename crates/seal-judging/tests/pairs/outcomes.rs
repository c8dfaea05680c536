//! Outcomes of pairs and canaries.

use seal_judging::{
    CanaryKind, CanaryResult, CanaryStanding, Pair, PairSet, Silent, annotations, orders,
};
use serde_json::{Value, json};

use crate::setup::{Folder, answers, by_number, pairs, run, table};
use crate::stub::{Served, Stub, completion};

/// Kinds of canaries in this standing.
fn standing(canaries: &[CanaryResult], standing: CanaryStanding) -> Vec<CanaryKind> {
    canaries.iter().filter(|c| c.standing() == standing).map(|c| c.kind).collect()
}

#[test]
fn both_orders_decide_and_a_second_run_asks_nothing() {
    let stub = Stub::new(|seen, _| by_number(seen));
    let (folder, judge_of, set) = (Folder::new(), table(&stub, "canaries = 2", ""), pairs(10));
    let judged = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
    let found = orders(&set, &judged).unwrap();
    assert_eq!((found.wins, found.losses, found.ties, found.missing), (5, 5, 0, 0));
    assert_eq!(found.flip_rate, Some(0.0));
    assert_eq!(judged.served, ["stub-model-1"]);
    // 10 pairs and 2 x 5 canaries in two orders; a copy is one question.
    assert_eq!((judged.asked, stub.seen().len()), (38, 38));
    assert_eq!(standing(&judged.canaries, CanaryStanding::Passed).len(), 4);
    // This judge has no word for a tie and sends no probabilities.
    assert_eq!(standing(&judged.canaries, CanaryStanding::NotTestable), [CanaryKind::Copy]);
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

/// A judge that names the better answer two times of three, whatever the order.
#[test]
fn samples_are_asked_each_and_count_by_their_mean() {
    let stub = Stub::new(|seen, before| match before % 6 {
        0..4 => by_number(seen),
        // The other one, in both orders.
        _ => match by_number(seen).body.contains("\"A\"") {
            true => Served::says("B"),
            false => Served::says("A"),
        },
    });
    let (folder, set) = (Folder::new(), pairs(4));
    let one_at_a_time = "temperature = 1.0\nlimits = { concurrency = 1 }";
    let judge_of = table(&stub, "samples = 3\ncanaries = 1", one_at_a_time);
    let judged = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
    // 4 pairs, 3 samples, 2 orders; a canary is asked once in each order, its copy once.
    assert_eq!((judged.asked, stub.seen().len()), (4 * 3 * 2 + 9, 4 * 3 * 2 + 9));
    assert_eq!(judged.pairs.iter().map(Vec::len).collect::<Vec<_>>(), [3; 4]);
    // Each of the four has a sample that names the other answer: worths of 2/3 and 1/3.
    let worths: Vec<f64> =
        annotations(&judge_of, &set, &judged).iter().map(|a| a.preference.unwrap() - 1.0).collect();
    let near = |worth: f64| worths.iter().filter(|w| (**w - worth).abs() < 1e-12).count();
    assert_eq!((near(2.0 / 3.0), near(1.0 / 3.0)), (2, 2));
    let found = orders(&set, &judged).unwrap();
    assert_eq!((found.wins, found.losses, found.ties, found.missing), (2, 2, 0, 0));
    assert!((found.win_rate.unwrap() - 0.5).abs() < 1e-12);
    // With two more samples the three that are there are not asked again.
    let five = table(&stub, "samples = 5\ncanaries = 0", one_at_a_time);
    assert_eq!(run(&five, &set, &mut folder.log(), &Silent).unwrap().asked, 4 * 2 * 2);
    // One sample is what was asked before there were several.
    let one = table(&stub, "canaries = 0", one_at_a_time);
    let judged = run(&one, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!((judged.asked, judged.pairs[0].len()), (0, 1));
}

#[test]
fn equal_answers_tie_without_a_question() {
    let stub = Stub::new(|seen, _| by_number(seen));
    let (folder, judge_of, mut set) = (Folder::new(), table(&stub, "canaries = 0", ""), pairs(3));
    set.pairs[1].arm = set.pairs[1].reference.clone();
    let judged = run(&judge_of, &set, &mut folder.log(), &Silent).unwrap();
    assert_eq!(judged.asked, 4);
    assert_eq!(orders(&set, &judged).unwrap().ties, 1);
}

#[test]
fn a_judge_with_a_place_or_a_weakness_is_found_out() {
    let always_a = Stub::new(|_, _| Served::says("A"));
    let (judge_of, mut set) = (table(&always_a, "canaries = 2", ""), pairs(6));
    let judged = run(&judge_of, &set, &mut Folder::new().log(), &Silent).unwrap();
    let found = orders(&set, &judged).unwrap();
    assert_eq!((found.ties, found.flip_rate, found.first_slot), (6, Some(1.0), Some(1.0)));
    assert!(standing(&judged.canaries, CanaryStanding::Failed).is_empty());
    // Equal answers tie and are no part of the rates: the judge was not asked.
    for pair in &mut set.pairs[..4] {
        pair.arm = pair.reference.clone();
    }
    let judged = run(&judge_of, &set, &mut Folder::new().log(), &Silent).unwrap();
    let found = orders(&set, &judged).unwrap();
    assert_eq!((found.ties, found.flip_rate, found.first_slot), (6, Some(1.0), Some(1.0)));
    // Where it could say that two answers tie, it does not say so of equal ones.
    let with_tie = "canaries = 2\nverdict = { form = \"line\", tie = [\"tie\"] }";
    let judge_of = table(&always_a, with_tie, "");
    let judged = run(&judge_of, &pairs(6), &mut Folder::new().log(), &Silent).unwrap();
    assert_eq!(standing(&judged.canaries, CanaryStanding::Failed), [CanaryKind::Copy]);
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
    let failed = standing(&judged.canaries, CanaryStanding::Failed);
    assert_eq!(failed, [CanaryKind::Injection, CanaryKind::InjectedCopy]);
}

#[test]
fn a_tie_by_probabilities_is_a_tie() {
    let stub = Stub::new(|_, _| {
        let mut body = completion("C");
        let choice = |token: &str, p: f64| json!({"token": token, "logprob": p.ln()});
        let choices = [choice("C", 0.7), choice("A", 0.2), choice("B", 0.1)];
        let token = json!({"token": "C", "logprob": 0.7_f64.ln(), "top_logprobs": choices});
        body["choices"][0]["logprobs"] = json!({"content": [token]});
        Served::status(200, body.to_string())
    });
    let head = "canaries = 1\nverdict = { tie = [\"C\"] }";
    let judge_of = table(&stub, head, "top_logprobs = 5");
    let set = pairs(4);
    let judged = run(&judge_of, &set, &mut Folder::new().log(), &Silent).unwrap();
    let found = orders(&set, &judged).unwrap();
    assert_eq!((found.wins, found.losses, found.ties), (0, 0, 4));
    assert_eq!((found.flip_rate, found.first_slot), (Some(0.0), None));
    assert_eq!(standing(&judged.canaries, CanaryStanding::Passed).len(), 5);
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
    let found = orders(&set, &judged).unwrap();
    assert_eq!((found.missing, found.losses, found.ties), (4, 0, 2));
    assert_eq!((judged.failed, judged.has_passing), (2, false));
    let said = judged.last_failure.as_ref().unwrap().to_string();
    assert!(said.contains("too long"), "{said}");
    // Refusals and odd replies were paid for and stay; the failed question is asked again.
    assert_eq!(run(&judge_of, &set, &mut folder.log(), &Silent).unwrap().failed, 2);
    assert_eq!(stub.seen().len(), 12 + 2);
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
    assert_eq!(orders(&set, &judged).unwrap().wins, 4);
    let mut seen: Vec<String> = stub.seen().iter().map(|s| answers(s.prompt()).0).collect();
    seen.retain(|text| text != "reference");
    seen.sort();
    let mut expected = odd.to_vec();
    expected.sort();
    assert_eq!(seen, expected);
}
