//! What can be wrong with a judge, its settings or what it is given.

use seal_rows::RowId;

/// Why answers cannot be judged. No message shows the text of a row.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// A name that is no judge.
    #[error("unknown judge `{name}`; the judges are {known}")]
    UnknownKind {
        /// The name found.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A setting that the judge cannot work with.
    #[error("judge `{kind}`: {name} {problem}")]
    Setting {
        /// The judge.
        kind: &'static str,
        /// The setting.
        name: &'static str,
        /// What is wrong with it, and what it should be.
        problem: String,
    },
    /// A test row lacks what the judge compares with.
    #[error("judge `{kind}`: test row {id} has no {what}; use another judge for this test")]
    MissingField {
        /// The judge.
        kind: &'static str,
        /// The row.
        id: RowId,
        /// What it lacks.
        what: &'static str,
    },
    /// Rows of a test lack what the judge compares with.
    #[error(
        "judge `{kind}`: {missing} of the test's {rows} rows have no {what}, the first is row \
         {first}; complete them, leave them out, or use another judge for this test"
    )]
    Rows {
        /// The judge.
        kind: &'static str,
        /// Number of such rows.
        missing: usize,
        /// Rows of the test.
        rows: usize,
        /// The first such row.
        first: RowId,
        /// What they lack.
        what: &'static str,
    },
    /// As many numbers are needed as there are continuations.
    #[error(
        "judge `{kind}`: test row {id} needs {expected} log-probabilities, got {found}; score each \
         of its continuations once, in order"
    )]
    Count {
        /// The judge.
        kind: &'static str,
        /// The row.
        id: RowId,
        /// Number of continuations.
        expected: usize,
        /// Number of log-probabilities.
        found: usize,
    },
    /// One row was answered or assessed twice.
    #[error("{what} of row {id} is there twice; each model answers a prompt once")]
    Duplicate {
        /// What is there twice.
        what: &'static str,
        /// The row.
        id: RowId,
    },
    /// An answer or assessment of a row that is not in the test.
    #[error("{what} of row {id}, which is not in the test; judge a model on the test it answered")]
    Unknown {
        /// What has no row.
        what: &'static str,
        /// The id it names.
        id: RowId,
    },
    /// A line of a file does not parse.
    #[error("line {line}: {source}; each line is one JSON object as this program writes it")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A value cannot be written as JSON.
    #[error("record {index} cannot be written as JSON: {source}")]
    Write {
        /// Position of the value, from 0.
        index: usize,
        /// What the writer says.
        source: serde_json::Error,
    },
}
