//! Samples that the LM evaluation harness logs: `samples_TASK_TIME.jsonl`, one row a line.

use serde::Serialize;
use serde_json::{Map, Value};

use super::fields::{kind_of, text_if_any};
use super::list::{Listed, read};
use super::{FormatError, OddReason};

/// One row of a task, with the model's responses to its requests.
///
/// A task that generates has one request a row, and a row of multiple choice has one request a choice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LmEvalSample {
    /// Number of the row in its task.
    pub doc_id: u64,
    /// The row.
    pub doc: Value,
    /// What is right. The harness writes every target as a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The requests: prompts, and how to generate.
    pub arguments: Value,
    /// The responses, for each request one for each repeat.
    pub resps: Vec<Value>,
    /// What the filter made of the responses, one for each request.
    pub filtered_resps: Vec<Value>,
    /// Name of the filter. A task with several filters has a sample of each row for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Every other field, as it was read: hashes, `metrics`, and the metrics by their names.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl LmEvalSample {
    /// The text that the model was given in the first request; `None` where a request has no text.
    pub fn prompt(&self) -> Option<&str> {
        // By the harness since 2024, and as a list of lists before.
        let request = match &self.arguments {
            Value::Object(requests) => requests.get("gen_args_0")?,
            Value::Array(requests) => requests.first()?,
            _ => return None,
        };
        let first = match request {
            Value::Object(arguments) => arguments.get("arg_0")?,
            Value::Array(arguments) => arguments.first()?,
            _ => return None,
        };
        first.as_str()
    }

    /// The model's answer: the first response of a task that generates. `None` of a row with several
    /// requests, which is of multiple choice, and of a response that is a likelihood.
    pub fn answer(&self) -> Option<&str> {
        only_text(&self.resps)
    }

    /// The answer as the filter left it, such as a number cut out of a text.
    pub fn filtered_answer(&self) -> Option<&str> {
        self.answer().and_then(|_| only_text(&self.filtered_resps))
    }
}

/// The first text of the only request. A likelihood is a pair of a number and a flag, which the
/// harness writes as texts in a list within a list.
fn only_text(requests: &[Value]) -> Option<&str> {
    let [request] = requests else { return None };
    match request {
        Value::String(text) => Some(text),
        Value::Array(repeats) => repeats.first()?.as_str(),
        _ => None,
    }
}

/// Reads logged samples: one object a line, or a JSON list.
///
/// A row is odd that lacks `doc_id`, `doc`, `arguments`, `resps` or `filtered_resps`, has something else
/// in one of them, has another number of filtered than of raw responses, or is of the same `doc_id` and
/// `filter` as an earlier row. [`crate::to_jsonl`] writes samples.
///
/// # Errors
/// [`FormatError`] for a file that is no list.
pub fn read_lm_eval_samples(file: &str) -> Result<Listed<LmEvalSample>, FormatError> {
    Ok(read(file, of)?.without_repeats(|row| (row.doc_id, row.filter.clone())))
}

fn of(mut fields: Map<String, Value>) -> Result<LmEvalSample, OddReason> {
    let of = &mut fields;
    let doc_id = take(of, "doc_id")?;
    let number = doc_id.as_u64().ok_or(OddReason::Kind {
        field: "doc_id",
        found: kind_of(&doc_id),
        wanted: "a whole number from 0",
    })?;
    let sample = LmEvalSample {
        doc_id: number,
        doc: take(of, "doc")?,
        target: text_if_any(of, "target"),
        arguments: take(of, "arguments")?,
        resps: list(of, "resps")?,
        filtered_resps: list(of, "filtered_resps")?,
        filter: text_if_any(of, "filter"),
        other: fields,
    };
    match sample.resps.len() == sample.filtered_resps.len() {
        true => Ok(sample),
        false => Err(OddReason::Kind {
            field: "filtered_resps",
            found: "a list of another length",
            wanted: "as long as `resps`",
        }),
    }
}

fn take(fields: &mut Map<String, Value>, field: &'static str) -> Result<Value, OddReason> {
    fields.remove(field).ok_or(OddReason::Missing { field })
}

fn list(fields: &mut Map<String, Value>, field: &'static str) -> Result<Vec<Value>, OddReason> {
    match take(fields, field)? {
        Value::Array(values) => Ok(values),
        other => Err(OddReason::Kind { field, found: kind_of(&other), wanted: "a list" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to_jsonl;

    /// As the harness writes: a task that generates with two filters, and one of multiple choice.
    const FILE: &str = concat!(
        r#"{"doc_id":0,"doc":{"question":"2+2?","answer":"4"},"target":"4","arguments":{"gen_args_0":{"arg_0":"Q: 2+2?\nA:","arg_1":{"until":["\n"],"do_sample":false}}},"resps":[["It is 4."]],"filtered_resps":["4"],"filter":"strict-match","metrics":["exact_match"],"doc_hash":"a1","prompt_hash":"b2","target_hash":"c3","exact_match":1.0}"#,
        "\n",
        r#"{"doc_id":0,"doc":{"question":"2+2?","answer":"4"},"target":"4","arguments":{"gen_args_0":{"arg_0":"Q: 2+2?\nA:","arg_1":{}}},"resps":[["It is 4."]],"filtered_resps":["It is 4."],"filter":"none","exact_match":NaN}"#,
        "\n",
        r#"{"doc_id":1,"doc":{"query":"Sky?"},"target":"0","arguments":[["Sky?"," blue"],["Sky?"," red"]],"resps":[[["-0.5","True"]],[["-2.0","False"]]],"filtered_resps":[["-0.5","True"],["-2.0","False"]],"acc":1.0}"#,
        "\n",
    );

    #[test]
    fn texts_of_tasks_that_generate_are_answers() {
        let found = read_lm_eval_samples(FILE).unwrap();
        assert!(found.odd.is_empty(), "{:?}", found.odd);
        let said: Vec<_> = found
            .rows
            .iter()
            .map(|(_, row)| (row.prompt(), row.answer(), row.filtered_answer()))
            .collect();
        let asked = Some("Q: 2+2?\nA:");
        assert_eq!(
            said,
            [
                (asked, Some("It is 4."), Some("4")),
                (asked, Some("It is 4."), Some("It is 4.")),
                (Some("Sky?"), None, None),
            ]
        );
        assert_eq!(found.rows[0].1.target.as_deref(), Some("4"));
        assert_eq!(found.rows[0].1.other["exact_match"], 1.0);
    }

    #[test]
    fn a_likelihood_of_one_request_is_no_answer() {
        let file = r#"[{"doc_id":0,"doc":{},"arguments":[["a"," b"]],"resps":[[["-0.5","True"]]],"filtered_resps":[["-0.5","True"]]}]"#;
        let row = &read_lm_eval_samples(file).unwrap().rows[0].1;
        assert_eq!((row.answer(), row.filtered_answer()), (None, None));
    }

    #[test]
    fn what_is_read_is_written_again() {
        let rows: Vec<LmEvalSample> =
            read_lm_eval_samples(FILE).unwrap().rows.into_iter().map(|(_, row)| row).collect();
        let again = read_lm_eval_samples(&to_jsonl(&rows).unwrap()).unwrap();
        assert_eq!(again.rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>(), rows);
    }

    #[test]
    fn odd_samples_are_told() {
        let line = FILE.lines().next().unwrap();
        let file = [
            line,
            line,
            &line.replace("\"doc_id\":0", "\"doc_id\":-1"),
            &line.replace("[\"4\"]", "[\"4\",\"4\"]").replace("\"doc_id\":0", "\"doc_id\":2"),
            &line
                .replace("[[\"It is 4.\"]]", "\"It is 4.\"")
                .replace("\"doc_id\":0", "\"doc_id\":3"),
            r#"{"doc_id":4,"doc":{}}"#,
        ]
        .join("\n");
        let found = read_lm_eval_samples(&file).unwrap();
        let said: String =
            found.odd.iter().map(|odd| format!("{}: {}\n", odd.number, odd.reason)).collect();
        insta::assert_snapshot!(said, @r"
        2: is of the same prompt and models as row 1
        3: `doc_id` is a number and not a whole number from 0
        4: `filtered_resps` is a list of another length and not as long as `resps`
        5: `resps` is a text and not a list
        6: has no `arguments`
        ");
        assert_eq!(found.rows.len(), 1);
    }
}
