//! What can go wrong while pairs are judged.

use std::io;
use std::path::{Path, PathBuf};

use seal_endpoint::{EndpointError, NoBatchLine};
use seal_judge::FormatError;
use seal_judge::prompt::PromptError;
use seal_judge::reading::ReadingError;
use seal_stats::StatsError;

/// Why pairs cannot be judged. No message shows the text of an answer or a key.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum JudgingError {
    /// The table of a judge cannot be used.
    #[error("{path}{}: {why}", line.map_or_else(String::new, |line| format!(", line {line}")))]
    Table { path: PathBuf, line: Option<usize>, why: String },
    /// The table is of a judge that does something else.
    #[error("{path}: kind = {found:?}: this is {}, and {expected:?} is needed here", what(.found))]
    Kind { path: PathBuf, found: String, expected: &'static str },
    /// The judge is a model on this machine where only a server can be asked.
    #[error(
        "{path}: the judge is a model on this machine ([model]), and here a judge behind an [endpoint] is asked"
    )]
    LocalModel { path: PathBuf },
    /// The judge is behind an endpoint where a model on this machine was opened.
    #[error("{path}: the judge is behind an [endpoint], and no model on this machine")]
    NoModel { path: PathBuf },
    /// The table's way of reading verdicts cannot be used.
    #[error("{path}: {source}")]
    Reading { path: PathBuf, source: ReadingError },
    /// The endpoint's settings cannot be used.
    #[error("{path}: {source}")]
    Settings { path: PathBuf, source: EndpointError },
    /// The prompt cannot be used.
    #[error("{path}: {source}")]
    Prompt { path: PathBuf, source: PromptError },
    /// The prompt is not there.
    #[error("{path}: the prompt cannot be read: {source}{origin}")]
    PromptFile { path: PathBuf, source: io::Error, origin: String },
    /// A file of answers has another form.
    #[error("{path} {source}")]
    Outputs { path: PathBuf, source: FormatError },
    /// A file is no output of a batch. The lines before are in the log.
    #[error(
        "{path}, line {line}: {source}; the output of a batch has a line of JSON for each question, with custom_id and response"
    )]
    NoBatch { path: PathBuf, line: usize, source: NoBatchLine },
    /// A file cannot be read or written.
    #[error("{path}: cannot {action} this file: {source}")]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// A file has answers of several models.
    #[error(
        "{path} has two answers to one instruction, of the models {first} and {second}; keep the rows of one model"
    )]
    TwoModels { path: PathBuf, first: String, second: String },
    /// The two files answer other prompts.
    #[error(
        "{only_arm} instructions are in the candidate's file only and {only_reference} in the reference's file only; {common} are in both. A win rate needs the same prompts: complete the files, or ask for the common ones"
    )]
    OtherPrompts { only_arm: usize, only_reference: usize, common: usize },
    /// There is no pair.
    #[error("no instruction is in both files; there is nothing to judge")]
    NoPairs,
    /// The judge wrote one of the answers.
    #[error(
        "the judge `{model}` is also the model whose answers are judged, and judges prefer their own; choose another judge, or set allow_self = true"
    )]
    SelfJudged { model: String },
    /// Another process writes verdicts to the file.
    #[error(
        "{path}: another process is judging into this file; wait for it, or choose another file"
    )]
    LogInUse { path: PathBuf },
    /// Another process writes verdicts to the file since this one gave no sign of life for long.
    #[error(
        "{path}: another process judges into this file by now, because this one gave no sign of life for long; nothing more was written, and all that is in the file is kept: run it again"
    )]
    LogLost { path: PathBuf },
    /// The file holds something else than verdicts.
    #[error("{path}: its first line is no verdict, so that this is another file")]
    LogForeign { path: PathBuf },
    /// The endpoint gave no reply, and will not.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Too many questions in a row failed.
    #[error("{failed} questions in a row got no reply, the last because: {source}")]
    GivenUp { failed: usize, source: EndpointError },
    /// The server answers as another model.
    #[error(
        "the server now names its model `{found}`, and the verdicts before it are by {expected}; if these are one judge, list all in served_as; if not, list the one that is meant there, or judge into another file"
    )]
    ServedAnother { found: String, expected: String },
    /// A budget was set and no price.
    #[error(
        "a largest cost is set and no price: set endpoint.price to the cost of a million tokens"
    )]
    NoPrice,
    /// A largest cost that is none.
    #[error("a largest cost is a number, 0 or more, and not {cost}")]
    MaxCost { cost: f64 },
    /// A figure cannot be computed.
    #[error(transparent)]
    Stats(#[from] StatsError),
    /// A question could not be written as JSON.
    #[error("a line cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A judge by its kind, for people.
fn what(kind: &str) -> &'static str {
    match kind {
        "pairwise" => "a judge that compares two answers",
        "rubric" => "a judge that rates one answer",
        "guard" => "a model that says whether an answer does harm",
        "reward" => "a model that scores one answer",
        _ => "no judge that is known",
    }
}

impl JudgingError {
    /// A reply by `found` beside verdicts by `expected`.
    pub(crate) fn served_another(found: &str, expected: &[impl AsRef<str>]) -> Self {
        let shown = |name: &str| format!("`{}`", seal_text::escape_start(name, 100));
        let expected: Vec<String> = expected.iter().map(|name| shown(name.as_ref())).collect();
        Self::ServedAnother {
            found: seal_text::escape_start(found, 100),
            expected: expected.join(", "),
        }
    }

    /// An error of the file at `path`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
