//! Files of tokens that cannot be used.

/// A file that holds no tokens, or damaged ones.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// Another file.
    #[error("no file of tokens")]
    Foreign,
    /// A file that was cut, or that grew.
    #[error("has {found} bytes, and its sizes ask for {}", bytes(*expected))]
    Size {
        /// Bytes of the file.
        found: usize,
        /// Bytes that its sizes ask for; `None` where that is more than memory holds.
        expected: Option<usize>,
    },
    /// A row that no encoder makes.
    #[error("row {row} of the file is damaged")]
    Row {
        /// Its number, from 1.
        row: usize,
    },
    /// The list of rows that are left out is damaged.
    #[error("the list of rows that are left out: {0}")]
    Rest(#[source] serde_json::Error),
}

fn bytes(expected: Option<usize>) -> String {
    expected.map_or_else(|| "more than memory holds".to_owned(), |n| n.to_string())
}
