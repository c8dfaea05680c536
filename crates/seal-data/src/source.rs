//! What a config says about a file.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Columns, Format, HashSplit};

/// A file, or a part of it, as rows of a data set.
///
/// ```toml
/// path = "alpaca/train.json.gz"   # .json, .jsonl, .csv, .tsv, also with .gz or .zst; .parquet
/// format = "alpaca"               # left out: told from the first rows
/// # columns = { prompt = "q", response = "a" }   # where the fields have other names
/// split = { by = "instruction", salt = "text", from = 0.0, to = 0.5 }
/// skip = 500                      # in hash order of the split's key
/// take = 3000
/// unsafe = false                  # label of all rows
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The file; relative paths start at the data root.
    pub path: PathBuf,
    /// Layout of its rows; `None` is told from the first ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Names of the fields, where they are not the usual ones.
    #[serde(default, skip_serializing_if = "Columns::is_empty")]
    pub columns: Columns,
    /// What stands between the cells of a table; `None` is told from the first
    /// line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// Which turns of a dialogue stand before the reply.
    #[serde(default, skip_serializing_if = "PromptTurns::is_all")]
    pub turns: PromptTurns,
    /// The share of the rows to read; `None` is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<HashSplit>,
    /// Number of usable rows to pass over, those with the lowest hash of the
    /// split's key. Sources that differ in `skip` and `take` only read parts
    /// that share no key; those that differ in `format` or `max_chars` too
    /// count other rows as usable and need disjoint shares of a `split`. Rows
    /// that cannot be used are listed by the source with `skip` 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip: usize,
    /// Number of usable rows to take after those, in hash order; they are given
    /// in file order. `None` reads to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<usize>,
    /// At most so many of those usable rows, the first ones of the file. Without
    /// `skip` and `take`, what follows them is not read: neither used, nor listed
    /// where it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Label of all rows. A row that says the opposite is an error.
    #[serde(default, rename = "unsafe", skip_serializing_if = "Option::is_none")]
    pub is_unsafe: Option<bool>,
    /// Field that holds the label; `None` reads `unsafe` where present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsafe_field: Option<String>,
    /// Category of the rows that name none themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Longest prompt and answer together, in characters. Longer rows are
    /// dropped before rows are counted, so that `take` counts rows that a short
    /// context holds; rows over the context are otherwise left out only when
    /// they are tokenised, and the share of unsafe rows changes with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_chars: Option<usize>,
    /// What to do with a row whose answer is empty.
    #[serde(default)]
    pub empty_answers: EmptyAnswers,
    /// What to do with a row whose own label calls its answer a bad one.
    #[serde(default, skip_serializing_if = "Undesirable::is_drop")]
    pub undesirable: Undesirable,
}

/// What to do with a row that says `label = false` of its answer (KTO: the answer is
/// an undesirable one).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undesirable {
    /// Leave it out and list it.
    #[default]
    Drop,
    /// Use it as any other row.
    Keep,
}

impl Undesirable {
    fn is_drop(&self) -> bool {
        *self == Self::Drop
    }
}

/// What stands between the cells of a table: one ASCII character, or `tab`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Delimiter(u8);

impl Delimiter {
    /// The character.
    pub(crate) fn byte(self) -> u8 {
        self.0
    }
}

/// Text that is no delimiter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a delimiter is one ASCII character other than a quote and a line's end, for example \";\", or \
     \"tab\"; got {found:?}"
)]
pub struct DelimiterError {
    /// The text.
    pub found: String,
}

impl TryFrom<String> for Delimiter {
    type Error = DelimiterError;

    fn try_from(text: String) -> Result<Self, DelimiterError> {
        match (text.as_str(), text.as_bytes()) {
            ("tab" | "\\t", _) => Ok(Self(b'\t')),
            (_, [byte]) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => {
                Ok(Self(*byte))
            }
            _ => Err(DelimiterError { found: text }),
        }
    }
}

impl From<Delimiter> for String {
    fn from(delimiter: Delimiter) -> Self {
        char::from(delimiter.0).into()
    }
}

/// Which turns of a dialogue make the prompt. Formats without dialogues are not
/// concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromptTurns {
    /// All turns up to the last reply: as one text in HH transcripts, as the
    /// row's history elsewhere.
    #[default]
    All,
    /// The last human turn alone, without what a system turn says: a row of one question and one reply, as in
    /// instruction data, and of a length that a short context holds.
    Last,
}

impl PromptTurns {
    fn is_all(&self) -> bool {
        *self == Self::All
    }
}

/// What to do with a row whose answer is empty or white space. Formats without
/// answers are not concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyAnswers {
    /// Leave it out and list it.
    #[default]
    Drop,
    /// Keep it, and accept rows that have no answer field: prompts of a test.
    Keep,
    /// Stop with an error.
    Refuse,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl Source {
    /// All rows of `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            format: None,
            columns: Columns::default(),
            delimiter: None,
            turns: PromptTurns::All,
            split: None,
            skip: 0,
            take: None,
            limit: None,
            is_unsafe: None,
            unsafe_field: None,
            category: None,
            max_chars: None,
            empty_answers: EmptyAnswers::Drop,
            undesirable: Undesirable::Drop,
        }
    }
}

impl Source {
    /// This source with no more than `limit` rows.
    #[must_use]
    pub fn limited(&self, limit: Option<usize>) -> Self {
        let limit = self.limit.into_iter().chain(limit).min();
        Self { limit, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SplitBy;

    #[test]
    fn a_source_survives_toml() {
        let text = r#"
            path = "a.json"
            format = "hh-rejected"
            split = { by = "first-turn", salt = "text", to = 0.5 }
            take = 750
            unsafe = true
        "#;
        let source: Source = toml::from_str(text).unwrap();
        assert_eq!(source.format, Some(Format::HhRejected));
        let split = HashSplit { by: SplitBy::FirstTurn, salt: "text".into(), from: 0.0, to: 0.5 };
        assert_eq!(source.split, Some(split));
        assert_eq!((source.skip, source.take, source.is_unsafe), (0, Some(750), Some(true)));
        let again = toml::from_str(&toml::to_string(&source).unwrap()).unwrap();
        assert_eq!(source, again);
    }

    #[test]
    fn a_delimiter_is_one_character() {
        let of = |text: &str| Delimiter::try_from(text.to_owned()).map(Delimiter::byte);
        assert_eq!((of(";"), of("tab"), of("\\t"), of("\t")), (Ok(b';'), Ok(9), Ok(9), Ok(9)));
        assert!(["", ";;", "\"", "\n", "é"].iter().all(|text| of(text).is_err()));
        let source: Source = toml::from_str("path = 'a.csv'\ndelimiter = ';'\nlimit = 3").unwrap();
        assert_eq!(toml::from_str::<Source>(&toml::to_string(&source).unwrap()).unwrap(), source);
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        let misspelt = toml::from_str::<Source>("path = \"a.json\"\ntakes = 3").unwrap_err();
        assert!(misspelt.to_string().contains("takes"), "{misspelt}");
        assert!(toml::from_str::<Source>("path = \"a\"\nsplit = { by = \"line\" }").is_err());
    }
}
