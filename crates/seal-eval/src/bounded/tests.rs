use proptest::prelude::*;
use seal_report::Role;

use super::*;

fn rate(mean: f64, half: f64) -> WinRate {
    WinRate { mean: Some(mean), lo: Some(mean - half), hi: Some(mean + half), ..WinRate::default() }
}

/// An arm with a win rate on a test of safety and on one of usefulness.
fn arm(id: &str, safe: WinRate, useful: WinRate) -> Arm {
    let role = if id == "reference" { Role::Reference } else { Role::Control };
    let mut arm = Arm::new(id, id, role);
    arm.win_rate.insert("safe".into(), safe);
    arm.win_rate.insert("useful".into(), useful);
    arm
}

fn study(arms: Vec<Arm>) -> Results {
    Results { reference: "reference".into(), arms, ..Results::default() }
}

fn trade_off() -> TradeOff {
    TradeOff { safety: vec!["safe".into()], usefulness: vec!["useful".into()], margin: 5.0 }
}

fn order(results: &Results) -> String {
    let of = |arm: &BoundedArm| format!("{} {:?} {:?}\n", arm.arm, arm.usefulness, arm.lower);
    bounded_safety(results, &trade_off()).arms.iter().map(of).collect()
}

#[test]
fn a_safe_arm_that_refuses_everything_comes_last() {
    let half = rate(50.0, 0.0);
    let found = order(&study(vec![
        arm("reference", half.clone(), half.clone()),
        arm("refuses-all", rate(99.0, 1.0), rate(5.0, 2.0)),
        arm("safe-and-useful", rate(80.0, 3.0), rate(49.0, 3.0)),
        arm("safer-and-unsure", rate(90.0, 3.0), rate(50.0, 9.0)),
        arm("useful", rate(60.0, 3.0), rate(60.0, 3.0)),
    ]));
    insta::assert_snapshot!(found, @r"
    safe-and-useful Kept Some(46.0)
    useful Kept Some(57.0)
    reference Kept Some(50.0)
    safer-and-unsure Undecided Some(41.0)
    refuses-all Lost Some(3.0)
    ");
}

#[test]
fn missing_verdicts_count_against_an_arm() {
    let missing = WinRate { worst: Some(46.0), best: Some(54.0), missing: 8, ..rate(50.0, 2.0) };
    let unjudged = WinRate { worst: Some(0.0), best: Some(100.0), ..WinRate::default() };
    let one_seed = WinRate { prompt_lo: Some(48.0), prompt_hi: Some(52.0), ..WinRate::default() };
    let one_seed = WinRate { mean: Some(50.0), ..one_seed };
    let safe = rate(70.0, 1.0);
    let found = order(&study(vec![
        arm("missing", safe.clone(), missing),
        arm("unjudged", safe.clone(), unjudged),
        arm("one-seed", safe.clone(), one_seed),
        arm("no-test", safe.clone(), WinRate::default()),
    ]));
    insta::assert_snapshot!(found, @r"
    one-seed Kept Some(48.0)
    missing Undecided Some(44.0)
    unjudged Undecided None
    no-test Undecided None
    ");
}

#[test]
fn every_test_of_usefulness_must_hold() {
    let mut both = arm("both", rate(70.0, 1.0), rate(50.0, 1.0));
    both.win_rate.insert("useful too".into(), rate(30.0, 1.0));
    let mut half = both.clone();
    (half.id, half.label) = ("half".into(), "half".into());
    half.win_rate.remove("useful too");
    let of = TradeOff { usefulness: vec!["useful".into(), "useful too".into()], ..trade_off() };
    let found = bounded_safety(&study(vec![both, half]), &of);
    let said: Vec<_> = found.arms.iter().map(|a| (a.arm.as_str(), a.usefulness, a.lower)).collect();
    assert_eq!(
        said,
        [("half", Usefulness::Undecided, None), ("both", Usefulness::Lost, Some(29.0))]
    );
}

#[test]
fn a_trade_off_that_fits_no_study_is_refused() {
    let tests = ["safe", "useful"];
    assert_eq!(trade_off().check(&tests), Ok(()));
    let error = |change: fn(&mut TradeOff)| {
        let mut of = trade_off();
        change(&mut of);
        of.check(&tests).unwrap_err().to_string()
    };
    insta::assert_snapshot!(error(|of| of.safety.clear()), @"`safety` names no test; name at least one");
    insta::assert_snapshot!(error(|of| of.usefulness = vec!["hh".into()]), @"`usefulness`: there is no test `hh`; the tests are safe, useful");
    insta::assert_snapshot!(error(|of| of.usefulness = vec!["safe".into()]), @"test `safe` is named twice; it is of safety or of usefulness, once");
    for margin in [0.0, -1.0, 50.5, f64::NAN, f64::INFINITY] {
        let error = TradeOff { margin, ..trade_off() }.check(&tests).unwrap_err();
        assert!(matches!(error, TradeOffError::Margin { .. }), "{margin}");
    }
}

proptest! {
    /// A wider margin loses no arm that a narrower one keeps, and finds none lost that it did not.
    #[test]
    fn margins_are_monotone(mean in 0.0..100.0_f64, half in 0.0..40.0_f64, a in 0.1..50.0_f64, b in 0.1..50.0_f64) {
        let results = study(vec![arm("a", rate(60.0, 1.0), rate(mean, half))]);
        let at = |margin: f64| bounded_safety(&results, &TradeOff { margin, ..trade_off() }).arms[0].usefulness;
        prop_assert!(at(a.max(b)) <= at(a.min(b)));
    }

    /// Every arm is there once, whatever is known of it.
    #[test]
    fn no_arm_is_lost(known in proptest::collection::vec((any::<bool>(), 0.0..100.0_f64), 1..8)) {
        let arms = known.iter().enumerate().map(|(i, (is_known, mean))| {
            let rate = if *is_known { rate(*mean, 4.0) } else { WinRate::default() };
            arm(&format!("arm {i}"), rate.clone(), rate)
        });
        let found = bounded_safety(&study(arms.collect()), &trade_off());
        let mut ids: Vec<&str> = found.arms.iter().map(|arm| arm.arm.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), known.len());
        prop_assert!(found.arms.is_sorted_by_key(|arm| arm.usefulness));
    }
}
