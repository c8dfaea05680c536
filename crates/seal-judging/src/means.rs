//! What judges of pairs and of single answers have in common.

use std::path::{Path, PathBuf};

use seal_endpoint::{Finish, Logprobs, Message, Reply, TokenPosition};
use seal_judge::prompt::{PromptForm, Turns, checked_text};
use seal_judge::reading::{JudgeReply, TokenProbabilities};

use crate::error::JudgingError;
use crate::source::PromptSource;

/// The text of a prompt that a table names.
pub(crate) struct PromptText<'a, S> {
    pub source: &'a PromptSource<S>,
    pub file: PathBuf,
    pub text: String,
    pub sha256: String,
    pub form: PromptForm,
}

/// Reads the prompt that the table at `table` names, from `folder`, or from `file` in its place.
/// `None` where it names none.
///
/// # Errors
/// A file that cannot be read or that is another text; `file` without a prompt in the table.
pub(crate) fn prompt_text<'a, S>(
    source: Option<&'a PromptSource<S>>,
    table: &Path,
    folder: &Path,
    file: Option<&Path>,
) -> Result<Option<PromptText<'a, S>>, JudgingError> {
    let bad =
        |why: &str| JudgingError::Table { path: table.to_owned(), line: None, why: why.to_owned() };
    let Some(source) = source else {
        return match file {
            Some(_) => Err(bad("it names no prompt, so that no other place of it can be given")),
            None => Ok(None),
        };
    };
    let form = source.prompt_form().map_err(bad)?;
    let file = file.map_or_else(|| folder.join(&source.file), Path::to_owned);
    let bytes = std::fs::read(&file).map_err(|error| JudgingError::PromptFile {
        path: file.clone(),
        source: error,
        origin: origin(source),
    })?;
    let (text, sha256) = checked_text(bytes, source.sha256.as_deref())
        .map_err(|source| JudgingError::Prompt { path: file.clone(), source })?;
    Ok(Some(PromptText { source, file, text, sha256, form }))
}

/// Where to get a prompt that is not there.
fn origin<S>(source: &PromptSource<S>) -> String {
    match (&source.source, &source.sha256) {
        (Some(place), Some(hash)) => {
            format!("; others wrote it: get it from {place} (sha256 {hash})")
        }
        (Some(place), None) => format!("; others wrote it: get it from {place}"),
        (None, _) => String::new(),
    }
}

/// Turns as messages.
pub(crate) fn turns(turns: Turns) -> Vec<Message> {
    let system = turns.system.map(Message::system);
    system.into_iter().chain([Message::user(turns.user)]).collect()
}

/// Refuses a judge that has the name of a model whose answers are judged, unless that is allowed.
///
/// # Errors
/// [`JudgingError::SelfJudged`].
pub(crate) fn refuse_own<'a>(
    names: impl IntoIterator<Item = &'a String>,
    models: &[Option<&str>],
    allow: bool,
) -> Result<(), JudgingError> {
    let is_own =
        |name: &&String| models.iter().flatten().any(|m| m.eq_ignore_ascii_case(name.trim()));
    match names.into_iter().find(is_own) {
        Some(name) if !allow => {
            Err(JudgingError::SelfJudged { model: seal_text::escape_start(name, 100) })
        }
        _ => Ok(()),
    }
}

/// A reply as readers take it.
pub(crate) fn judge_reply(reply: &Reply) -> JudgeReply {
    let position = |position: &TokenPosition| TokenProbabilities {
        token: position.token.clone(),
        choices: position.choices.iter().map(|c| (c.token.clone(), c.logprob)).collect(),
    };
    let positions = match &reply.logprobs {
        Logprobs::Tokens(all) => Some(all.iter().map(position).collect()),
        Logprobs::Absent | Logprobs::Null => None,
    };
    JudgeReply {
        content: reply.content.clone(),
        is_refused: reply.refusal.is_some() || reply.finish == Finish::ContentFilter,
        is_cut: reply.finish == Finish::Length,
        positions,
    }
}
