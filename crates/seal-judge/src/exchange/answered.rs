//! A model's answers to a test as AlpacaEval's model outputs, for other programs to judge.

use std::collections::{BTreeMap, BTreeSet};

use seal_rows::{Row, RowId};
use serde_json::{Map, Value};

use super::ModelOutput;
use crate::{Answer, JudgeError};

/// Name of the field that has the id of the row. Other programs keep it or ignore it.
const ROW_ID: &str = "id";

/// Whose answers these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLabels<'a> {
    /// Name of the model, `generator`.
    pub generator: &'a str,
    /// Name of the study, `dataset`.
    pub dataset: &'a str,
    /// Name of the test, `datasplit`.
    pub datasplit: &'a str,
}

/// Answers as model outputs, and what is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outputs {
    /// The outputs in the order of the test.
    pub rows: Vec<ModelOutput>,
    /// Prompts without an answer, such as those too long for the model. The format has no word for
    /// them, and an empty answer would count as a loss.
    pub unanswered: usize,
    /// Prompts that stand in the test more than once. Programs that pair outputs by their prompt take
    /// one answer to each: the first one is in `rows`.
    pub repeated: usize,
}

/// The answers to `rows`, the prompts of a test. [`super::to_list`] writes them, and
/// [`super::read_model_outputs`] reads every one of them.
///
/// # Errors
/// [`JudgeError::Duplicate`] for two answers to one row, [`JudgeError::Unknown`] for an answer to a row
/// that is not in the test.
pub fn outputs_of(
    rows: &[Row],
    answers: &[Answer],
    source: OutputLabels<'_>,
) -> Result<Outputs, JudgeError> {
    let what = "an answer";
    let ids: BTreeSet<RowId> = rows.iter().map(|row| row.id).collect();
    let mut by_id = BTreeMap::new();
    for answer in answers {
        if !ids.contains(&answer.id) {
            return Err(JudgeError::Unknown { what, id: answer.id });
        }
        if by_id.insert(answer.id, &answer.text).is_some() {
            return Err(JudgeError::Duplicate { what, id: answer.id });
        }
    }
    let (mut outputs, mut prompts) = (Outputs::default(), BTreeSet::new());
    for row in rows {
        let Some(text) = by_id.get(&row.id) else {
            outputs.unanswered += 1;
            continue;
        };
        if !prompts.insert(row.prompt.as_str()) {
            outputs.repeated += 1;
            continue;
        }
        let id = (ROW_ID.to_owned(), Value::String(row.id.to_string()));
        outputs.rows.push(ModelOutput {
            instruction: row.prompt.clone(),
            output: (*text).clone(),
            generator: Some(source.generator.to_owned()),
            dataset: Some(source.dataset.to_owned()),
            datasplit: Some(source.datasplit.to_owned()),
            other: Map::from_iter([id]),
        });
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use seal_rows::Rows;

    use super::*;
    use crate::{read_model_outputs, to_list};

    const SOURCE: OutputLabels<'_> =
        OutputLabels { generator: "seal-seed-0", dataset: "demo", datasplit: "hh" };

    fn rows() -> Vec<Row> {
        let mut rows = Rows::new();
        for prompt in ["Say \"hi\".", "Count.", "Say \"hi\".", "A prompt that is too long."] {
            rows.push(prompt, "");
        }
        rows.into_vec()
    }

    fn answer(row: &Row, text: &str) -> Answer {
        Answer::new(row.id, text)
    }

    #[test]
    fn answers_become_outputs_that_read_back() {
        let rows = rows();
        // Two rows with one prompt have ids of their own.
        assert_ne!(rows[0].id, rows[2].id);
        let answers =
            [answer(&rows[2], "Hello"), answer(&rows[1], ""), answer(&rows[0], "Hi\u{0}, Zoë")];
        let found = outputs_of(&rows, &answers, SOURCE).unwrap();
        assert_eq!((found.unanswered, found.repeated), (1, 1));
        let file = to_list(&found.rows).unwrap();
        let id = rows[0].id.to_string();
        insta::assert_snapshot!(file.replace(&id, "<id>").lines().take(8).collect::<Vec<_>>().join("\n"), @r#"
        [
          {
            "instruction": "Say \"hi\".",
            "output": "Hi\u0000, Zoë",
            "generator": "seal-seed-0",
            "dataset": "demo",
            "datasplit": "hh",
            "id": "<id>"
        "#);
        let read = read_model_outputs(&file).unwrap();
        assert!(read.odd.is_empty(), "{:?}", read.odd);
        assert_eq!(read.rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>(), found.rows);
    }

    #[test]
    fn answers_of_another_test_are_refused() {
        let rows = rows();
        let twice = [answer(&rows[0], "a"), answer(&rows[0], "b")];
        let error = outputs_of(&rows, &twice, SOURCE).unwrap_err();
        assert!(matches!(error, JudgeError::Duplicate { .. }), "{error}");
        let error = outputs_of(&rows[1..], &twice[..1], SOURCE).unwrap_err();
        assert!(matches!(error, JudgeError::Unknown { .. }), "{error}");
    }
}
