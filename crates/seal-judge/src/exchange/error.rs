//! What can be wrong with a file of another program, as a whole or in one row.

/// Why a file is not a list of rows. No message shows the text of a row.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The file is not JSON.
    #[error("is not JSON: {source}; a list of objects is needed, or one object a line")]
    Json {
        /// What the parser says.
        source: serde_json::Error,
    },
    /// The file is JSON and no list.
    #[error("is {found}; a list of objects is needed, or one object a line")]
    NotAList {
        /// What it is.
        found: &'static str,
    },
    /// The file has nothing in it.
    #[error("is empty; a list of objects is needed, or one object a line")]
    Empty,
}

/// A row that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddRow {
    /// Its number in the file, from 1. Rows are counted, not lines of text, unless each line is a
    /// row.
    pub number: usize,
    /// What is wrong with it.
    pub reason: OddReason,
}

/// Why a row could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OddReason {
    /// A line is not JSON.
    #[error("is not JSON")]
    NotJson,
    /// The row is no object.
    #[error("is {found} and no object")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// A field is needed and not there.
    #[error("has no `{field}`")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field has something else in it.
    #[error("`{field}` is {found} and not {wanted}")]
    Kind {
        /// The field.
        field: &'static str,
        /// What it has.
        found: &'static str,
        /// What it should have.
        wanted: &'static str,
    },
    /// A preference outside [1, 2] that is not the old code 0 of a tie.
    #[error("`preference` is {value}; it is 1 to 2, 0 for a tie, or null")]
    Preference {
        /// The number, as it is written.
        value: String,
    },
    /// The row says the same as an earlier one.
    #[error("is of the same prompt and models as row {first}")]
    Repeats {
        /// Number of the earlier row.
        first: usize,
    },
}
