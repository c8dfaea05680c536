//! Sets that are parts of a larger one: other answers to the same instructions.

use seal_endpoint::{ApiKey, Client};
use seal_judging::{Judged, JudgingError, PairJudge, PairSet, QuestionSet, Silent, Stopped, judge};

use crate::setup::{Folder, by_number, pairs, table};
use crate::stub::{Served, Stub, completion};

fn run_part(judge_of: &PairJudge, set: &PairSet, folder: &Folder) -> Result<Judged, JudgingError> {
    let instructions: Vec<String> = set.pairs.iter().map(|p| p.instruction.clone()).collect();
    let questions = QuestionSet::new(judge_of, set).unwrap();
    let questions = questions.as_part_of(instructions.iter().map(String::as_str));
    let proxies = seal_net::Proxies::default();
    let client = Client::by(judge_of.endpoint(), ApiKey::none(), &proxies, None).unwrap();
    judge(judge_of, &questions, &client, &mut folder.log(), &Silent)
}

/// The same instructions and references, with the answers of another arm.
fn of_another_arm(set: &PairSet) -> PairSet {
    let mut other = set.clone();
    other.pairs.iter_mut().for_each(|pair| pair.arm.push_str(" indeed"));
    other
}

#[test]
fn parts_share_their_largest_cost() {
    let stub = Stub::new(|seen, _| by_number(seen));
    let (folder, set) = (Folder::new(), pairs(4));
    let priced = "price = { input = 1000.0, output = 1000.0 }";
    let free = table(&stub, "canaries = 0", priced);
    let spent = run_part(&free, &set, &folder).unwrap().cost.money;
    assert!(spent > 0.0);
    // As much as the first part cost, and nothing for the second.
    let head = format!("canaries = 0\nmax_cost = {spent}");
    let judged = run_part(&table(&stub, &head, priced), &of_another_arm(&set), &folder).unwrap();
    assert_eq!((judged.asked, judged.stopped), (0, Some(Stopped::Budget)));
    // A set of its own counts its own replies alone.
    let own = table(&stub, &format!("canaries = 0\nmax_cost = {}", 10.0 * spent), priced);
    assert_eq!(run_part(&own, &of_another_arm(&set), &folder).unwrap().asked, 8);
    assert_eq!(stub.seen().len(), 16);
}

#[test]
fn parts_are_judged_by_one_model() {
    let stub = Stub::new(|seen, before| {
        let mut body = completion("A");
        if before >= 8 {
            body["model"] = "stub-model-2".into();
        }
        assert!(!seen.prompt().is_empty());
        Served::status(200, body.to_string())
    });
    let (folder, set) = (Folder::new(), pairs(4));
    let judge_of = table(&stub, "canaries = 0", "");
    assert_eq!(run_part(&judge_of, &set, &folder).unwrap().served, ["stub-model-1"]);
    let error = run_part(&judge_of, &of_another_arm(&set), &folder).unwrap_err();
    assert!(matches!(error, JudgingError::ServedAnother { .. }), "{error}");
}
