//! Kinds of judges that are asked.

use serde::{Deserialize, Serialize};

/// What a judge does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableKind {
    /// Compares two answers.
    Pairwise,
    /// Rates one answer.
    Rubric,
}

impl TableKind {
    /// The name in a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pairwise => "pairwise",
            Self::Rubric => "rubric",
        }
    }
}
