//! What a judge needs of the rows of its test, known before any model is trained.

use seal_rows::{Row, RowId};

use crate::{Judge, JudgeError, JudgeKind, LikelihoodJudge, RuleJudge};

impl Judge {
    /// Refuses rows that the judge could not work on.
    ///
    /// # Errors
    /// [`JudgeError::Rows`] with the number of such rows and the first of them.
    pub fn check(&self, rows: &[Row]) -> Result<(), JudgeError> {
        let lacks = |kind: JudgeKind, what, has: fn(&Row) -> bool| {
            let missing: Vec<RowId> = rows.iter().filter(|r| !has(r)).map(|r| r.id).collect();
            match missing.first() {
                None => Ok(()),
                Some(first) => Err(JudgeError::Rows {
                    kind: kind.name(),
                    missing: missing.len(),
                    rows: rows.len(),
                    first: *first,
                    what,
                }),
            }
        };
        let answered: fn(&Row) -> bool = |row| !row.response.trim().is_empty();
        match self {
            Self::Answers(RuleJudge::Oracle)
            | Self::Likelihood(LikelihoodJudge::Refusal { .. }) => Ok(()),
            Self::Answers(RuleJudge::Rules { .. }) => {
                let what = "label that says whether the prompt is harmful";
                lacks(JudgeKind::Rules, what, |row| row.is_unsafe.is_some())
            }
            Self::Likelihood(LikelihoodJudge::Answer) => {
                lacks(JudgeKind::AnswerLikelihood, "reference answer", answered)
            }
            Self::Likelihood(LikelihoodJudge::Preference) => {
                let kind = JudgeKind::PreferenceMargin;
                lacks(kind, "chosen answer", answered)?;
                lacks(kind, "rejected answer", |row| {
                    row.rejected.as_deref().is_some_and(|text| !text.trim().is_empty())
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use seal_rows::Rows;

    use super::*;

    fn judge(json: &str) -> Judge {
        serde_json::from_str::<crate::JudgeSettings>(json).unwrap().judge().unwrap()
    }

    #[test]
    fn rows_that_a_judge_cannot_work_on_are_counted() {
        let mut rows = Rows::new();
        let whole = rows.push("a", "chosen");
        (whole.rejected, whole.is_unsafe) = (Some("rejected".into()), Some(false));
        rows.push("b", "chosen").is_unsafe = Some(true);
        rows.push("c", " ").rejected = Some(" ".into());
        let rows = rows.into_vec();
        let error = |json: &str| {
            let text = judge(json).check(&rows).unwrap_err().to_string();
            rows.iter()
                .zip(["1", "2", "3"])
                .fold(text, |text, (row, n)| text.replace(&row.id.to_string(), &format!("<{n}>")))
        };
        insta::assert_snapshot!(error(r#"{"kind": "rules", "refusals": ["No"]}"#), @"judge `rules`: 1 of the test's 3 rows have no label that says whether the prompt is harmful, the first is row <3>; complete them, leave them out, or use another judge for this test");
        insta::assert_snapshot!(error(r#"{"kind": "answer-likelihood"}"#), @"judge `answer-likelihood`: 1 of the test's 3 rows have no reference answer, the first is row <3>; complete them, leave them out, or use another judge for this test");
        insta::assert_snapshot!(error(r#"{"kind": "preference-margin"}"#), @"judge `preference-margin`: 1 of the test's 3 rows have no chosen answer, the first is row <3>; complete them, leave them out, or use another judge for this test");
        let judge_of_pairs = judge(r#"{"kind": "preference-margin"}"#);
        assert!(judge_of_pairs.check(&rows[..1]).is_ok());
        let unpaired = judge_of_pairs.check(&rows[..2]).unwrap_err().to_string();
        assert!(unpaired.contains("1 of the test's 2 rows have no rejected answer"), "{unpaired}");
        let margin = r#"{"kind": "refusal-margin", "refusals": ["No"], "openings": ["Yes"]}"#;
        for any in [margin, r#"{"kind": "oracle"}"#] {
            assert!(judge(any).check(&rows).is_ok());
        }
    }
}
