//! Rows of a file that are not used.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Why a row of a file is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DropReason {
    /// The prompt is empty or white space.
    EmptyPrompt,
    /// The answer is empty or white space.
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
    /// A dialogue with calls of tools or their results.
    ToolTurn,
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
            Self::ToolTurn => "the dialogue has turns of a tool",
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
}

/// How often each reason occurs, in words; empty where nothing was dropped.
pub(crate) fn reasons(dropped: &[Dropped]) -> String {
    let mut counts = BTreeMap::new();
    for row in dropped {
        *counts.entry(row.reason).or_insert(0_usize) += 1;
    }
    let said: Vec<String> = counts.iter().map(|(reason, n)| format!("{n} as {reason}")).collect();
    said.join(", ")
}
