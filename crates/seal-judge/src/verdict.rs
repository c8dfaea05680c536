//! Verdicts: who did better on one prompt.

use std::collections::{BTreeMap, BTreeSet};

use seal_rows::RowId;
use serde::{Deserialize, Serialize};

use crate::{Assessment, JudgeError};

/// What a judge says of an arm's answer beside the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The arm did better.
    Win,
    /// The reference did better.
    Loss,
    /// Neither did.
    Tie,
    /// The judge would not say.
    Refused,
    /// There is no score to compare: the judge's output had none, a number
    /// was not finite, or an answer was never assessed.
    Unparsed,
    /// The judge could not be reached.
    TransportError,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 6] =
        [Self::Win, Self::Loss, Self::Tie, Self::Refused, Self::Unparsed, Self::TransportError];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Win => "win",
            Self::Loss => "loss",
            Self::Tie => "tie",
            Self::Refused => "refused",
            Self::Unparsed => "unparsed",
            Self::TransportError => "transport-error",
        }
    }

    /// Worth for a win rate: 1, 0, or 1/2 for a tie; `None` where missing, so
    /// that the prompt leaves both the numerator and the denominator.
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Win => Some(1.0),
            Self::Loss => Some(0.0),
            Self::Tie => Some(0.5),
            Self::Refused | Self::Unparsed | Self::TransportError => None,
        }
    }

    /// The verdict with arm and reference exchanged.
    pub fn reversed(self) -> Self {
        match self {
            Self::Win => Self::Loss,
            Self::Loss => Self::Win,
            same => same,
        }
    }
}

/// Compares two assessments of one prompt by the same judge.
///
/// A win or a loss needs scores that differ by more than `tie`, in the units
/// of the score. Without two finite scores there is nothing to compare.
pub fn compare(arm: &Assessment, reference: &Assessment, tie: f64) -> Verdict {
    let (Some(arm), Some(reference)) = (arm.finite(), reference.finite()) else {
        return Verdict::Unparsed;
    };
    if arm - reference > tie {
        Verdict::Win
    } else if reference - arm > tie {
        Verdict::Loss
    } else {
        Verdict::Tie
    }
}

/// The verdict on every prompt of a test, in the order of `test`.
///
/// A prompt that either side has no assessment of is [`Verdict::Unparsed`].
///
/// # Errors
/// [`JudgeError::Duplicate`] where a side assessed a prompt twice or the test
/// lists one twice, [`JudgeError::Unknown`] where an assessment is of a row
/// that is not in the test: either would drop something silently.
pub fn verdicts(
    test: &[RowId],
    arm: &[Assessment],
    reference: &[Assessment],
    tie: f64,
) -> Result<Vec<(RowId, Verdict)>, JudgeError> {
    let mut ids = BTreeSet::new();
    if let Some(id) = test.iter().find(|id| !ids.insert(**id)) {
        return Err(JudgeError::Duplicate { what: "the test's listing", id: *id });
    }
    let (arm, reference) = (by_id(&ids, arm)?, by_id(&ids, reference)?);
    let verdict = |id: &RowId| match (arm.get(id), reference.get(id)) {
        (Some(arm), Some(reference)) => compare(arm, reference, tie),
        _ => Verdict::Unparsed,
    };
    Ok(test.iter().map(|id| (*id, verdict(id))).collect())
}

fn by_id<'a>(
    test: &BTreeSet<RowId>,
    assessments: &'a [Assessment],
) -> Result<BTreeMap<RowId, &'a Assessment>, JudgeError> {
    let what = "an assessment";
    let mut found = BTreeMap::new();
    for assessment in assessments {
        let id = assessment.id;
        if !test.contains(&id) {
            return Err(JudgeError::Unknown { what, id });
        }
        if found.insert(id, assessment).is_some() {
            return Err(JudgeError::Duplicate { what, id });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(n: u64) -> RowId {
        RowId::of(&n.to_string(), "", 0)
    }

    fn scored(n: u64, value: impl Into<Option<f64>>) -> Assessment {
        Assessment { value: value.into(), ..Assessment::unscored(id(n), None) }
    }

    #[test]
    fn a_difference_of_exactly_the_tie_is_a_tie() {
        let verdict = |a, b, tie| compare(&scored(0, a), &scored(0, b), tie);
        assert_eq!(verdict(1.5, 1.0, 0.5), Verdict::Tie);
        assert_eq!(verdict(1.5, 1.0, 0.49), Verdict::Win);
        assert_eq!(verdict(1.0, 1.5, 0.49), Verdict::Loss);
        assert_eq!(verdict(2.0, 2.0, 0.0), Verdict::Tie);
    }

    #[test]
    fn every_prompt_has_a_verdict_in_test_order() {
        let test = [id(3), id(1), id(2), id(0)];
        let arm = [scored(1, 1.0), scored(2, None), scored(3, 0.0)];
        let reference = [scored(3, 1.0), scored(2, 0.0), scored(1, 0.0), scored(0, 0.0)];
        let found = verdicts(&test, &arm, &reference, 0.0).unwrap();
        let expected = [Verdict::Loss, Verdict::Win, Verdict::Unparsed, Verdict::Unparsed];
        assert_eq!(found, std::iter::zip(test, expected).collect::<Vec<_>>());
        let silent = verdicts(&test, &[], &[], 0.0).unwrap();
        assert!(silent.iter().all(|(_, v)| *v == Verdict::Unparsed) && silent.len() == 4);
    }

    #[test]
    fn what_would_be_dropped_is_an_error() {
        let test = [id(0), id(1)];
        let error = |test: &[RowId], arm: &[Assessment]| {
            let text = verdicts(test, arm, &[], 0.0).unwrap_err().to_string();
            (0..10).fold(text, |text, n| text.replace(&id(n).to_string(), &format!("<{n}>")))
        };
        insta::assert_snapshot!(
            error(&test, &[scored(1, 0.0), scored(1, 1.0)]),
            @"an assessment of row <1> is there twice; each model answers a prompt once"
        );
        insta::assert_snapshot!(
            error(&test, &[scored(7, 0.0)]),
            @"an assessment of row <7>, which is not in the test; judge a model on the test it answered"
        );
        assert!(error(&[id(0), id(0)], &[]).starts_with("the test's listing of row"));
    }

    #[test]
    fn names_are_those_of_the_files() {
        for verdict in Verdict::ALL {
            let json = serde_json::to_string(&verdict).unwrap();
            assert_eq!(json, format!("\"{}\"", verdict.name()));
        }
    }

    fn any_score() -> impl Strategy<Value = Option<f64>> {
        prop_oneof![
            4 => (-3.0..3.0).prop_map(Some),
            1 => Just(None),
            1 => Just(Some(f64::NAN)),
            1 => Just(Some(f64::NEG_INFINITY)),
        ]
    }

    proptest! {
        #[test]
        fn exchanging_sides_reverses_the_verdict(a in any_score(), b in any_score(), tie in 0.0..1.0) {
            let (a, b) = (scored(0, a), scored(0, b));
            let verdict = compare(&a, &b, tie);
            prop_assert_eq!(compare(&b, &a, tie), verdict.reversed());
            let known = a.finite().is_some() && b.finite().is_some();
            prop_assert_eq!(verdict.value().is_some(), known);
            if known {
                let sum = verdict.value().unwrap() + verdict.reversed().value().unwrap();
                prop_assert_eq!(sum, 1.0);
            }
            if a.finite().is_some() {
                prop_assert_eq!(compare(&a, &a, tie), Verdict::Tie);
            }
        }
    }
}
