//! Fields under names of the user's own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fields::{describe, has};
use crate::record::Record;
use crate::{DataError, Format};

/// Which field of a row plays which part, where a file has names of its own:
/// `columns = { prompt = "q", response = "a" }`. Parts that are not named are
/// read from the fields that the format says. Case does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// What the user says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// The answer that loses against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    /// Kind of row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Instructions that stand above the dialogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// A list of turns, in place of prompt and answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<String>,
}

impl Columns {
    /// No names but the usual ones.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn named(&self) -> impl Iterator<Item = &str> {
        let all = [
            &self.prompt,
            &self.response,
            &self.rejected,
            &self.category,
            &self.system,
            &self.messages,
        ];
        all.into_iter().filter_map(|name| name.as_deref())
    }

    /// The format of a file with these columns, whose first rows are `head`;
    /// `None` if they do not decide it.
    ///
    /// # Errors
    /// A column that all of them lack. A format that has no such parts.
    pub(crate) fn format(
        &self,
        path: &std::path::Path,
        given: Option<Format>,
        head: &[&Record],
    ) -> Result<Option<Format>, DataError> {
        let there = |names: &[&str]| head.iter().any(|row| has(&row.value, names));
        if let Some(absent) = self.named().find(|name| !there(&[name])) {
            return Err(DataError::NoColumn {
                path: path.to_owned(),
                column: absent.to_owned(),
                found: head.first().map(|row| describe(&row.value)).unwrap_or_default(),
            });
        }
        let texts = self.prompt.is_some() || self.response.is_some() || self.rejected.is_some();
        let clash =
            |reason: &str| DataError::Columns { path: path.to_owned(), reason: reason.to_owned() };
        use Format::{Instructions, Messages, OpenOrca, PromptResponse, ShareGpt};
        match (texts, self.messages.is_some()) {
            (true, true) => {
                Err(clash("`messages` holds prompt and answer; do not name them besides"))
            }
            (false, true) => match given {
                None => Ok(Some(Messages)),
                Some(Messages | ShareGpt) => Ok(given),
                Some(_) => Err(clash("`messages` goes with the formats messages and sharegpt")),
            },
            (true, false) => match given {
                Some(PromptResponse | OpenOrca | Instructions) => Ok(given),
                Some(_) => Err(clash(
                    "`prompt`, `response` and `rejected` go with the formats prompt-response, \
                     open-orca and instructions",
                )),
                None if self.response.is_some() || there(&super::ANSWERS) => {
                    Ok(Some(PromptResponse))
                }
                None => Ok(Some(Instructions)),
            },
            (false, false) => Ok(given),
        }
    }

    /// What to write in a config to read a row like this one, with its names.
    pub(crate) fn suggestion(first: &Value) -> String {
        let Value::Object(map) = first else { return String::new() };
        let texts: Vec<&str> = map
            .iter()
            .filter(|(name, value)| crate::fields::is_name(name) && value.is_string())
            .map(|(name, _)| name.as_str())
            .collect();
        // Which of two unknown names is the prompt is not guessed: swapped, they train.
        let known = |names: &[&str]| {
            let is_known = |text: &&&str| names.iter().any(|name| name.eq_ignore_ascii_case(text));
            texts.iter().find(is_known).copied()
        };
        let prompt = known(&super::ANY_PROMPT);
        let others: Vec<&str> = texts.iter().copied().filter(|t| Some(*t) != prompt).collect();
        let response = known(&super::OUTPUT).or(match (prompt, others.as_slice()) {
            (Some(_), [only]) => Some(*only),
            _ => None,
        });
        let (prompt, response) = (prompt.unwrap_or("FIELD"), response.unwrap_or("FIELD"));
        format!(
            ", or name its fields, for example columns = {{ prompt = \"{prompt}\", response = \
             \"{response}\" }}"
        )
    }
}
