//! The message of an error: the words of its causes, and what to type.

use anyhow::Error;
use seal_model::ModelError;
use seal_study::StudyError;

use crate::{remedy, words};

/// The message with its causes, and the option that mends it. A cause that the message above
/// it already quotes is not said twice.
pub(crate) fn message(error: &Error) -> String {
    let advice = error.chain().find_map(remedy::of).unwrap_or_default();
    let (mut text, mut is_below_study) = (String::new(), false);
    for cause in error.chain() {
        let words = words::of(cause);
        // A study's error has the words of the model's error in it.
        let is_said = is_below_study && cause.is::<ModelError>();
        is_below_study = cause.is::<StudyError>() || cause.is::<Box<StudyError>>();
        if text.is_empty() {
            text = advice.option.map_or_else(String::new, |option| format!("{option} ")) + &words;
        } else if !is_said && !text.contains(&words) && !text.contains(&cause.to_string()) {
            text.push_str("\n  caused by: ");
            text.push_str(&words);
        }
    }
    if let Some(remedy) = advice.remedy {
        text.push_str("; ");
        text.push_str(&remedy);
    }
    text
}
