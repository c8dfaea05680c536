//! Judges that are models, and cannot be used.

use std::path::PathBuf;

use seal_judge::pointwise::VerdictError;
use seal_judge::prompt::PromptError;

/// A judge that is a model and cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JudgeModelError {
    /// The file of a table or a prompt cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no table of a judge.
    #[error("{}{}: {why}", path.display(), line.map_or(String::new(), |line| format!(", line {line}")))]
    Table {
        /// The file.
        path: PathBuf,
        /// The line, from 1, where it is known.
        line: Option<usize>,
        /// What is wrong there.
        why: String,
    },
    /// A verdict cannot be read by the settings.
    #[error("{}: {source}", path.display())]
    Verdict {
        /// The file of the table.
        path: PathBuf,
        /// The setting at fault.
        source: VerdictError,
    },
    /// The prompt's file cannot be had.
    #[error(
        "the prompt {} cannot be read: {source}{}",
        path.display(),
        published.as_ref().map_or(String::new(), |at| format!("; where it was published: {at}"))
    )]
    PromptFile {
        /// The file.
        path: PathBuf,
        /// Where it was published, by the table.
        published: Option<String>,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file of a prompt for a judge that reads none.
    #[error(
        "the prompt {} is not used: this judge is asked through a chat template alone",
        path.display()
    )]
    UnusedPrompt {
        /// The file.
        path: PathBuf,
    },
    /// The prompt is not the one that the settings name, or is none.
    #[error(
        "{}: {source}{}",
        path.display(),
        published.as_ref().map_or(String::new(), |at| format!("; where it was published: {at}"))
    )]
    Prompt {
        /// The file.
        path: PathBuf,
        /// Where the text that the table means was published, where this is another text.
        published: Option<String>,
        /// What is wrong with it.
        source: PromptError,
    },
    /// The model folder's chat template is not the one that the settings name.
    #[error(
        "the chat template of {} has the sha256 {found}, and the settings say {expected}; the model \
         was changed or is another one: write the hash of this template if it is meant",
        folder.display()
    )]
    TemplateHash {
        /// The model's folder.
        folder: PathBuf,
        /// SHA-256 in the settings.
        expected: String,
        /// SHA-256 of the template's text.
        found: String,
    },
    /// A verdict token is none.
    #[error(
        "verdict.{list}: {text:?} is not one token of the judge's tokenizer, which writes it as {} \
         tokens{}",
        ids.len(),
        ids.first().map_or(String::new(), |id| format!(
            ", the first of them {id}: write that number if no other verdict begins with it"
        ))
    )]
    VerdictText {
        /// `good` or `bad`.
        list: &'static str,
        /// The text.
        text: String,
        /// Its tokens.
        ids: Vec<u32>,
    },
    /// A verdict token that the model does not have.
    #[error("verdict.{list}: the judge's model has {vocab_size} tokens, and no token {id}")]
    VerdictId {
        /// `good` or `bad`.
        list: &'static str,
        /// The token.
        id: u32,
        /// Number of tokens.
        vocab_size: usize,
    },
    /// Two verdicts begin with one token.
    #[error(
        "token {id} stands for a good and a bad verdict, or twice for one; name other tokens in \
         verdict.good and verdict.bad"
    )]
    SharedToken {
        /// The token.
        id: u32,
    },
    /// Text before the verdict that the tokenizer does not write behind other text.
    #[error("verdict.before: the judge's tokenizer cannot write this text behind a prompt")]
    Before,
    /// A model with another number of scores than one.
    #[error(
        "{}: the model gives {labels} scores for an answer, and a reward model gives one",
        folder.display()
    )]
    Labels {
        /// The model's folder.
        folder: PathBuf,
        /// Number of scores.
        labels: usize,
    },
}
