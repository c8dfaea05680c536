//! Rows of a file, and fields of its rows, that are not used.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Why a row of a file is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DropReason {
    /// The prompt is empty, white space or null.
    EmptyPrompt,
    /// The answer is empty, white space, null or absent.
    EmptyAnswer,
    /// Prompt and answer are longer than the source allows.
    TooLong,
    /// HH: the transcripts differ before their last reply.
    Unpaired,
    /// HH: a text that does not start with a human turn and end in a reply.
    NoTranscript,
    /// An earlier turn of a dialogue is empty or white space.
    EmptyTurn,
    /// A dialogue that does not end in a reply.
    NoReply,
    /// A dialogue in which one side speaks twice, the assistant first, or the
    /// system not first.
    OutOfTurn,
    /// A dialogue that ends in the call of a tool, or calls tools in a form that
    /// chat templates do not read.
    ToolTurn,
    /// A turn of a role that is not known.
    UnknownRole,
    /// A field that is read holds a value of another kind.
    OddField,
    /// The row has not the layout of the file.
    OtherLayout,
    /// Images, audio, video or files belong to the row.
    Media,
    /// The row masks every answer: weight 0, or `train` false.
    NotTrained,
    /// A mask that cannot be followed: a weight that is neither 0 nor 1, a loss on
    /// what the user says, or on a part of a turn.
    Mask,
    /// The row's label says that its answer is a bad one, as in KTO.
    Undesirable,
    /// The field that is to hold the label holds none.
    NoLabel,
    /// Text at the place of a row that is no JSON.
    InvalidJson,
    /// The last row of a file that ends inside it.
    CutShort,
    /// JSON that is nested too deep, or has too many values, to be held.
    TooComplex,
    /// A field that is used holds bytes that are no UTF-8.
    NotUtf8,
    /// A field that is used holds half of a surrogate pair.
    LoneSurrogate,
    /// A row of a table with more or fewer cells than its first line.
    CellCount,
    /// The first line of a table, once more.
    RepeatedHeader,
}

impl DropReason {
    /// Whether it tells of a damaged file rather than of a row that is not to be used.
    pub fn is_damage(self) -> bool {
        use DropReason::{CellCount, CutShort, InvalidJson, LoneSurrogate, NotUtf8, TooComplex};
        matches!(self, InvalidJson | CutShort | TooComplex | NotUtf8 | LoneSurrogate | CellCount)
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyPrompt => "the prompt is empty",
            Self::EmptyAnswer => "the answer is empty",
            Self::TooLong => "prompt and answer are longer than max_chars",
            Self::Unpaired => "chosen and rejected differ before the last reply",
            Self::NoTranscript => "not a transcript from a human turn to a reply",
            Self::EmptyTurn => "an earlier turn is empty",
            Self::NoReply => "the dialogue does not end in a reply",
            Self::OutOfTurn => "user and assistant do not take turns, the user first",
            Self::ToolTurn => {
                "the dialogue ends in the call of a tool, or calls one in a form that is not read"
            }
            Self::UnknownRole => "a turn has a role that is not known",
            Self::OddField => "a field is of another kind than it should be",
            Self::OtherLayout => "the row has another layout than the file",
            Self::Media => "the row has images, audio, video or files",
            Self::NotTrained => "weight 0 or train = false masks every answer",
            Self::Mask => "a mask that cannot be followed",
            Self::Undesirable => {
                "its label says that the answer is a bad one (undesirable = \"keep\" uses it)"
            }
            Self::NoLabel => "the label's field holds no label",
            Self::InvalidJson => "not valid JSON",
            Self::CutShort => "the file ends inside this row, so it may be cut",
            Self::TooComplex => "nested too deep, or of too many values",
            Self::NotUtf8 => "not valid UTF-8 (convert the file to UTF-8)",
            Self::LoneSurrogate => {
                "half of a surrogate pair (\\ud800 to \\udfff alone) is no text; write it with \
                 errors=\"replace\""
            }
            Self::CellCount => "more or fewer cells than the first line has",
            Self::RepeatedHeader => "the first line once more",
        })
    }
}

/// A row of a file that is not used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dropped {
    /// Path of the file, as the source gives it.
    pub source: PathBuf,
    /// Line on which the row starts, from 1.
    pub line: usize,
    /// Number of the row in the file, from 1.
    pub row: usize,
    /// Why.
    pub reason: DropReason,
    /// Which field, and what is there, in words; never text of the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Dropped {
    /// The reason in words, with the field where one is at fault.
    pub fn why(&self) -> String {
        match &self.detail {
            Some(detail) => format!("{}: {detail}", self.reason),
            None => self.reason.to_string(),
        }
    }
}

/// The most rows of a source that [`Dropped`] lists for one reason. The rest is counted, so
/// that a huge file of odd rows takes no memory for each.
pub const MAX_LISTED: usize = 100;

/// Rows that are left out and not listed: there are more than [`MAX_LISTED`] for the reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unlisted {
    /// Path of the file, as the source gives it.
    pub source: PathBuf,
    /// Why.
    pub reason: DropReason,
    /// Number of rows.
    pub rows: usize,
}

/// A field of a file's rows that is not used although there is text in it, or a
/// setting of training.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unused {
    /// Path of the file, as the source gives it.
    pub source: PathBuf,
    /// Its name; of a turn's field `messages[].NAME`.
    pub field: String,
    /// Number of rows with something in it.
    pub rows: usize,
}

/// Numbers of rows by the name of a field that is not used.
pub(crate) type UnusedFields = BTreeMap<String, usize>;

/// How often each reason occurs, in words, with the first row that has a field at
/// fault; empty where nothing was dropped.
pub(crate) fn reasons(dropped: &[Dropped], unlisted: &[Unlisted]) -> String {
    let mut counts = BTreeMap::new();
    for row in dropped {
        *counts.entry(row.reason).or_insert(0_usize) += 1;
    }
    for more in unlisted {
        *counts.entry(more.reason).or_insert(0) += more.rows;
    }
    let said: Vec<String> = counts.iter().map(|(reason, n)| format!("{n} as {reason}")).collect();
    let first = dropped.iter().find_map(|row| Some((row, row.detail.as_ref()?)));
    let first = first.map(|(row, detail)| {
        format!("; the first at fault: line {}, row {}, {detail}", row.line, row.row)
    });
    said.join(", ") + &first.unwrap_or_default()
}

/// Names the fields of each source that are not used, once, with their numbers.
pub(crate) fn say_unused(unused: &[Unused]) {
    for of_source in unused.chunk_by(|a, b| a.source == b.source) {
        let names: Vec<String> =
            of_source.iter().map(|u| format!("`{}` in {} rows", u.field, u.rows)).collect();
        let file = of_source[0].source.display();
        tracing::warn!("{file}: fields that are not used: {}", names.join(", "));
    }
}
