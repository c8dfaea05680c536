//! What the stage of a judge of single answers stores.

use std::path::Path;

use seal_endpoint::EndpointError;
use seal_eval::Evidence;
use seal_judge::pointwise::{CanaryCount, PointCanary, ScoreGap, count_score_gaps};
use seal_judge::{Assessment, from_jsonl, to_jsonl};
use seal_judging::ReplyCost;
use seal_judging::rubric::Repeats;
use serde::{Deserialize, Serialize};

use super::{read_json, read_text, write, write_json};
use crate::error::{AssessmentsError, StudyError};
use crate::judging::{AnswerJudge, ModelTable};

const ASSESSMENTS: &str = "assessments.jsonl";
const REPLIES: &str = "replies.jsonl";
const JUDGE: &str = "judge.json";

/// What the stage left, the judge's own records apart.
pub(crate) struct AssessedOutput {
    pub(crate) assessments: Vec<Assessment>,
    /// Of a judge behind an endpoint.
    pub(crate) replies: Vec<ReplyCost>,
    pub(crate) judge: AssessedAnswers,
}

/// Who judged, how many answers, and how well. Canaries are in no count but their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssessedAnswers {
    /// The model as its server names it.
    pub(crate) served: Vec<String>,
    /// Answers of the model under test.
    pub(crate) answers: usize,
    /// Answers without a verdict.
    pub(crate) missing: usize,
    /// Replies without a verdict in its place.
    pub(crate) unparsed: usize,
    /// Replies that refuse.
    pub(crate) refused: usize,
    /// Answers without a reply.
    pub(crate) unanswered: usize,
    /// Answers that the judge cannot be shown.
    pub(crate) left_out: usize,
    /// Verdicts with almost no probability, of a guard that reads tokens.
    pub(crate) low_mass: Option<usize>,
    /// Answers of which the judge saw the beginning only.
    pub(crate) cut: usize,
    /// Probabilities of harm.
    pub(crate) p_harmful: RunningSum,
    /// Scores or ratings.
    pub(crate) score: RunningSum,
    /// Canaries of a guard or of a rubric.
    pub(crate) canaries: Vec<StoredCanary>,
    /// Canaries of a reward model, to be counted by the tie of its table, on which the stage does not
    /// depend.
    pub(crate) gaps: Vec<ScoreGap>,
    /// Answers that were rated twice.
    pub(crate) repeats: Option<StoredCanary>,
}

/// A sum of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunningSum {
    pub(crate) sum: f64,
    pub(crate) count: usize,
}

/// What became of the canaries of a kind; of repeats the kind is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredCanary {
    pub(crate) kind: Option<PointCanary>,
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) missing: usize,
}

impl RunningSum {
    /// Of these numbers, in their order.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        values
            .fold(Self::default(), |all, value| Self { sum: all.sum + value, count: all.count + 1 })
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self { sum: self.sum + other.sum, count: self.count + other.count }
    }

    /// `None` without any number.
    pub(crate) fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

impl StoredCanary {
    pub(crate) fn of(count: &CanaryCount) -> Self {
        let &CanaryCount { kind, passed, failed, missing } = count;
        Self { kind: Some(kind), passed, failed, missing }
    }

    /// Repeats; `None` where no answer was asked about twice.
    pub(crate) fn of_repeats(repeats: &Repeats) -> Option<Self> {
        let &Repeats { same, different, missing } = repeats;
        (same + different + missing > 0).then_some(Self {
            kind: None,
            passed: same,
            failed: different,
            missing,
        })
    }

    pub(crate) fn with(self, other: &Self) -> Self {
        Self {
            kind: self.kind,
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            missing: self.missing + other.missing,
        }
    }
}

impl AssessedAnswers {
    /// What became of the canaries of each kind.
    pub(crate) fn canaries(&self, judge: &AnswerJudge) -> Vec<StoredCanary> {
        let tie = match judge {
            AnswerJudge::Model(judge) => judge.table.tie(),
            AnswerJudge::Rubric(_) => None,
        };
        let Some(tie) = tie else { return self.canaries.clone() };
        count_score_gaps(&self.gaps, tie).iter().map(StoredCanary::of).collect()
    }

    /// Refuses verdicts of which more are missing, or have almost no probability, than the judge
    /// allows. `failure` is the latest of an endpoint, and whether it may pass.
    ///
    /// # Errors
    /// [`AssessmentsError::Missing`] and [`AssessmentsError::LowMass`].
    pub(crate) fn check(
        &self,
        test: &str,
        judge: &AnswerJudge,
        failure: Option<(EndpointError, bool)>,
    ) -> Result<(), AssessmentsError> {
        let share = match judge {
            AnswerJudge::Rubric(judge) => judge.table().max_missing,
            AnswerJudge::Model(judge) => match &judge.table {
                ModelTable::Guard(table) => table.max_missing,
                ModelTable::Reward(table) => table.max_missing,
            },
        };
        let is_more = |count: usize| count as f64 > share * self.answers as f64;
        let (test, answers) = (test.to_owned(), self.answers);
        if is_more(self.missing) {
            let (last_failure, may_pass) = match failure {
                Some((error, may_pass)) => (Some(Box::new(error)), may_pass),
                None => (None, false),
            };
            return Err(AssessmentsError::Missing {
                test,
                missing: self.missing,
                answers,
                share,
                unparsed: self.unparsed,
                refused: self.refused,
                unanswered: self.unanswered,
                left_out: self.left_out,
                last_failure,
                may_pass,
            });
        }
        match self.low_mass.filter(|low_mass| is_more(*low_mass)) {
            Some(low_mass) => Err(AssessmentsError::LowMass { test, low_mass, answers, share }),
            None => Ok(()),
        }
    }
}

impl AssessedOutput {
    /// Writes the stage's files.
    pub(super) fn write(&self, dir: &Path) -> Result<(), StudyError> {
        write(dir, ASSESSMENTS, &to_jsonl(&self.assessments)?)?;
        write(dir, REPLIES, &to_jsonl(&self.replies)?)?;
        write_json(dir, JUDGE, &self.judge)
    }

    /// Reads the stage's folder.
    pub(crate) fn read(dir: &Path) -> Result<Self, StudyError> {
        let damaged = |name: &str, e: &dyn std::fmt::Display| StudyError::Damaged {
            path: dir.join(name),
            reason: e.to_string(),
        };
        let read = |name: &str| read_text(dir, name);
        Ok(Self {
            assessments: from_jsonl(&read(ASSESSMENTS)?).map_err(|e| damaged(ASSESSMENTS, &e))?,
            replies: from_jsonl(&read(REPLIES)?).map_err(|e| damaged(REPLIES, &e))?,
            judge: read_json(dir, JUDGE)?,
        })
    }

    /// What the judge says, for figures.
    pub(crate) fn evidence(&self) -> Evidence {
        Evidence::Assessments(self.assessments.clone())
    }
}
