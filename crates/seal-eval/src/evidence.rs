//! The evidence that a judge gives about one model on one test.

use std::collections::{BTreeMap, BTreeSet};

use seal_judge::{Assessment, JudgeError, Verdict, verdicts};
use seal_rows::RowId;

/// Evidence about one model on one test: of one arm with one seed.
///
/// Every figure asks for its evidence here, so that another kind of judge is
/// another variant and no change to a figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// A judge of single answers: one assessment a prompt. Verdicts come of
    /// the comparison with the reference model's assessments.
    Assessments(Vec<Assessment>),
    /// A judge of pairs: its verdict on the model's answer beside the
    /// reference model's, for each prompt. It says nothing of rates.
    Verdicts(Vec<(RowId, Verdict)>),
    /// A judge of pairs that may have judged each pair several times.
    Sampled(Vec<SampledPair>),
}

/// What a judge of pairs says of one prompt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampledPair {
    /// The prompt.
    pub id: RowId,
    /// The verdict of the mean worth, or why there is none.
    pub verdict: Verdict,
    /// Mean over the samples of their worths, in [0, 1]; `None` without a verdict.
    pub worth: Option<f64>,
}

/// Nothing is known of the model.
static NONE: Evidence = Evidence::Assessments(Vec::new());

impl Evidence {
    /// Of a model that was not judged: every verdict on it is missing.
    pub fn none() -> &'static Self {
        &NONE
    }

    /// Of the reference model before a judge of pairs: it ties with itself on
    /// every prompt.
    pub fn ties(prompts: &[RowId]) -> Self {
        Self::Verdicts(prompts.iter().map(|id| (*id, Verdict::Tie)).collect())
    }

    /// The verdict on every prompt of a test, in the order of `prompts`. A
    /// prompt without evidence is [`Verdict::Unparsed`]. Scores tie that differ
    /// by at most `tie`, in the unit of the score.
    ///
    /// # Errors
    /// [`JudgeError::Duplicate`] for a prompt that is there twice,
    /// [`JudgeError::Unknown`] for evidence on a row that is not in the test.
    pub fn verdicts(
        &self,
        reference: &Self,
        prompts: &[RowId],
        tie: f64,
    ) -> Result<Vec<(RowId, Verdict)>, JudgeError> {
        match self {
            Self::Assessments(ours) => verdicts(prompts, ours, reference.assessments(), tie),
            Self::Verdicts(found) => in_order(prompts, found),
            Self::Sampled(found) => {
                let verdicts: Vec<_> = found.iter().map(|pair| (pair.id, pair.verdict)).collect();
                in_order(prompts, &verdicts)
            }
        }
    }

    /// The worth of each prompt for a win rate, in the order of `prompts`: that of the verdict, and of a
    /// pair that was judged several times the mean over its samples. `None` without a verdict.
    ///
    /// # Errors
    /// As [`Evidence::verdicts`].
    pub fn worths(
        &self,
        reference: &Self,
        prompts: &[RowId],
        tie: f64,
    ) -> Result<Vec<Option<f64>>, JudgeError> {
        let verdicts = self.verdicts(reference, prompts, tie)?;
        let sampled: BTreeMap<RowId, Option<f64>> = match self {
            Self::Sampled(found) => found.iter().map(|pair| (pair.id, pair.worth)).collect(),
            Self::Assessments(_) | Self::Verdicts(_) => BTreeMap::new(),
        };
        let worth = |(id, verdict): (RowId, Verdict)| {
            sampled.get(&id).copied().unwrap_or_else(|| verdict.value())
        };
        Ok(verdicts.into_iter().map(worth).collect())
    }

    /// How much better each prompt went than with the reference model: the
    /// difference of scores, or the worth of the verdict (1, 1/2, 0) less 1/2.
    /// Prompts that cannot be compared are left out.
    pub fn gains(&self, reference: &Self) -> BTreeMap<RowId, f64> {
        let ours = match self {
            Self::Assessments(ours) => ours,
            Self::Verdicts(found) => {
                let gain = |(id, v): &(RowId, Verdict)| Some((*id, v.value()? - 0.5));
                return found.iter().filter_map(gain).collect();
            }
            Self::Sampled(found) => {
                let gain = |pair: &SampledPair| Some((pair.id, pair.worth? - 0.5));
                return found.iter().filter_map(gain).collect();
            }
        };
        let theirs: BTreeMap<RowId, f64> =
            reference.assessments().iter().filter_map(|a| Some((a.id, a.finite()?))).collect();
        let gain = |a: &Assessment| Some((a.id, a.finite()? - theirs.get(&a.id)?));
        ours.iter().filter_map(gain).collect()
    }

    /// The assessments of the model's answers, which rates are counted over;
    /// none from a judge of pairs.
    pub fn assessments(&self) -> &[Assessment] {
        match self {
            Self::Assessments(all) => all,
            Self::Verdicts(_) | Self::Sampled(_) => &[],
        }
    }
}

/// The verdict on each of `prompts`, in their order.
fn in_order(
    prompts: &[RowId],
    found: &[(RowId, Verdict)],
) -> Result<Vec<(RowId, Verdict)>, JudgeError> {
    let mut ids = BTreeSet::new();
    if let Some(id) = prompts.iter().find(|id| !ids.insert(**id)) {
        return Err(JudgeError::Duplicate { what: "the test's listing", id: *id });
    }
    let what = "a verdict";
    let mut by_id = BTreeMap::new();
    for (id, verdict) in found {
        if !ids.contains(id) {
            return Err(JudgeError::Unknown { what, id: *id });
        }
        if by_id.insert(*id, *verdict).is_some() {
            return Err(JudgeError::Duplicate { what, id: *id });
        }
    }
    let of = |id: &RowId| by_id.get(id).copied().unwrap_or(Verdict::Unparsed);
    Ok(prompts.iter().map(|id| (*id, of(id))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> RowId {
        RowId::of(&n.to_string(), "", 0)
    }

    fn scored(n: u64, value: f64) -> Assessment {
        Assessment { value: Some(value), ..Assessment::unscored(id(n), None) }
    }

    #[test]
    fn verdicts_on_pairs_need_no_reference() {
        let pairs = Evidence::Verdicts(vec![(id(1), Verdict::Win), (id(2), Verdict::Refused)]);
        let found = pairs.verdicts(Evidence::none(), &[id(2), id(0), id(1)], 0.0).unwrap();
        let expected =
            [(id(2), Verdict::Refused), (id(0), Verdict::Unparsed), (id(1), Verdict::Win)];
        assert_eq!(found, expected);
        // A refused verdict is worth nothing.
        assert_eq!(pairs.gains(Evidence::none()), BTreeMap::from([(id(1), 0.5)]));
        assert!(pairs.assessments().is_empty());
    }

    #[test]
    fn pairs_that_would_be_dropped_are_an_error() {
        let error = |prompts: &[RowId], found: &[(RowId, Verdict)]| {
            let pairs = Evidence::Verdicts(found.to_vec());
            let text = pairs.verdicts(Evidence::none(), prompts, 0.0).unwrap_err().to_string();
            (0..10).fold(text, |text, n| text.replace(&id(n).to_string(), &format!("<{n}>")))
        };
        let won = (id(1), Verdict::Win);
        insta::assert_snapshot!(error(&[id(0)], &[won]), @"a verdict of row <1>, which is not in the test; judge a model on the test it answered");
        insta::assert_snapshot!(error(&[id(1)], &[won, won]), @"a verdict of row <1> is there twice; each model answers a prompt once");
        insta::assert_snapshot!(error(&[id(1), id(1)], &[won]), @"the test's listing of row <1> is there twice; each model answers a prompt once");
    }

    #[test]
    fn gains_are_of_prompts_that_both_models_answered() {
        let ours = Evidence::Assessments(vec![scored(1, 2.0), scored(2, 1.0), scored(3, f64::NAN)]);
        let theirs = Evidence::Assessments(vec![scored(1, 0.5), scored(3, 0.0), scored(4, 0.0)]);
        assert_eq!(ours.gains(&theirs), BTreeMap::from([(id(1), 1.5)]));
        assert!(ours.gains(Evidence::none()).is_empty());
    }

    #[test]
    fn several_samples_count_by_their_mean() {
        let pair = |n, verdict, worth| SampledPair { id: id(n), verdict, worth };
        let pairs = Evidence::Sampled(vec![
            pair(1, Verdict::Win, Some(0.75)),
            pair(2, Verdict::Unparsed, None),
        ]);
        let prompts = [id(2), id(1), id(3)];
        let none = Evidence::none();
        assert_eq!(pairs.worths(none, &prompts, 0.0).unwrap(), [None, Some(0.75), None]);
        let verdicts = pairs.verdicts(none, &prompts, 0.0).unwrap();
        assert_eq!(verdicts[1], (id(1), Verdict::Win));
        assert_eq!(pairs.gains(none), BTreeMap::from([(id(1), 0.25)]));
        let plain = Evidence::Verdicts(vec![(id(1), Verdict::Win)]);
        assert_eq!(plain.worths(none, &prompts, 0.0).unwrap(), [None, Some(1.0), None]);
        assert!(pairs.worths(none, &[id(1)], 0.0).is_err());
    }

    #[test]
    fn the_reference_ties_with_itself() {
        let prompts = [id(3), id(1)];
        let found = Evidence::ties(&prompts).verdicts(Evidence::none(), &prompts, 0.0).unwrap();
        assert_eq!(found, prompts.map(|id| (id, Verdict::Tie)));
    }
}
