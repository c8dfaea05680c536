//! Against statsmodels and scipy, and what must hold for any prompts.

use proptest::prelude::*;

use super::*;
use crate::golden::{cases, close, list, number};

fn found(worths: &[f64], excess: &[f64]) -> LengthControlled {
    length_controlled(worths, excess).unwrap().unwrap()
}

#[test]
fn most_likely_weights_match_statsmodels() {
    for case in cases("length") {
        let found = found(&list(&case, "worths"), &list(&case, "excess"));
        assert_eq!(found.fit, LengthFit::MostLikely);
        close(found.rate, number(&case, "rate"), 1e-9);
        close(found.slope.unwrap(), number(&case, "slope"), 1e-8);
    }
}

#[test]
fn penalised_weights_match_a_search_without_derivatives() {
    for case in cases("firth") {
        let found = found(&list(&case, "worths"), &list(&case, "excess"));
        assert_eq!(found.fit, LengthFit::Penalised);
        close(found.rate, number(&case, "rate"), 1e-7);
        close(found.slope.unwrap(), number(&case, "slope"), 1e-6);
    }
}

#[test]
fn one_exception_is_enough_for_the_most_likely_weights() {
    let excess = [-300.0, -120.0, -40.0, 10.0, 90.0, 200.0, 800.0];
    let mut worths = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
    assert_eq!(found(&worths, &excess).fit, LengthFit::Penalised);
    worths[2] = 0.01;
    assert_eq!(found(&worths, &excess).fit, LengthFit::Penalised, "still the highest lost length");
    worths[1] = 0.01;
    assert_eq!(found(&worths, &excess).fit, LengthFit::MostLikely);
}

#[test]
fn data_without_weights() {
    let unanimous = found(&[1.0; 4], &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!((unanimous.rate, unanimous.fit), (1.0, LengthFit::Unanimous));
    assert_eq!(found(&[0.0; 2], &[1.0, 1.0]).rate, 0.0);
    let equal = found(&[1.0, 0.5, 0.25], &[0.0; 3]);
    assert_eq!((equal.rate, equal.slope, equal.fit), (1.75 / 3.0, None, LengthFit::EqualLengths));
    assert_eq!(found(&[0.25], &[0.0]).rate, 0.25);
    assert_eq!(length_controlled(&[0.25], &[3.0]), Ok(None));
    assert_eq!(length_controlled(&[1.0, 0.0], &[7.0, 7.0]), Ok(None));
    // So far off that every feature is the same 1.
    assert_eq!(length_controlled(&[1.0, 0.0], &[1e9, 1e9 + 1.0]), Ok(None));
    assert_eq!(length_controlled(&[], &[]), Ok(None));
}

#[test]
fn bad_input_is_named() {
    let error = |w: &[f64], d: &[f64]| length_controlled(w, d).unwrap_err().to_string();
    insta::assert_snapshot!(error(&[1.0], &[]), @"worths and lengths: 1 values against 0; pass one of each per row, in the same order");
    insta::assert_snapshot!(error(&[2.0], &[0.0]), @"outcome 2 of prompt 0, seed 0 is outside [0, 1]; a win is 1, a tie 0.5, a loss 0, a missing verdict None");
    insta::assert_snapshot!(error(&[1.0], &[f64::NAN]), @"lengths: value 0 is NaN; it must be finite; find out where it came from");
    assert!(error(&[f64::NAN], &[0.0]).starts_with("outcome NaN"));
}

#[test]
fn the_interval_is_seeded_and_near_the_normal_one() {
    let case = &cases("length")[2];
    let (worths, excess) = (list(case, "worths"), list(case, "excess"));
    let interval = |seed| {
        length_controlled_interval(&worths, &excess, Level::P95, 1000, seed).unwrap().unwrap()
    };
    assert_eq!(interval(3), interval(3));
    assert_ne!(interval(3), interval(4));
    let (Interval { lo, hi, method }, rate) = (interval(3), found(&worths, &excess).rate);
    assert_eq!(method, IntervalMethod::Bca);
    // 400 prompts: the win rate's own interval has about this width.
    assert!(lo < rate && rate < hi && (0.03..0.09).contains(&(hi - lo)), "{lo} {rate} {hi}");
}

#[test]
fn nearly_unanimous_prompts_have_a_wilson_interval() {
    let mut worths = vec![1.0; 50];
    worths[7] = 0.0;
    let excess: Vec<f64> = (0..50).map(|i| f64::from(i * 37 % 50 - 20)).collect();
    let found = length_controlled_interval(&worths, &excess, Level::P95, 100, 1).unwrap().unwrap();
    assert_eq!(found.method, IntervalMethod::Wilson);
    assert!(found.lo < 0.95 && found.hi < 1.0 && found.hi - found.lo > 0.05, "{found:?}");
    assert_eq!(length_controlled_interval(&[1.0], &[2.0], Level::P95, 100, 1), Ok(None));
    assert_eq!(length_controlled_interval(&worths, &excess, Level::P95, 0, 1), Ok(None));
}

/// tanh of -4 and of -5 spreads differ by some millionths: the slope would be near -870,000, with three
/// digits that hold.
#[test]
fn lengths_that_tanh_hardly_tells_apart_give_no_figure() {
    assert_eq!(length_controlled(&[0.0, 0.5, 0.0], &[-4.0, -5.0, -4.0]), Ok(None));
}

/// Prompts of any kind, often separated or alike.
fn prompts() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    let worth = prop_oneof![Just(0.0), Just(0.5), Just(1.0), 0.0..=1.0];
    let excess = prop_oneof![Just(0.0), (-5_i32..5).prop_map(f64::from), -2000.0..2000.0];
    prop::collection::vec((worth, excess), 1..40).prop_map(|rows| rows.into_iter().unzip())
}

/// Range of tanh(d / s).
fn spread(excess: &[f64]) -> f64 {
    let scale = sample_variance(excess).map_or(f64::INFINITY, f64::sqrt);
    let tanh = |d: &f64| (d / scale).tanh();
    let (lo, hi) =
        excess.iter().map(tanh).fold((1.0f64, -1.0f64), |(lo, hi), t| (lo.min(t), hi.max(t)));
    hi - lo
}

proptest! {
    #[test]
    fn exchanging_arm_and_reference_gives_the_complement((worths, excess) in prompts()) {
        let other = |list: &[f64], change: fn(f64) -> f64| -> Vec<f64> {
            list.iter().map(|v| change(*v)).collect()
        };
        let swapped = length_controlled(&other(&worths, |w| 1.0 - w), &other(&excess, |d| -d));
        match (length_controlled(&worths, &excess).unwrap(), swapped.unwrap()) {
            (Some(a), Some(b)) => {
                prop_assert!((a.rate + b.rate - 1.0).abs() < 1e-6, "{a:?} {b:?}");
                prop_assert!((0.0..=1.0).contains(&a.rate), "{a:?}");
                // Where tanh hardly tells the lengths apart, rounding decides the slope.
                if let (Some(a), Some(b), true) = (a.slope, b.slope, spread(&excess) > 0.01) {
                    prop_assert!((a - b).abs() < 1e-5 * (1.0 + a.abs()), "{a} {b}");
                }
            }
            (a, b) => prop_assert_eq!((a, b), (None, None)),
        }
    }

    #[test]
    fn the_unit_of_length_and_the_order_of_prompts_change_nothing(
        (worths, excess) in prompts(), unit in 0.01..100.0,
    ) {
        let scaled: Vec<f64> = excess.iter().map(|d| d * unit).collect();
        let back = |list: &[f64]| list.iter().rev().copied().collect::<Vec<f64>>();
        let rate = |w: &[f64], d: &[f64]| length_controlled(w, d).unwrap().map(|found| found.rate);
        let (one, two) = (rate(&worths, &excess), rate(&back(&worths), &back(&scaled)));
        match (one, two) {
            (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-6, "{a} {b}"),
            (a, b) => prop_assert_eq!((a, b), (None, None)),
        }
    }

    /// At the most likely weights the mean of the curve is the mean worth.
    #[test]
    fn the_curve_goes_through_the_mean((worths, excess) in prompts()) {
        let found = length_controlled(&worths, &excess).unwrap();
        if let Some(LengthControlled { rate, slope: Some(slope), fit: LengthFit::MostLikely }) = found
            && rate > 1e-6 && rate < 1.0 - 1e-6
        {
            let spread = sample_variance(&excess).unwrap().sqrt();
            let level = (rate / (1.0 - rate)).ln();
            let curve = excess.iter().map(|d| fit::logistic(slope * (d / spread).tanh() + level));
            let (seen, wanted) = (mean(&curve.collect::<Vec<_>>()).unwrap(), mean(&worths).unwrap());
            prop_assert!((seen - wanted).abs() < 1e-6, "{seen} {wanted}");
        }
    }
}

#[test]
fn two_prompts_are_enough_for_an_interval() {
    let found = length_controlled_interval(&[1.0, 0.0], &[1.0, -1.0], Level::P95, 100, 0);
    assert!(found.unwrap().is_some());
}

/// Lengths that say nothing of the verdicts leave the mean, and so the skewed interval of the mean.
#[test]
fn the_interval_follows_the_skew_of_the_worths() {
    let worths: Vec<f64> = (0..120).map(|i| f64::from(i >= 12)).collect();
    let excess: Vec<f64> = (0..120).map(|i| if i % 2 == 0 { 50.0 } else { -50.0 }).collect();
    let level = Level::P95;
    let ours = length_controlled_interval(&worths, &excess, level, 4000, 1).unwrap().unwrap();
    let cells = worths.iter().copied().map(Some).collect();
    let outcomes = crate::Outcomes::rates(120, 1, cells).unwrap();
    let plain = crate::prompt_interval(&outcomes, level, 40_000, 2).unwrap();
    // With the other sign of the acceleration both ends are .02 higher.
    close(ours.lo, plain.lo, 0.008);
    close(ours.hi, plain.hi, 0.008);
}
