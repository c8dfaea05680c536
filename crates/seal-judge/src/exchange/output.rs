//! AlpacaEval's model outputs: the answers of one model, one an instruction.

use serde::Serialize;
use serde_json::{Map, Value};

use super::fields::{text, text_if_any};
use super::list::{Listed, read};
use super::{FormatError, OddReason};

/// A model's answer to one instruction.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ModelOutput {
    /// The prompt.
    pub instruction: String,
    /// The model's answer.
    pub output: String,
    /// Name of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator: Option<String>,
    /// The set that the instruction is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The part of the set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datasplit: Option<String>,
    /// Every other field, as it was read.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Reads model outputs: a JSON list of objects, or one object a line.
///
/// A row without a text for `instruction` and `output` is odd, and so is a second answer to an
/// instruction by the same `generator`.
///
/// # Errors
/// [`FormatError`] for a file that is no list.
pub fn read_model_outputs(file: &str) -> Result<Listed<ModelOutput>, FormatError> {
    let listed = read(file, of)?;
    Ok(listed.without_repeats(|row| (row.instruction.clone(), row.generator.clone())))
}

fn of(mut fields: Map<String, Value>) -> Result<ModelOutput, OddReason> {
    let fields_of = &mut fields;
    Ok(ModelOutput {
        instruction: text(fields_of, "instruction")?,
        output: text(fields_of, "output")?,
        generator: text_if_any(fields_of, "generator"),
        dataset: text_if_any(fields_of, "dataset"),
        datasplit: text_if_any(fields_of, "datasplit"),
        other: fields,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to_list;

    #[test]
    fn what_is_read_is_written_again() {
        let file = r#"[
  {
    "instruction": "Say \"hi\".",
    "output": "Hi, Zoë",
    "generator": "tiny",
    "dataset": "own",
    "datasplit": "eval",
    "samples": [
      1
    ]
  },
  {
    "instruction": "Say nothing.",
    "output": "",
    "generator": null
  }
]
"#;
        let found = read_model_outputs(file).unwrap();
        assert_eq!((found.rows.len(), found.odd.len()), (2, 0));
        assert_eq!(found.rows[0].1.other["samples"][0], 1);
        assert_eq!(to_list(found.rows.iter().map(|(_, row)| row)).unwrap(), file);
    }

    #[test]
    fn a_second_answer_is_odd() {
        let file = r#"[
            {"instruction": "a", "output": "1", "generator": "x"},
            {"instruction": "a", "output": "2", "generator": "y"},
            {"instruction": "a", "output": 3, "generator": "x"},
            {"instruction": "a", "output": "4", "generator": "x"}
        ]"#;
        let found = read_model_outputs(file).unwrap();
        let numbers: Vec<usize> = found.rows.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 2]);
        let said: Vec<String> =
            found.odd.iter().map(|o| format!("{} {}", o.number, o.reason)).collect();
        let kind = "3 `output` is a number and not a text";
        assert_eq!(said, [kind, "4 is of the same prompt and models as row 1"]);
    }
}
