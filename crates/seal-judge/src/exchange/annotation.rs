//! AlpacaEval's annotations: a judge's preference between two answers to one instruction.

use serde::Serialize;
use serde_json::{Map, Value};

use super::fields::{kind_of, number_if_any, text, text_if_any};
use super::list::{Listed, read};
use super::{FormatError, OddReason};

/// One judged pair. The candidate is number 2, the reference number 1, whichever the judge was shown
/// first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Annotation {
    /// The prompt.
    pub instruction: String,
    /// The reference's answer.
    pub output_1: String,
    /// The candidate's answer.
    pub output_2: String,
    /// Name of the reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_1: Option<String>,
    /// Name of the candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_2: Option<String>,
    /// Name of the judge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotator: Option<String>,
    /// The preference as it stands: 1 where the reference is better, 2 where the candidate is, 1.5
    /// for a tie, anything between for a probability. 0 is an old code of a tie. `None` is missing.
    pub preference: Option<f64>,
    /// Price of the judgement in dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_per_example: Option<f64>,
    /// Time of the judgement in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_per_example: Option<f64>,
    /// The judge's reply: a text, or what an endpoint returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_completion: Option<Value>,
    /// Every other field, as it was read.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Annotation {
    /// Worth for the candidate in [0, 1]: 1 a win, 1/2 a tie, 0 a loss, otherwise a probability.
    /// `None` where there is no preference.
    pub fn worth(&self) -> Option<f64> {
        self.preference.map(|p| if p == 0.0 { 0.5 } else { p - 1.0 })
    }

    /// Characters of the candidate's answer less those of the reference's, in Unicode code points.
    pub fn excess_length(&self) -> f64 {
        self.output_2.chars().count() as f64 - self.output_1.chars().count() as f64
    }
}

/// The preference of a candidate's worth in [0, 1].
pub fn preference_of(worth: f64) -> f64 {
    1.0 + worth
}

/// The fields that tell an annotation from the others of a file: prompt, both models, judge.
pub fn pair_key(row: &Annotation) -> (&str, Option<&str>, Option<&str>, Option<&str>) {
    let names = (row.generator_1.as_deref(), row.generator_2.as_deref(), row.annotator.as_deref());
    (&row.instruction, names.0, names.1, names.2)
}

/// Reads annotations: a JSON list of objects, or one object a line.
///
/// A row is odd that lacks a text for `instruction`, `output_1` or `output_2`, has a `preference` that
/// is none, or is of the same prompt, models and judge as an earlier row. A row whose preference is
/// null, NaN or not there is read, and its preference is missing.
///
/// # Errors
/// [`FormatError`] for a file that is no list.
pub fn read_annotations(file: &str) -> Result<Listed<Annotation>, FormatError> {
    let owned = |row: &Annotation| {
        let (prompt, reference, candidate, judge) = pair_key(row);
        let name = |text: Option<&str>| text.map(str::to_owned);
        (prompt.to_owned(), name(reference), name(candidate), name(judge))
    };
    Ok(read(file, of)?.without_repeats(owned))
}

fn of(mut fields: Map<String, Value>) -> Result<Annotation, OddReason> {
    let of = &mut fields;
    Ok(Annotation {
        instruction: text(of, "instruction")?,
        output_1: text(of, "output_1")?,
        output_2: text(of, "output_2")?,
        preference: preference(of)?,
        generator_1: text_if_any(of, "generator_1"),
        generator_2: text_if_any(of, "generator_2"),
        annotator: text_if_any(of, "annotator"),
        price_per_example: number_if_any(of, "price_per_example"),
        time_per_example: number_if_any(of, "time_per_example"),
        raw_completion: of.remove("raw_completion").filter(|value| !value.is_null()),
        other: fields,
    })
}

fn preference(fields: &mut Map<String, Value>) -> Result<Option<f64>, OddReason> {
    let field = "preference";
    match fields.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => match number.as_f64() {
            Some(value) if value == 0.0 || (1.0..=2.0).contains(&value) => Ok(Some(value)),
            _ => Err(OddReason::Preference { value: number.to_string() }),
        },
        Some(other) => Err(OddReason::Kind { field, found: kind_of(&other), wanted: "a number" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to_list;

    fn row(preference: &str) -> String {
        let name = preference.replace('"', "'");
        format!(
            r#"{{"instruction": "p {name}", "output_1": "a", "output_2": "bé", "preference": {preference}}}"#
        )
    }

    #[test]
    fn preferences_of_every_kind() {
        let values = ["1", "2", "1.5", "1.25", "0", "null", "NaN", "2.5", "-1", "\"1\"", "0.5"];
        let file = format!("[{}]", values.map(row).join(","));
        let found = read_annotations(&file).unwrap();
        let worths: Vec<_> = found.rows.iter().map(|(_, row)| row.worth()).collect();
        let tie = Some(0.5);
        assert_eq!(worths, [Some(0.0), Some(1.0), tie, Some(0.25), tie, None, None]);
        assert!(found.rows.iter().all(|(_, row)| row.excess_length() == 1.0));
        let said: String =
            found.odd.iter().map(|odd| format!("{}: {}\n", odd.number, odd.reason)).collect();
        insta::assert_snapshot!(said, @r"
        8: `preference` is 2.5; it is 1 to 2, 0 for a tie, or null
        9: `preference` is -1; it is 1 to 2, 0 for a tie, or null
        10: `preference` is a text and not a number
        11: `preference` is 0.5; it is 1 to 2, 0 for a tie, or null
        ");
        assert_eq!(preference_of(0.25), 1.25);
    }

    #[test]
    fn what_is_read_is_written_again() {
        let file = r#"[
  {
    "instruction": "p",
    "output_1": "a",
    "output_2": "b",
    "generator_1": "reference",
    "generator_2": "candidate",
    "annotator": "judge",
    "preference": 1.25,
    "price_per_example": 0.001,
    "time_per_example": 0.5,
    "raw_completion": {
      "text": "m"
    },
    "dataset": "own",
    "glm_preference": 0.75
  },
  {
    "instruction": "p",
    "output_1": "a",
    "output_2": "b",
    "generator_1": "reference",
    "generator_2": "candidate",
    "annotator": "another judge",
    "preference": null
  }
]
"#;
        let found = read_annotations(file).unwrap();
        assert_eq!((found.rows.len(), found.odd.len()), (2, 0));
        assert_eq!(to_list(found.rows.iter().map(|(_, row)| row)).unwrap(), file);
    }

    #[test]
    fn repeats_are_odd_whatever_their_preference() {
        let file = format!("[{},{}]", row("1"), row("1").replace("bé", "other"));
        let found = read_annotations(&file).unwrap();
        assert_eq!(found.rows.len(), 1);
        assert_eq!(found.odd[0].reason, OddReason::Repeats { first: 1 });
        assert_eq!(found.odd[0].number, 2);
    }
}
