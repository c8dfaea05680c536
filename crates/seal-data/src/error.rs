//! What can go wrong between a file and a data set.

use std::path::PathBuf;

/// A file or a data set that cannot be used as it is.
///
/// Messages name the file, the line, the row and the field. They describe a
/// wrong value by its kind ("a number"), never by its text: rows may hold
/// harmful or private text, and errors end up in logs.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// There is no such file.
    #[error("{path}: no such file")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said; for a `.gz` file also a broken compression.
        source: std::io::Error,
    },
    /// The path is a folder.
    #[error("{path}: is a folder, not a file ({holds}); name one source for each file")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What files it holds, in words.
        holds: String,
    },
    /// The content is not what the name of the file says.
    #[error("{path}: its name says {named}, its content is {found}; {remedy}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What the name says.
        named: &'static str,
        /// What the first bytes say.
        found: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A row is too long to be held.
    #[error(
        "{path}, line {line}: a row of more than {limit} bytes; rows are lines in .jsonl, array \
         elements in .json: correct the file or leave the row out"
    )]
    RowTooLong {
        /// The file.
        path: PathBuf,
        /// Line on which the row starts, from 1.
        line: usize,
        /// The longest allowed, in bytes.
        limit: usize,
    },
    /// A Parquet file cannot be read; `row` 0 is its description.
    #[error("{path}, row {row}: cannot be read as Parquet: {reason}; download or write it again")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Number of the row, from 1.
        row: usize,
        /// What the reader said.
        reason: String,
    },
    /// A Parquet file whose pages are packed in a way that is not read.
    #[error(
        "{path}: its pages are packed with {codec}, which is not read; write it with snappy, zstd, \
         gzip or lz4"
    )]
    ParquetCodec {
        /// The file.
        path: PathBuf,
        /// The packing.
        codec: &'static str,
    },
    /// A Parquet file, and a program that was built without its reader.
    #[error("{path}: this program was built without Parquet; convert the file to .jsonl")]
    NoParquet {
        /// The file.
        path: PathBuf,
    },
    /// The bytes are not text.
    #[error("{path}, line {line}: not valid UTF-8; convert the file to UTF-8")]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Line of the first bad byte, from 1.
        line: usize,
    },
    /// The name does not say how to read the file.
    #[error(
        "{path}: unknown kind of file; known are .json, .jsonl, .csv and .tsv, each also with .gz or .zst, and .parquet"
    )]
    UnknownExtension {
        /// The file.
        path: PathBuf,
    },
    /// The text is not JSON or CSV.
    #[error("{path}, line {line}: {reason}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What the parser said (a position and a rule, no text of the row).
        reason: String,
    },
    /// A file that is no tokenizer.
    #[error("{path}: no tokenizer that can be read ({reason}); give a `tokenizer.json`")]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// A field is absent or of the wrong type.
    #[error("{path}, line {line}, row {row}: {field}: found {found}, expected {expected}")]
    Field {
        /// The file.
        path: PathBuf,
        /// Line on which the row starts, from 1.
        line: usize,
        /// Number of the row in the file, from 1.
        row: usize,
        /// The field, in words.
        field: String,
        /// Kind of the value found.
        found: &'static str,
        /// What is accepted.
        expected: String,
    },
    /// The first row fits no known layout.
    #[error(
        "{path}: the first row ({found}) fits no known layout; set `format` to one of \
         prompt-response, open-orca, alpaca, messages, sharegpt, hh, hh-rejected, \
         instructions{suggestion}"
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Kind of the first row, with the names of its fields.
        found: String,
        /// What else to write in the config.
        suggestion: String,
    },
    /// The config names a column that the first row lacks.
    #[error("{path}: columns: no field `{column}`; the first row is {found}")]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The name in the config.
        column: String,
        /// Kind of the first row, with the names of its fields.
        found: String,
    },
    /// The config names columns that do not go together.
    #[error("{path}: columns: {reason}")]
    Columns {
        /// The file.
        path: PathBuf,
        /// What does not go with what.
        reason: String,
    },
    /// The source labels its rows otherwise than the rows do.
    #[error(
        "{path}, line {line}, row {row}: the row says unsafe = {in_row}, the source says \
         unsafe = {in_source}; remove `unsafe` from the source or split the file"
    )]
    LabelConflict {
        /// The file.
        path: PathBuf,
        /// Line on which the row starts, from 1.
        line: usize,
        /// Number of the row in the file, from 1.
        row: usize,
        /// Label in the file.
        in_row: bool,
        /// Label in the config.
        in_source: bool,
    },
    /// A row has no answer, and the source does not allow that.
    #[error(
        "{path}, line {line}, row {row}: the answer is empty; set empty_answers = \"drop\" \
         (training) or \"keep\" (prompts of a test)"
    )]
    EmptyAnswer {
        /// The file.
        path: PathBuf,
        /// Line on which the row starts, from 1.
        line: usize,
        /// Number of the row in the file, from 1.
        row: usize,
    },
    /// A share that is no part of the unit interval.
    #[error("{path}: split from {from} to {to}: needs 0 <= from < to <= 1")]
    BadSplit {
        /// The file.
        path: PathBuf,
        /// Start of the share.
        from: f64,
        /// End of the share.
        to: f64,
    },
    /// A source of which no row is to be read.
    #[error("{path}: limit = 0 leaves no row; leave it out to read to the end")]
    NoLimit {
        /// The file.
        path: PathBuf,
    },
    /// Fewer usable rows than asked for.
    #[error(
        "{path}: skip = {skip} and take = {take} ask for {} rows, the split holds {usable} that \
         can be used; lower `take`, or leave it out to read to the end", skip.saturating_add(*take)
    )]
    TooFew {
        /// The file.
        path: PathBuf,
        /// Rows to leave out.
        skip: usize,
        /// Rows to take after them.
        take: usize,
        /// Rows there are.
        usable: usize,
    },
    /// A source gives no row at all.
    #[error(
        "{path}: no usable row ({dropped} dropped{}); correct the file, its split or skip",
        if why.is_empty() { String::new() } else { format!(": {why}") }
    )]
    EmptySource {
        /// The file.
        path: PathBuf,
        /// Rows that were dropped.
        dropped: usize,
        /// Why, with counts; empty where none was.
        why: String,
    },
    /// Rows that are asked for and are in no source.
    #[error(
        "{rows} rows are not in the data, the first of them {first}; the files or the sources have \
         changed since"
    )]
    UnknownRows {
        /// Number of such rows.
        rows: usize,
        /// One of them.
        first: crate::RowId,
    },
    /// A training set with rows that have no answer.
    #[error(
        "{rows} rows have no answer to train on. The layout of a file is told from its first rows: \
         if those lack their answers and others have one, set `format`; leave \
         empty_answers = \"keep\" to tests"
    )]
    Unanswered {
        /// Number of such rows.
        rows: usize,
    },
    /// A data set without sources.
    #[error("no source is given; a data set needs at least one file")]
    NoSource,
    /// A problem inside a named data set.
    #[error("data set `{name}`: {source}{}", hint(source))]
    Set {
        /// Name of the set.
        name: String,
        /// The problem.
        source: Box<DataError>,
    },
    /// Nothing of a test is left.
    #[error("all {rows} prompts stand in training data too; give prompts that were held out")]
    AllOverlap {
        /// Number of prompts.
        rows: usize,
    },
    /// Training and test sets share prompts.
    #[error(
        "training and test data overlap: {}; remove these rows, or set data.overlap = \
         \"drop\" to leave the prompts out of the test, \"allow\" to go on regardless (parts of one \
         file stay apart with a `split` of one salt)",
        pairs.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    Overlap {
        /// The pairs of sets that may not overlap and do.
        pairs: Vec<crate::Overlap>,
    },
}

/// What a config's author may not know of a problem inside one of its data sets.
fn hint(source: &DataError) -> &'static str {
    match source {
        DataError::Missing { .. } => "; relative paths start at `data.root`",
        _ => "",
    }
}

impl DataError {
    pub(crate) fn in_set(self, name: &str) -> Self {
        Self::Set { name: name.to_owned(), source: Box::new(self) }
    }
}
