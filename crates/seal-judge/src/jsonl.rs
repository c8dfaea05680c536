//! Answers and assessments as text: one JSON object a line.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::JudgeError;

/// `records` as JSON lines, each line ended. Equal input gives equal bytes.
///
/// A number that is not finite is written as `null`, which reads back as no
/// score: the verdict is the same.
///
/// # Errors
/// [`JudgeError::Write`] for a record that JSON cannot hold.
pub fn to_jsonl<T: Serialize>(records: &[T]) -> Result<String, JudgeError> {
    let mut text = String::new();
    for (index, record) in records.iter().enumerate() {
        let line =
            serde_json::to_string(record).map_err(|source| JudgeError::Write { index, source })?;
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

/// Reads what [`to_jsonl`] wrote; blank lines are skipped.
///
/// # Errors
/// [`JudgeError::Line`] for the first line that does not parse.
pub fn from_jsonl<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, JudgeError> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(i, line)| {
            serde_json::from_str(line).map_err(|source| JudgeError::Line { line: i + 1, source })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use seal_rows::RowId;

    use super::*;
    use crate::{Answer, Assessment};

    fn flag() -> impl Strategy<Value = Option<bool>> {
        proptest::option::of(any::<bool>())
    }

    proptest! {
        #[test]
        fn assessments_read_back(
            value in proptest::option::of(any::<f64>()),
            flags in (flag(), flag(), flag(), flag()),
            category in proptest::option::of(".*"),
        ) {
            let (correct, refusal, over_refusal, harm) = flags;
            let id = RowId::of("p", "r", 0);
            let written = Assessment { id, category, value, correct, refusal, over_refusal, harm };
            let text = to_jsonl(&[written.clone(), written.clone()]).unwrap();
            let read: Vec<Assessment> = from_jsonl(&text).unwrap();
            let expected = Assessment { value: written.finite(), ..written };
            prop_assert_eq!(read, [expected.clone(), expected]);
        }

        #[test]
        fn answers_read_back(text in ".*", end in 0_usize..4) {
            use crate::AnswerEnd::{Context, Length, Stop};
            let end = [None, Some(Stop), Some(Length), Some(Context)][end];
            let written = [Answer { end, ..Answer::new(RowId::of("p", "r", 0), text) }];
            prop_assert_eq!(from_jsonl::<Answer>(&to_jsonl(&written).unwrap()).unwrap(), written);
        }
    }

    #[test]
    fn answers_of_older_programs_do_not_say_what_ended_them() {
        let id = RowId::of("p", "r", 0);
        let old = from_jsonl::<Answer>(&format!("{{\"id\":\"{id}\",\"text\":\"yes\"}}\n"));
        assert_eq!(old.unwrap(), [Answer::new(id, "yes")]);
        let cut = Answer { end: Some(crate::AnswerEnd::Length), ..Answer::new(id, "yes") };
        insta::assert_snapshot!(to_jsonl(&[cut]).unwrap().trim_end(), @r#"{"id":"ca18b11c9f0a8f74cef3cc960c6d4228","text":"yes","end":"length"}"#);
    }

    #[test]
    fn a_bad_line_is_named() {
        let good = to_jsonl(&[Assessment::unscored(RowId::of("p", "r", 0), None)]).unwrap();
        insta::assert_snapshot!(good.trim_end(), @r#"{"id":"ca18b11c9f0a8f74cef3cc960c6d4228","category":null,"value":null,"correct":null,"refusal":null,"over_refusal":null,"harm":null}"#);
        let error = from_jsonl::<Assessment>(&format!("{good}\n{{\"id\":3}}\n")).unwrap_err();
        assert!(error.to_string().starts_with("line 3: "), "{error}");
    }
}
