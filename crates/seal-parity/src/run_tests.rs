use super::*;

use crate::tolerance::Tolerance;

fn quantity(values: &[f64]) -> Found {
    let mut found = Found::default();
    found.numbers("losses", values.to_vec());
    found
}

fn state(path: impl Fn(&Side) -> Result<Found, PathFault> + 'static) -> CheckState {
    let check = Check::new("a/b", Tolerance::PASS, path);
    let all = run(&[check], DeviceSpec::default(), &mut |_| ()).unwrap();
    all.into_iter().next().unwrap().state
}

fn said(state: &CheckState) -> &str {
    match state {
        CheckState::Failed { said, .. } | CheckState::Skipped { said } => said,
        CheckState::Passed { .. } => "",
    }
}

fn is_subject(side: &Side) -> bool {
    side.ops() == seal_lm::Ops::Composed
}

#[test]
fn equal_numbers_pass_with_the_same_bits_twice() {
    let passed = state(|_| Ok(quantity(&[1.0, 2.0])));
    assert!(matches!(passed, CheckState::Passed { repeat: Repeat::SameBits, .. }), "{passed:?}");
}

#[test]
fn what_fails_says_how_and_no_panic_ends_the_others() {
    let stops = Check::new("a", Tolerance::PASS, |side| match is_subject(side) {
        true => panic!("no kernel\nat x"),
        false => Ok(quantity(&[1.0])),
    });
    let works = Check::new("b", Tolerance::PASS, |_| Ok(quantity(&[1.0])));
    let mut seen = Vec::new();
    let mut each = |outcome: &CheckOutcome| seen.push(outcome.check.clone());
    let all = run(&[stops, works], DeviceSpec::default(), &mut each).unwrap();
    assert_eq!(seen, ["a", "b"]);
    assert_eq!(said(&all[0].state), "the backend stopped: no kernel");
    assert!(all[0].has_failed() && !all[1].has_failed());
}

#[test]
fn differences_and_numbers_that_are_none_fail() {
    let off = state(|side| Ok(quantity(&[if is_subject(side) { 1.001 } else { 1.0 }])));
    assert_eq!(said(&off), "losses is 1.0e-3 away from the reference, over 1e-5");
    let nan = state(|side| Ok(quantity(&[if is_subject(side) { f64::NAN } else { 1.0 }])));
    assert_eq!(said(&nan), "losses: number 0 is NaN");
    let broken = state(|_| Err(PathFault::broken("no")));
    assert_eq!(said(&broken), "on the reference: no");
}

#[test]
fn runs_of_one_device_that_differ_are_reported_or_fail() {
    let runs = |by: f64| {
        let at = std::cell::Cell::new(0.0);
        state(move |side| {
            if is_subject(side) {
                at.set(at.get() + by);
            }
            Ok(quantity(&[1.0 + at.get()]))
        })
    };
    let near = runs(1e-7);
    assert!(matches!(near, CheckState::Passed { repeat: Repeat::Apart(_), .. }), "{near:?}");
    // The first is within the tolerance, the second is not within it of the first.
    let at = std::cell::Cell::new(0);
    let far = state(move |side| {
        at.set(at.get() + usize::from(is_subject(side)));
        Ok(quantity(&[if at.get() == 2 { 1.1 } else { 1.0 }]))
    });
    assert!(said(&far).contains("a race?"), "{far:?}");
}

#[test]
fn what_a_device_lacks_is_skipped_with_a_word() {
    let skipped = state(|_| Err(PathFault::Lacking { reason: "no bf16".to_owned() }));
    assert_eq!(said(&skipped), "no bf16");
    assert!(matches!(skipped, CheckState::Skipped { .. }));
}
