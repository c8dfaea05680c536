//! A pair that was judged several times: one outcome in both orders for each sample of the judge.
//!
//! The worth of the pair is the mean over its samples of their worths. A sample without a verdict is no
//! part of the mean, as a prompt without a verdict is no part of a win rate.

use crate::{BothOrders, Verdict};

/// Mean over the samples of the worth of their verdicts, from 0 to 1; `None` where none has a verdict.
pub fn mean_worth(samples: &[BothOrders]) -> Option<f64> {
    mean(samples.iter().filter_map(|sample| sample.verdict().value()))
}

/// The same of [`BothOrders::soft_worth`], which has the judge's probabilities where it gives them.
pub fn mean_soft_worth(samples: &[BothOrders]) -> Option<f64> {
    mean(samples.iter().filter_map(|sample| sample.soft_worth()))
}

/// The verdict of the mean worth: a win above 1/2, a loss below. Where no sample has a verdict, that of
/// the first one, which says why.
pub fn sampled_verdict(samples: &[BothOrders]) -> Verdict {
    match mean_worth(samples) {
        Some(worth) if worth > 0.5 => Verdict::Win,
        Some(worth) if worth < 0.5 => Verdict::Loss,
        Some(_) => Verdict::Tie,
        None => samples.first().map_or(Verdict::TransportError, |sample| sample.verdict()),
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Judgement, Outcome};

    fn both(first: Outcome, second: Outcome) -> BothOrders {
        BothOrders { arm_first: Judgement::of(first), arm_second: Judgement::of(second) }
    }

    #[test]
    fn the_worth_is_the_mean_over_samples_that_have_a_verdict() {
        use Outcome::{First, Missing, Refused, Second, Unparsed};
        let (win, loss, tie) = (both(First, Second), both(Second, First), both(First, First));
        let none = both(Unparsed, Second);
        let of = |samples: &[BothOrders]| (mean_worth(samples), sampled_verdict(samples));
        assert_eq!(of(&[win]), (Some(1.0), Verdict::Win));
        assert_eq!(of(&[win, loss, tie, win]), (Some(0.625), Verdict::Win));
        assert_eq!(of(&[win, loss]), (Some(0.5), Verdict::Tie));
        assert_eq!(of(&[none, loss, tie]), (Some(0.25), Verdict::Loss));
        assert_eq!(of(&[none, none]), (None, Verdict::Unparsed));
        assert_eq!(of(&[both(Missing, Missing), both(Refused, First)]).1, Verdict::TransportError);
        assert_eq!(of(&[]), (None, Verdict::TransportError));
        assert_eq!(mean_soft_worth(&[win, tie]), Some(0.75));
    }
}
