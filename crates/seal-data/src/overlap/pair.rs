//! What two sets have in common.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::RowId;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compared {
    /// Prompts: training set against test.
    Prompts,
    /// Prompts with their answers: two training sets.
    Rows,
}

/// A row that another set holds too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// The row.
    pub row: RowId,
    /// The first row of the other set that equals it.
    pub other: RowId,
    /// Equal to the letter; otherwise equal as [`normalise`](crate::normalise()) leaves them.
    pub exact: bool,
}

/// What two sets have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// The set whose rows are counted; of a training set and a test, the test.
    pub set: String,
    /// The set they also stand in.
    pub also_in: String,
    /// What is compared.
    pub compared: Compared,
    /// Whether a match is an error unless the user says otherwise.
    pub refused: bool,
    /// The rows of `set` that stand in `also_in` too, in order.
    pub matches: Vec<Match>,
}

/// An overlap in numbers of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlapCounts {
    /// Equal to the letter.
    pub exact: usize,
    /// Equal as [`normalise`](crate::normalise()) leaves them; includes the exact ones.
    pub normalised: usize,
}

/// Counts, names and the first ids, never a text.
impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { set, also_in, matches, .. } = self;
        let OverlapCounts { exact, normalised } = self.counts();
        let ids: Vec<String> = matches.iter().take(3).map(|m| m.row.to_string()).collect();
        let more = if normalised > ids.len() { ", ..." } else { "" };
        let ids = ids.join(", ");
        write!(
            f,
            "{normalised} prompts of `{set}` ({exact} to the letter) stand in `{also_in}` too: \
             {ids}{more}"
        )
    }
}

impl Overlap {
    /// Numbers of rows.
    pub fn counts(&self) -> OverlapCounts {
        let exact = self.matches.iter().filter(|m| m.exact).count();
        OverlapCounts { exact, normalised: self.matches.len() }
    }
}
