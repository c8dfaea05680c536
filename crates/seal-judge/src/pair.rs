//! Outcomes of comparing two answers: of one judgement, and of two in both orders.
//!
//! A judge of pairs prefers an answer for its place as well as for its content. So each pair is
//! judged twice, with the places exchanged. A win or a loss needs the same winner both times.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Verdict;

/// Which answer the judge is shown first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The arm's answer is first, the reference's second.
    ArmFirst,
    /// The reference's answer is first, the arm's second.
    ArmSecond,
}

impl Order {
    /// Both orders.
    pub const BOTH: [Self; 2] = [Self::ArmFirst, Self::ArmSecond];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::ArmFirst => "arm-first",
            Self::ArmSecond => "arm-second",
        }
    }
}

/// The outcome of one judgement, in terms of the places and not of the models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The answer shown first is better.
    First,
    /// The answer shown second is better.
    Second,
    /// Neither is better.
    Tie,
    /// The judge wrote something that is no verdict.
    Unparsed,
    /// The judge would not say.
    Refused,
    /// Nothing arrived from the judge.
    Missing,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 6] =
        [Self::First, Self::Second, Self::Tie, Self::Unparsed, Self::Refused, Self::Missing];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Tie => "tie",
            Self::Unparsed => "unparsed",
            Self::Refused => "refused",
            Self::Missing => "missing",
        }
    }

    /// Whether the judge gave a verdict.
    pub fn is_judged(self) -> bool {
        matches!(self, Self::First | Self::Second | Self::Tie)
    }

    /// The verdict on the arm. [`Outcome::Missing`] becomes [`Verdict::TransportError`].
    pub fn verdict(self, order: Order) -> Verdict {
        match (self, order) {
            (Self::First, Order::ArmFirst) | (Self::Second, Order::ArmSecond) => Verdict::Win,
            (Self::First, Order::ArmSecond) | (Self::Second, Order::ArmFirst) => Verdict::Loss,
            (Self::Tie, _) => Verdict::Tie,
            (Self::Unparsed, _) => Verdict::Unparsed,
            (Self::Refused, _) => Verdict::Refused,
            (Self::Missing, _) => Verdict::TransportError,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One judgement: its outcome, with the probability behind it where the judge gives
/// log-probabilities.
///
/// In files: `{"outcome": "first", "p_first": 0.93}`, `p_first` only where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredJudgement", into = "StoredJudgement")]
pub struct Judgement {
    outcome: Outcome,
    p_first: Option<f64>,
}

impl Judgement {
    /// A judgement without a probability.
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, p_first: None }
    }

    /// A judgement by `p_first`, the probability that the answer shown first is better, among the
    /// verdicts that the judge may give: [`Outcome::First`] above 1/2, [`Outcome::Second`] below,
    /// [`Outcome::Tie`] at 1/2. A number that is no probability is [`Outcome::Unparsed`].
    pub fn by_probability(p_first: f64) -> Self {
        if !(0.0..=1.0).contains(&p_first) {
            return Self::of(Outcome::Unparsed);
        }
        let outcome = if p_first > 0.5 {
            Outcome::First
        } else if p_first < 0.5 {
            Outcome::Second
        } else {
            Outcome::Tie
        };
        Self { outcome, p_first: Some(p_first) }
    }

    /// A tie, with the probability that the answer shown first is better, where half of a tie
    /// counts for each. A number that is no probability is [`Outcome::Unparsed`].
    pub fn tie_at(p_first: f64) -> Self {
        match (0.0..=1.0).contains(&p_first) {
            true => Self { outcome: Outcome::Tie, p_first: Some(p_first) },
            false => Self::of(Outcome::Unparsed),
        }
    }

    /// The outcome.
    pub fn outcome(self) -> Outcome {
        self.outcome
    }

    /// Probability in [0, 1] that the answer shown first is better.
    pub fn p_first(self) -> Option<f64> {
        self.p_first
    }

    /// The verdict on the arm.
    pub fn verdict(self, order: Order) -> Verdict {
        self.outcome.verdict(order)
    }

    /// Worth for the arm, in [0, 1]: the probability that its answer is better where there is one,
    /// otherwise 1 for a win, 1/2 for a tie, 0 for a loss. `None` where the judge gave no verdict.
    pub fn worth(self, order: Order) -> Option<f64> {
        match (self.p_first, order) {
            (Some(p), Order::ArmFirst) => Some(p),
            (Some(p), Order::ArmSecond) => Some(1.0 - p),
            (None, _) => self.verdict(order).value(),
        }
    }
}

/// The fields of a [`Judgement`] in files.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredJudgement {
    outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p_first: Option<f64>,
}

impl From<Judgement> for StoredJudgement {
    fn from(judgement: Judgement) -> Self {
        Self { outcome: judgement.outcome, p_first: judgement.p_first }
    }
}

impl TryFrom<StoredJudgement> for Judgement {
    type Error = ContradictoryJudgement;

    fn try_from(stored: StoredJudgement) -> Result<Self, ContradictoryJudgement> {
        let StoredJudgement { outcome, p_first } = stored;
        let Some(p) = p_first else { return Ok(Self::of(outcome)) };
        let found = match outcome {
            Outcome::Tie => Self::tie_at(p),
            _ => Self::by_probability(p),
        };
        if found.p_first.is_some() && found.outcome == outcome {
            Ok(found)
        } else {
            Err(ContradictoryJudgement { outcome, p_first: p })
        }
    }
}

/// A stored judgement whose probability does not give its outcome.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "the outcome `{outcome}` does not follow from p_first {p_first}; above 0.5 it is `first`, below \
     `second`, and `tie` with any probability"
)]
pub struct ContradictoryJudgement {
    /// The outcome found.
    pub outcome: Outcome,
    /// The probability found.
    pub p_first: f64,
}

/// Two judgements of one pair, one in each order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BothOrders {
    /// With the arm's answer first.
    pub arm_first: Judgement,
    /// With the arm's answer second.
    pub arm_second: Judgement,
}

impl BothOrders {
    /// Each judgement with its order.
    pub fn each(self) -> [(Order, Judgement); 2] {
        [(Order::ArmFirst, self.arm_first), (Order::ArmSecond, self.arm_second)]
    }

    /// The verdict on the arm: a win or a loss where both orders say so, a tie where they differ
    /// or one of them ties.
    ///
    /// Where an order has no verdict the pair has none. If both have none for different reasons,
    /// [`Verdict::TransportError`] comes before [`Verdict::Unparsed`], and that before
    /// [`Verdict::Refused`]: the first may pass, the last will not.
    pub fn verdict(self) -> Verdict {
        let found = self.each().map(|(order, judgement)| judgement.verdict(order));
        for missing in [Verdict::TransportError, Verdict::Unparsed, Verdict::Refused] {
            if found.contains(&missing) {
                return missing;
            }
        }
        if found[0] == found[1] { found[0] } else { Verdict::Tie }
    }

    /// Mean worth of the two orders for the arm, in [0, 1] ([`Judgement::worth`]). `None` where an
    /// order has no verdict.
    ///
    /// With probabilities this is finer than [`verdict`](Self::verdict). Without them it differs
    /// from the verdict's value where exactly one order ties: it is then 1/4 or 3/4.
    pub fn worth(self) -> Option<f64> {
        let [first, second] = self.each().map(|(order, judgement)| judgement.worth(order));
        Some((first? + second?) / 2.0)
    }

    /// Worth of the pair for a win rate, in [0, 1]: [`worth`](Self::worth) where both orders have
    /// probabilities, otherwise that of the verdict. `None` where the pair has none.
    pub fn soft_worth(self) -> Option<f64> {
        let is_soft = self.arm_first.p_first().is_some() && self.arm_second.p_first().is_some();
        if is_soft { self.worth() } else { self.verdict().value() }
    }

    /// The worth of each order for the arm, in [0, 1]. A tie is 1/2, whichever answer its
    /// probability leans to.
    pub fn order_worths(self) -> [Option<f64>; 2] {
        self.each().map(|(order, judgement)| match judgement.outcome() {
            Outcome::Tie => Some(0.5),
            _ => judgement.worth(order),
        })
    }

    /// Whether the orders disagree about the winner; a tie against a win counts. `None` where an
    /// order has no verdict.
    pub fn is_flipped(self) -> Option<bool> {
        let [first, second] = self.each().map(|(order, judgement)| judgement.verdict(order));
        let judged = first.value().is_some() && second.value().is_some();
        judged.then_some(first != second)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn both(arm_first: Outcome, arm_second: Outcome) -> BothOrders {
        BothOrders { arm_first: Judgement::of(arm_first), arm_second: Judgement::of(arm_second) }
    }

    #[test]
    fn agreement_is_a_win_or_a_loss_and_conflict_a_tie() {
        use Outcome::{First, Missing, Refused, Second, Tie, Unparsed};
        for (pair, verdict, worth, flipped) in [
            (both(First, Second), Verdict::Win, Some(1.0), Some(false)),
            (both(Second, First), Verdict::Loss, Some(0.0), Some(false)),
            (both(First, First), Verdict::Tie, Some(0.5), Some(true)),
            (both(Second, Second), Verdict::Tie, Some(0.5), Some(true)),
            (both(Tie, Tie), Verdict::Tie, Some(0.5), Some(false)),
            (both(First, Tie), Verdict::Tie, Some(0.75), Some(true)),
            (both(Tie, First), Verdict::Tie, Some(0.25), Some(true)),
            (both(First, Unparsed), Verdict::Unparsed, None, None),
            (both(Refused, Second), Verdict::Refused, None, None),
            (both(Refused, Missing), Verdict::TransportError, None, None),
            (both(Unparsed, Refused), Verdict::Unparsed, None, None),
        ] {
            assert_eq!(pair.verdict(), verdict, "{pair:?}");
            assert_eq!(pair.worth(), worth, "{pair:?}");
            assert_eq!(pair.is_flipped(), flipped, "{pair:?}");
        }
    }

    #[test]
    fn a_number_that_is_no_probability_is_no_verdict() {
        for p in [f64::NAN, f64::INFINITY, -0.01, 1.01] {
            assert_eq!(Judgement::by_probability(p), Judgement::of(Outcome::Unparsed));
        }
        assert_eq!(Judgement::by_probability(0.5).outcome(), Outcome::Tie);
        assert_eq!(Judgement::by_probability(1.0).outcome(), Outcome::First);
        assert_eq!(Judgement::by_probability(0.0).outcome(), Outcome::Second);
    }

    #[test]
    fn files_hold_names_and_no_contradiction() {
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_string(&outcome).unwrap(), format!("\"{outcome}\""));
        }
        for order in Order::BOTH {
            assert_eq!(serde_json::to_string(&order).unwrap(), format!("\"{}\"", order.name()));
        }
        let pair = BothOrders {
            arm_first: Judgement::by_probability(0.75),
            arm_second: Judgement::of(Outcome::Refused),
        };
        let text = serde_json::to_string(&pair).unwrap();
        insta::assert_snapshot!(text, @r#"{"arm_first":{"outcome":"first","p_first":0.75},"arm_second":{"outcome":"refused"}}"#);
        assert_eq!(serde_json::from_str::<BothOrders>(&text).unwrap(), pair);
        let error = |text: &str| serde_json::from_str::<Judgement>(text).unwrap_err().to_string();
        insta::assert_snapshot!(error(r#"{"outcome":"first","p_first":0.25}"#), @"the outcome `first` does not follow from p_first 0.25; above 0.5 it is `first`, below `second`, and `tie` with any probability");
        let tie = r#"{"outcome":"tie","p_first":0.25}"#;
        assert_eq!(serde_json::from_str::<Judgement>(tie).unwrap(), Judgement::tie_at(0.25));
        assert!(error(r#"{"outcome":"tie","p_first":1.5}"#).contains("does not follow"));
        assert!(error(r#"{"outcome":"unparsed","p_first":0.25}"#).contains("does not follow"));
    }

    fn any_judgement() -> impl Strategy<Value = Judgement> {
        prop_oneof![
            (0.0..=1.0).prop_map(Judgement::by_probability),
            (0.0..=1.0).prop_map(Judgement::tie_at),
            proptest::sample::select(Outcome::ALL.to_vec()).prop_map(Judgement::of),
        ]
    }

    proptest! {
        #[test]
        fn exchanging_arm_and_reference_reverses_all(a in any_judgement(), b in any_judgement()) {
            let pair = BothOrders { arm_first: a, arm_second: b };
            let other = BothOrders { arm_first: b, arm_second: a };
            prop_assert_eq!(other.verdict(), pair.verdict().reversed());
            prop_assert_eq!(other.is_flipped(), pair.is_flipped());
            match (pair.worth(), other.worth()) {
                (Some(one), Some(two)) => prop_assert!((one + two - 1.0).abs() < 1e-12),
                (one, two) => prop_assert_eq!((one, two), (None, None)),
            }
            prop_assert_eq!(pair.worth().is_some(), pair.verdict().value().is_some());
        }
    }
}
