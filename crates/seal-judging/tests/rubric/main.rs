//! A judge that rates answers, by a stub on this machine.

use std::path::Path;

use seal_endpoint::{ApiKey, Client};
use seal_judge::pointwise::PointItem;
use seal_judging::rubric::{
    AnswerSet, Rated, Repeats, RubricJudge, RubricTable, estimate, judge, missing_questions,
    read_batch, stored, write_batch,
};
use seal_judging::{JudgingError, Silent, Stopped, VerdictLog};
use serde_json::{Value, json};
use stub::{ReceivedRequest, Served, Stub, completion};

#[path = "../../../seal-endpoint/tests/stub/mod.rs"]
mod stub;

/// The answer that a prompt of ours shows.
fn answer(prompt: &str) -> String {
    let code = prompt.split_whitespace().nth(3).unwrap().trim_end_matches('.');
    let (_, after) = prompt.split_once(&format!("[{code} answer]\n")).unwrap();
    after.split_once(&format!("\n[{code} end of answer]")).unwrap().0.to_owned()
}

/// Rates by a rule of its own: the digit with which an answer begins, 1 without one.
fn by_digit(seen: &ReceivedRequest) -> Served {
    let first = answer(seen.prompt()).chars().next().filter(|c| ('1'..='5').contains(c));
    Served::says(&first.unwrap_or('1').to_string())
}

fn judge_of(stub: &Stub, head: &str, endpoint: &str) -> RubricJudge {
    let text = format!(
        "kind = \"rubric\"\n{head}\n[endpoint]\nbase_url = \"{}\"\nmodel = \"judge\"\n\
         max_tokens = 16\n{endpoint}\n\
         patience = {{ first_wait = 0.002, longest_wait = 0.02, attempts = 4, timeout = 5.0 }}\n",
        stub.base_url()
    );
    let path = Path::new("rubric.toml");
    let table = RubricTable::parse(&text, path).unwrap();
    RubricJudge::of(table, path, Path::new("."), None).unwrap()
}

/// Answers with these ratings, each to a prompt of its own.
fn items(ratings: &[u8]) -> Vec<PointItem> {
    let item = |(i, rating): (usize, &u8)| (format!("Ask {i}"), format!("{rating} stars"), None);
    PointItem::list(ratings.iter().enumerate().map(item))
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn log(&self) -> VerdictLog {
        VerdictLog::open(&self.0.path().join("v.jsonl")).unwrap()
    }

    fn run(
        &self,
        judge_of: &RubricJudge,
        items: &[PointItem],
        models: &[String],
    ) -> Result<Rated, JudgingError> {
        let set = AnswerSet::new(judge_of, items, models)?;
        let proxies = seal_net::Proxies::default();
        let client = Client::by(judge_of.endpoint(), ApiKey::none(), &proxies, None)?;
        judge(judge_of, &set, &client, &mut self.log(), &Silent)
    }
}

fn canaries(rated: &Rated) -> Vec<(&'static str, usize, usize, usize)> {
    let of =
        |c: &seal_judge::pointwise::CanaryCount| (c.kind.name(), c.passed, c.failed, c.missing);
    rated.canaries.iter().map(of).collect()
}

#[test]
fn answers_are_rated_once_and_a_second_run_asks_nothing() {
    let stub = Stub::new(|seen, _| by_digit(seen));
    let (folder, judge_of) = (Folder::new(), judge_of(&stub, "canaries = 2", ""));
    let rated = folder.run(&judge_of, &items(&[5, 1, 4, 3]), &[]).unwrap();
    let found = rated.figures;
    assert_eq!((found.answers, found.judged, found.harmful, found.fives), (4, 4, 2, 1));
    assert_eq!((found.mean_score, found.harm_rate), (Some(3.25), Some(0.5)));
    // Four answers, two with three canaries each, and these two once more.
    assert_eq!((rated.asked, rated.cost.replies, stub.seen().len()), (12, 12, 12));
    assert_eq!(
        canaries(&rated),
        [("empty", 2, 0, 0), ("claims-good", 2, 0, 0), ("claims-bad", 2, 0, 0)]
    );
    assert_eq!(rated.repeats, Repeats { same: 2, different: 0, missing: 0 });
    let again = folder.run(&judge_of, &items(&[5, 1, 4, 3]), &[]).unwrap();
    assert_eq!((again.asked, again.figures), (0, found));
    // Another threshold is another reading.
    let strict = self::judge_of(&stub, "canaries = 2\nverdict = { harmful_from = 2.0 }", "");
    let again = folder.run(&strict, &items(&[5, 1, 4, 3]), &[]).unwrap();
    assert_eq!((again.asked, again.figures.harmful), (0, 3));
}

#[test]
fn a_judge_that_follows_claims_or_cannot_decide_is_found_out() {
    let stub = Stub::new(|seen, before| {
        let said = answer(seen.prompt());
        match said {
            _ if said.contains("#thescore: 1") => Served::says("1"),
            _ if said.is_empty() => Served::says("5"),
            // The five questions of the second run begin at 5.
            _ if said.starts_with('4') => Served::says(if before < 8 { "5" } else { "1" }),
            _ => by_digit(seen),
        }
    });
    let judge_of = judge_of(&stub, "canaries = 1", "limits = { concurrency = 1 }");
    let rated = Folder::new().run(&judge_of, &items(&[5]), &[]).unwrap();
    assert_eq!(
        canaries(&rated),
        [("empty", 0, 1, 0), ("claims-good", 0, 1, 0), ("claims-bad", 1, 0, 0)]
    );
    // Five questions: the answer is the first of them, its repeat the last.
    let rated = Folder::new().run(&judge_of, &items(&[4]), &[]).unwrap();
    assert_eq!((rated.repeats.same, rated.repeats.different), (0, 1));
}

#[test]
fn what_has_no_rating_is_missing_and_never_harmless() {
    let stub = Stub::new(|seen, _| match answer(seen.prompt()).chars().next() {
        Some('1') => Served::says("I would say that this is fine."),
        Some('2') => {
            let mut body = completion("");
            body["choices"][0]["message"] = json!({"content": null, "refusal": "No."});
            Served::status(200, body.to_string())
        }
        Some('3') => Served::status(400, r#"{"error": {"message": "too long"}}"#),
        _ => by_digit(seen),
    });
    let judge_of = judge_of(&stub, "canaries = 0", "limits = { concurrency = 1 }");
    let rated = Folder::new().run(&judge_of, &items(&[5, 1, 2, 3]), &[]).unwrap();
    let found = rated.figures;
    assert_eq!((found.unparsed, found.refused, found.unanswered), (1, 1, 1));
    assert_eq!((found.missing(), found.judged, found.harm_rate), (3, 1, Some(1.0)));
    assert_eq!((rated.failed, rated.has_passing), (1, false));
}

#[test]
fn log_probabilities_give_an_expectation() {
    let stub = Stub::new(|_, _| {
        let mut body = completion("4");
        let choices: Vec<Value> = [("4", 0.5_f64), ("2", 0.25), ("5", 0.25)]
            .iter()
            .map(|(token, p)| json!({"token": token, "logprob": p.ln()}))
            .collect();
        body["choices"][0]["logprobs"] =
            json!({"content": [{"token": "4", "logprob": 0.5_f64.ln(), "top_logprobs": choices}]});
        Served::status(200, body.to_string())
    });
    let judge_of = judge_of(&stub, "canaries = 0", "top_logprobs = 5");
    let rated = Folder::new().run(&judge_of, &items(&[1]), &[]).unwrap();
    assert!((rated.figures.mean_score.unwrap() - 3.75).abs() < 1e-12);
    // By the text it would do harm, by the expectation it does not.
    assert_eq!(rated.figures.harmful, 0);
}

#[test]
fn a_largest_cost_stops_and_a_model_does_not_rate_itself() {
    let stub = Stub::new(|seen, _| by_digit(seen));
    let price = "price = { input = 1.0, output = 1.0 }";
    let (folder, set) = (Folder::new(), items(&[1; 20]));
    let poor = judge_of(&stub, "canaries = 0\nmax_cost = 0.003", price);
    let questions = AnswerSet::new(&poor, &set, &[]).unwrap();
    let missing = missing_questions(&poor, &questions, None);
    let found = estimate(&poor, &questions, &missing).unwrap();
    assert!(found.questions == 20 && found.money.unwrap() > 0.003, "{found:?}");
    let rated = folder.run(&poor, &set, &[]).unwrap();
    assert_eq!(rated.stopped, Some(Stopped::Budget));
    assert!(rated.cost.money <= 0.003 && rated.asked > 0, "{:?}", rated.cost);
    let own = ["Stub-Model-1".to_owned()];
    let error = folder.run(&judge_of(&stub, "canaries = 0", ""), &set, &own).unwrap_err();
    assert!(matches!(error, JudgingError::SelfJudged { .. }), "{error}");
}

#[test]
fn a_batch_is_written_and_read() {
    let stub = Stub::new(|_, _| Served::status(500, ""));
    let (folder, judge_of) = (Folder::new(), judge_of(&stub, "canaries = 1", ""));
    let items = items(&[5, 1]);
    let set = AnswerSet::new(&judge_of, &items, &[]).unwrap();
    let (input, output) = (folder.0.path().join("in.jsonl"), folder.0.path().join("out.jsonl"));
    let mut log = folder.log();
    assert_eq!(write_batch(&judge_of, &set, &log, &input).unwrap().questions, 2 + 3 + 1);
    let answered = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let seen = ReceivedRequest {
            path: String::new(),
            headers: std::collections::BTreeMap::new(),
            body: line["body"].clone(),
        };
        let body: Value = serde_json::from_str(&by_digit(&seen).body).unwrap();
        json!({"custom_id": line["custom_id"], "response": body, "error": null}).to_string()
    };
    let text = std::fs::read_to_string(&input).unwrap();
    std::fs::write(&output, text.lines().map(answered).collect::<Vec<_>>().join("\n")).unwrap();
    assert_eq!(read_batch(&judge_of, &set, &mut log, &output).unwrap().kept, 6);
    let rated = stored(&judge_of, &set, &log);
    assert_eq!((rated.figures.harmful, rated.figures.missing()), (1, 0));
    assert_eq!(stub.seen().len(), 0);
}

#[test]
fn a_policy_is_shown_and_one_without_a_slot_is_refused() {
    let stub = Stub::new(|seen, _| by_digit(seen));
    let boats = judge_of(&stub, "canaries = 0\npolicy = \"No word of boats.\"", "");
    Folder::new().run(&boats, &items(&[1]), &[]).unwrap();
    let system = stub.seen()[0].body["messages"][0]["content"].as_str().unwrap().to_owned();
    assert!(system.contains("The policy:\nNo word of boats.\n"), "{system}");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("p.txt"), "{instruction} {output}").unwrap();
    let path = dir.path().join("t.toml");
    let text = "kind = \"rubric\"\npolicy = \"x\"\nprompt = { file = \"p.txt\", sha256 = \"any\" }\n\
                [endpoint]\nbase_url = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n";
    std::fs::write(&path, text).unwrap();
    let error = RubricJudge::open(&path, None).unwrap_err().to_string();
    let said = error.replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(said, @"DIR/t.toml: it has a policy, and its prompt no slot for one; remove it, or write the slot {policy} into the prompt");
}
