//! Judges that end a study: too many verdicts missing, a largest cost, no key, the model itself.

use whole_program::Finished;

use crate::setup::{KEY, Oracle, ablate, assert_no_key, command, done};
use crate::stub::Served;

const BY_PAIRS: [&str; 1] = ["judge.slimorca.table=judge.toml"];

#[test]
fn missing_verdicts_fail_the_study_after_all_else_is_stored() {
    // All replies but the first two are no verdict.
    let oracle = Oracle::new(|_, before| (before >= 2).then(|| Served::says("Both are good.")));
    let sandbox = oracle.sandbox("canaries = 0");
    let finished = ablate(&sandbox, &BY_PAIRS, &["--out", "out", "-q"]);
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    let said = finished.stderr.lines().last().unwrap().to_owned();
    assert!(said.contains("pair-verdicts") && said.contains("max_missing"), "{said}");
    assert!(!sandbox.path().join("out/results.json").exists());
    let asked = oracle.stub.seen().len();
    // All other stages are there, and so are the replies.
    let lax = [&BY_PAIRS[..], &["judge.slimorca.max_missing=1.0"]].concat();
    let finished = done(ablate(&sandbox, &lax, &["--out", "out"]));
    assert_eq!(oracle.stub.seen().len(), asked);
    let results = sandbox.json("out/results.json");
    assert!(results["judging"]["slimorca"]["missing"].as_u64().unwrap() > 0);
    // Two arms with two seeds, and nothing that comes before their verdicts.
    assert!(finished.stdout.contains("\n4 stages run, "), "{}", finished.stdout);
}

#[test]
fn a_largest_cost_is_of_the_whole_test_and_a_higher_one_goes_on() {
    let oracle = Oracle::truthful();
    let sandbox = oracle.sandbox("canaries = 0");
    let cheap = [&BY_PAIRS[..], &["judge.slimorca.max_cost=0.004"]].concat();
    let finished = ablate(&sandbox, &cheap, &["--out", "out", "-q"]);
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    assert!(finished.stderr.contains("(max_cost)"), "{}", finished.stderr);
    let before = oracle.paid_once();
    assert!(before > 0);
    let finished = done(ablate(&sandbox, &BY_PAIRS, &["--out", "out"]));
    assert!(oracle.paid_once() > before);
    assert_no_key(&sandbox, &finished);
}

#[test]
fn a_study_that_cannot_ask_ends_before_it_trains() {
    let oracle = Oracle::truthful();
    let sandbox = oracle.sandbox("canaries = 0");
    let mut without_key = command(&sandbox, "ablate", &BY_PAIRS, &["--out", "out", "-q"]);
    let finished = Finished::of(without_key.env_remove("STUB_KEY").output().unwrap());
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("the variable STUB_KEY is not set"), "{}", finished.stderr);
    assert!(!sandbox.path().join("out/store/base").exists());
    // The name of the model under test is that of the study, where it is trained here.
    let own = [&BY_PAIRS[..], &["judge.slimorca.endpoint.model=world-quick"]].concat();
    let finished = ablate(&sandbox, &own, &["--out", "own", "-q"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("allow_self"), "{}", finished.stderr);
    let key = format!("judge.slimorca.endpoint.api_key={KEY}");
    let finished = ablate(&sandbox, &[&BY_PAIRS[..], &[&key]].concat(), &["--out", "key", "-q"]);
    assert_eq!(finished.code, Some(2));
    assert_no_key(&sandbox, &finished);
    assert_eq!(oracle.stub.seen().len(), 0);
}
