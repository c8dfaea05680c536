//! What two judgements of each pair, with the places exchanged, say of the arm and of the judge.

use crate::{Scale, StatsError, mean};

/// Figures of pairs that were judged in both orders. Rates are fractions, counts are pairs.
///
/// A pair that lacks a verdict in either order counts as missing and in no other figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoOrders {
    /// Pairs that the arm won in both orders.
    pub wins: usize,
    /// Pairs that the arm lost in both orders.
    pub losses: usize,
    /// Pairs with a tie in either order, or with another winner in each.
    pub ties: usize,
    /// Pairs that lack a verdict in either order.
    pub missing: usize,
    /// (wins + ties / 2) / judged; `None` without judged pairs.
    pub win_rate: Option<f64>,
    /// Mean worth over both orders, with probabilities as they are; `None` without judged pairs.
    pub mean_worth: Option<f64>,
    /// Share of the judged pairs whose two winners differ; a tie against a win counts. One less this
    /// is the judge's consistency.
    pub flip_rate: Option<f64>,
    /// Share of decisive judgements that the answer shown first won. Without a preference for a place
    /// it is 1/2, because each answer is first once. `None` without decisive judgements.
    pub first_slot: Option<f64>,
}

impl TwoOrders {
    /// Pairs with a verdict in both orders.
    pub fn judged(&self) -> usize {
        self.wins + self.losses + self.ties
    }
}

/// Figures of `pairs`: for each, the arm's worth in [0, 1] with its answer shown first and with its
/// answer shown second. Above 1/2 the arm won, below it lost. `None` is a missing verdict.
///
/// # Errors
/// [`StatsError::Outcome`] for a worth outside [0, 1]; its seed is 0 for the first order and 1 for the
/// second.
pub fn two_orders(pairs: &[[Option<f64>; 2]]) -> Result<TwoOrders, StatsError> {
    let (lo, hi, half) = (Scale::Rate.lo(), Scale::Rate.hi(), Scale::Rate.tie());
    let (mut wins, mut losses, mut ties, mut missing) = (0, 0, 0, 0);
    let (mut flips, mut decisive, mut first_won) = (0, 0, 0);
    let mut worths = Vec::with_capacity(pairs.len());
    for (prompt, pair) in pairs.iter().enumerate() {
        for (seed, worth) in pair.iter().enumerate() {
            if let Some(value) = *worth
                && !(lo..=hi).contains(&value)
            {
                return Err(StatsError::Outcome { prompt, seed, value, lo, hi });
            }
        }
        let [Some(first), Some(second)] = *pair else {
            missing += 1;
            continue;
        };
        match (first.total_cmp(&half), second.total_cmp(&half)) {
            (a, b) if a.is_gt() && b.is_gt() => wins += 1,
            (a, b) if a.is_lt() && b.is_lt() => losses += 1,
            (a, b) => {
                ties += 1;
                flips += usize::from(a != b);
            }
        }
        decisive += usize::from(first != half) + usize::from(second != half);
        first_won += usize::from(first > half) + usize::from(second < half);
        worths.push((first + second) / 2.0);
    }
    let judged = wins + losses + ties;
    let share = |part: f64, of: usize| (of > 0).then(|| part / of as f64);
    Ok(TwoOrders {
        wins,
        losses,
        ties,
        missing,
        win_rate: share(wins as f64 + ties as f64 / 2.0, judged),
        mean_worth: mean(&worths),
        flip_rate: share(flips as f64, judged),
        first_slot: share(first_won as f64, decisive),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_by_hand() {
        let (won, lost, tied) = (Some(1.0), Some(0.0), Some(0.5));
        let pairs = [
            [won, won],
            [won, won],
            [lost, lost],
            // The first place wins twice.
            [won, lost],
            [won, lost],
            // The second place wins.
            [lost, won],
            [tied, tied],
            [won, tied],
            [won, None],
            [None, None],
        ];
        let found = two_orders(&pairs).unwrap();
        assert_eq!((found.wins, found.losses, found.ties, found.missing), (2, 1, 5, 2));
        assert_eq!(found.judged(), 8);
        assert_eq!(found.win_rate, Some(4.5 / 8.0));
        assert_eq!(found.mean_worth, Some((2.0 + 0.5 * 4.0 + 0.75) / 8.0));
        assert_eq!(found.flip_rate, Some(4.0 / 8.0));
        // 13 decisive judgements; the first won one of each agreed pair, 2 + 2, 0, 0 and 1.
        assert_eq!(found.first_slot, Some((3.0 + 4.0 + 1.0) / 13.0));
    }

    #[test]
    fn probabilities_count_as_they_are_for_the_mean_and_by_their_winner_for_the_rest() {
        let found = two_orders(&[[Some(0.9), Some(0.6)], [Some(0.9), Some(0.4)]]).unwrap();
        assert_eq!((found.wins, found.ties, found.flip_rate), (1, 1, Some(0.5)));
        assert!((found.mean_worth.unwrap() - 0.7).abs() < 1e-12);
        assert_eq!(found.first_slot, Some(3.0 / 4.0));
    }

    #[test]
    fn nothing_judged_has_no_rates() {
        let found = two_orders(&[[None, Some(1.0)]]).unwrap();
        assert_eq!((found.missing, found.win_rate, found.flip_rate), (1, None, None));
        assert_eq!((found.mean_worth, found.first_slot), (None, None));
        let error = two_orders(&[[Some(0.5), Some(1.5)]]).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"outcome 1.5 of prompt 0, seed 1 is outside [0, 1]; a win is 1, a tie 0.5, a loss 0, a missing verdict None");
    }

    #[test]
    fn each_place_can_win_everything() {
        let (won, lost) = (Some(1.0), Some(0.0));
        assert_eq!(two_orders(&[[won, lost]]).unwrap().first_slot, Some(1.0));
        assert_eq!(two_orders(&[[lost, won]]).unwrap().first_slot, Some(0.0));
        assert_eq!(two_orders(&[[won, won]]).unwrap().first_slot, Some(0.5));
    }
}
