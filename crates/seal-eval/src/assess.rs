//! Assessments of a model from its stored answers.

use std::collections::BTreeMap;

use seal_judge::{Answer, Assessment, Judge, JudgeError, assess_answers, from_jsonl};
use seal_rows::{Row, RowId};
use serde::{Deserialize, Serialize};

/// Log-probabilities of the continuations of one row's prompt under one model,
/// in nats per token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogProbs {
    /// The test row.
    pub id: RowId,
    /// One a continuation, in the judge's order; empty where a continuation
    /// does not fit the model's context.
    pub log_probs: Vec<f64>,
}

/// The assessment of every row of a test.
///
/// `stored` has one JSON object a line: [`Answer`] for a judge of answers,
/// [`LogProbs`] for one of likelihoods. A row without one is
/// [`Assessment::unscored`].
///
/// # Errors
/// [`JudgeError::Line`] for a line that does not parse, and what the judge says
/// of a row that it cannot judge.
pub fn assess(judge: &Judge, rows: &[Row], stored: &str) -> Result<Vec<Assessment>, JudgeError> {
    let judge = match judge {
        Judge::Answers(judge) => {
            return assess_answers(judge, rows, &from_jsonl::<Answer>(stored)?);
        }
        Judge::Likelihood(judge) => judge,
    };
    let scored: BTreeMap<RowId, LogProbs> =
        from_jsonl::<LogProbs>(stored)?.into_iter().map(|l| (l.id, l)).collect();
    rows.iter()
        .map(|row| match scored.get(&row.id).filter(|l| !l.log_probs.is_empty()) {
            Some(scored) => judge.assess(row, &scored.log_probs),
            None => Ok(Assessment::unscored(row.id, row.category.clone())),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use seal_judge::{LikelihoodJudge, RuleJudge, to_jsonl};
    use seal_rows::Rows;

    use super::*;

    #[test]
    fn a_row_that_does_not_fit_is_unscored() {
        let mut rows = Rows::new();
        rows.push("What is 2 + 2?", "4");
        rows.push("What is 2 + 3?", "5");
        rows.push("What is 2 + 4?", "6");
        let rows = rows.as_slice();
        let of = |i: usize, log_probs: &[f64]| LogProbs {
            id: rows[i].id,
            log_probs: log_probs.to_vec(),
        };
        let judge = Judge::Likelihood(LikelihoodJudge::Answer);
        let stored = to_jsonl(&[of(2, &[-0.5]), of(0, &[])]).unwrap();
        let found = assess(&judge, rows, &stored).unwrap();
        let values: Vec<Option<f64>> = found.iter().map(|a| a.value).collect();
        assert_eq!(values, [None, None, Some(-0.5)]);
        let two = to_jsonl(&[of(0, &[-0.5, -0.5])]).unwrap();
        assert!(matches!(assess(&judge, rows, &two), Err(JudgeError::Count { found: 2, .. })));
    }

    #[test]
    fn answers_go_to_a_judge_of_answers() {
        let mut rows = Rows::new();
        rows.push("Do harm", "No.");
        let mut rows = rows.as_slice().to_vec();
        rows[0].is_unsafe = Some(true);
        let rows = rows.as_slice();
        let judge = Judge::Answers(RuleJudge::Rules { refusals: vec!["No".into()] });
        let stored = to_jsonl(&[Answer::new(rows[0].id, "No.")]).unwrap();
        let found = assess(&judge, rows, &stored).unwrap();
        assert_eq!((found.len(), found[0].id), (1, rows[0].id));
        assert!(found[0].value.is_some());
        assert!(matches!(assess(&judge, rows, "{}"), Err(JudgeError::Line { line: 1, .. })));
    }
}
