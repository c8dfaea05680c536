//! Score intervals for samples in which nearly every prompt came out the same.
//!
//! A resampled or a normal interval of 300 equal verdicts has width zero, which claims certainty
//! about every other prompt in the world. Wilson's interval does not: 300 wins of 300 say no more
//! than "at least 98.7 %".
//!
//! Verdicts are not 0 or 1, so the interval is built around the majority value m. Write each prompt
//! as m + u - d, with u and d the distance above and below. The mean of u / (hi - m) lies in [0, 1],
//! where a variable of mean q has variance at most q (1 - q), that of a coin: Wilson's interval for a
//! share is therefore safe for it, and likewise for d. Zou and Donner's MOVER (Stat. Med. 2008, 27)
//! joins the two. On wins and losses alone this is Wilson's interval, to the last digit.

use crate::{Interval, IntervalMethod, Level, Scale, sum};

/// At this many prompts beside the majority the ordinary intervals take over.
const ENOUGH: usize = 5;

/// Wilson's score interval for a share `q` in [0, 1] seen in `n` units (`n` may be an effective size).
pub(crate) fn wilson(q: f64, n: f64, z: f64) -> (f64, f64) {
    let shrink = 1.0 + z * z / n;
    let centre = (q + z * z / (2.0 * n)) / shrink;
    let half = z * (q * (1.0 - q) / n + (z / (2.0 * n)).powi(2)).max(0.0).sqrt() / shrink;
    // The ends are exact at q = 0 and q = 1; rounding must not move them past the estimate.
    ((centre - half).clamp(0.0, q), (centre + half).clamp(q, 1.0))
}

/// Wilson's score interval for a share in [0, 1] of `n` units that were counted one by one; `None`
/// without any.
pub fn share_interval(share: f64, n: usize, level: Level) -> Option<Interval> {
    let (lo, hi) = (n > 0).then(|| wilson(share, n as f64, level.z()))?;
    Some(Interval { lo, hi, method: IntervalMethod::Wilson })
}

/// Wilson-type interval where fewer than five values differ from the majority; otherwise `None`.
pub(crate) fn near_constant(values: &[f64], scale: Scale, level: Level) -> Option<Interval> {
    let (count, modes) = modes(values);
    if values.is_empty() || values.len() - count >= ENOUGH {
        return None;
    }
    // A handful of prompts can have two majorities; taking both keeps the result independent of
    // which one is called first.
    let ends = modes.iter().map(|mode| around(*mode, values, scale, level.z()));
    let (lo, hi) =
        ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), (l, h)| (lo.min(l), hi.max(h)));
    Some(Interval { lo, hi, method: IntervalMethod::Wilson })
}

/// The most frequent values and how often each occurs.
fn modes(values: &[f64]) -> (usize, Vec<f64>) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let runs: Vec<&[f64]> = sorted.chunk_by(|a, b| a == b).collect();
    let count = runs.iter().map(|run| run.len()).max().unwrap_or(0);
    (count, runs.iter().filter(|run| run.len() == count).map(|run| run[0]).collect())
}

fn around(mode: f64, values: &[f64], scale: Scale, z: f64) -> (f64, f64) {
    let n = values.len() as f64;
    // Mean distance to one side with its interval, on the scale of the values.
    let side = |room: f64, distance: &dyn Fn(f64) -> f64| {
        if room <= 0.0 {
            return (0.0, 0.0, 0.0);
        }
        let share = sum(values.iter().map(|v| distance(*v).max(0.0))) / n / room;
        let (lo, hi) = wilson(share.clamp(0.0, 1.0), n, z);
        (share * room, lo * room, hi * room)
    };
    let (up, up_lo, up_hi) = side(scale.hi() - mode, &|v| v - mode);
    let (down, down_lo, down_hi) = side(mode - scale.lo(), &|v| mode - v);
    let centre = mode + up - down;
    let below = (up - up_lo).hypot(down_hi - down);
    let above = (up_hi - up).hypot(down - down_lo);
    ((centre - below).max(scale.lo()), (centre + above).min(scale.hi()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(values: &[f64], scale: Scale) -> Option<(f64, f64)> {
        near_constant(values, scale, Level::P95).map(|i| (i.lo, i.hi))
    }

    #[test]
    fn equals_wilson_on_wins_and_losses() {
        for losses in 0..5 {
            let mut values = vec![1.0; 300];
            values[..losses].fill(0.0);
            let (lo, hi) = near(&values, Scale::Rate).unwrap();
            let (wlo, whi) = wilson(1.0 - losses as f64 / 300.0, 300.0, Level::P95.z());
            assert!(
                (lo - wlo).abs() < 1e-12 && (hi - whi).abs() < 1e-12,
                "{losses}: {lo} {wlo} {hi} {whi}"
            );
        }
    }

    #[test]
    fn hands_over_at_five() {
        let mut values = vec![0.5; 300];
        values[..4].fill(1.0);
        assert!(near(&values, Scale::Rate).is_some());
        values[4] = 0.0;
        assert_eq!(near(&values, Scale::Rate), None);
    }

    #[test]
    fn equal_values_have_a_width() {
        let (lo, hi) = near(&[0.5; 300], Scale::Rate).unwrap();
        insta::assert_snapshot!(format!("{lo:.5} {hi:.5}"), @"0.49368 0.50632");
        let (lo, hi) = near(&[0.0; 300], Scale::Difference).unwrap();
        insta::assert_snapshot!(format!("{lo:.5} {hi:.5}"), @"-0.01264 0.01264");
    }

    #[test]
    fn two_majorities_are_treated_alike() {
        let (lo, hi) = near(&[0.25, 0.75], Scale::Rate).unwrap();
        assert!((lo + hi - 1.0).abs() < 1e-12, "{lo} {hi}");
    }

    /// Ties are the majority, and what differs can move by half of the scale.
    #[test]
    fn departures_count_as_shares_of_their_room() {
        let mut values = vec![0.5; 20];
        values[..2].fill(1.0);
        let (lo, hi) = near(&values, Scale::Rate).unwrap();
        let z = Level::P95.z();
        let ((up_lo, up_hi), (_, down_hi)) = (wilson(0.1, 20.0, z), wilson(0.0, 20.0, z));
        assert!((hi - (0.5 + 0.5 * up_hi)).abs() < 1e-12, "{hi}");
        let below = (0.05 - 0.5 * up_lo).hypot(0.5 * down_hi);
        assert!((lo - (0.55 - below)).abs() < 1e-12, "{lo}");
    }

    /// Eight of ten: Newcombe 1998, method 3.
    #[test]
    fn a_counted_share_has_the_published_interval() {
        let found = share_interval(0.8, 10, Level::P95).unwrap();
        insta::assert_snapshot!(format!("{:.4} {:.4}", found.lo, found.hi), @"0.4902 0.9433");
        assert_eq!(found.method, IntervalMethod::Wilson);
        assert_eq!(share_interval(0.0, 0, Level::P95), None);
        assert!(share_interval(1.0, 1, Level::P95).is_some());
    }
}
