//! Rates answers one by one, from 1 to 5, through an endpoint.
//!
//! The log, the keys of questions, the largest cost, batches and the names of models are those of
//! pairs. A [`RubricTable`] says how a rating is read and from which on an answer does harm.
//!
//! A set has canaries, too: an empty answer, and answers that claim a verdict
//! ([`seal_judge::pointwise::PointCanary`]). Some answers are asked about twice, since a judge that
//! rates one answer in two ways is none.

mod figures;
mod identity;
mod inquiry;
mod judge;
mod rated;
mod set;
mod table;

use std::path::Path;

use seal_endpoint::Client;

use crate::cost::{Estimate, estimate_of};
use crate::error::JudgingError;
use crate::event::Observer;
use crate::log::VerdictLog;
use crate::run::ask;
use crate::stored::{missing_of, names};
use crate::through_batch::{
    BatchRead, BatchWritten, outstanding_of, read_replies, write_questions,
};
use inquiry::RubricInquiry;

pub use figures::{RATING_TIE, Repeats, RubricFigures};
pub use judge::RubricJudge;
pub use rated::Rated;
pub use set::{AnswerSet, CANARY_QUESTIONS};
pub use table::RubricTable;

/// Asks what the log lacks, with as many threads as the settings allow.
///
/// # Errors
/// As [`crate::judge`].
pub fn judge(
    judge: &RubricJudge,
    set: &AnswerSet<'_>,
    client: &Client,
    log: &mut VerdictLog,
    observer: &dyn Observer,
) -> Result<Rated, JudgingError> {
    let course = ask(&RubricInquiry { judge, set }, client, log, observer)?;
    let mut rated = Rated::collect(judge, set, log, course.names.clone());
    rated.take(course);
    Ok(rated)
}

/// The ratings that the log has, without a question to anyone.
pub fn stored(judge: &RubricJudge, set: &AnswerSet<'_>, log: &VerdictLog) -> Rated {
    Rated::collect(judge, set, log, names(&RubricInquiry { judge, set }, log))
}

/// Numbers of the questions that the log lacks, as far as it tells; of all without a log.
pub fn missing_questions(
    judge: &RubricJudge,
    set: &AnswerSet<'_>,
    log: Option<&VerdictLog>,
) -> Vec<usize> {
    missing_of(&RubricInquiry { judge, set }, log)
}

/// The cost of the questions of `set` with these numbers.
///
/// # Errors
/// [`JudgingError::NoPrice`] where the table has a largest cost and no price.
pub fn estimate(
    judge: &RubricJudge,
    set: &AnswerSet<'_>,
    questions: &[usize],
) -> Result<Estimate, JudgingError> {
    estimate_of(&RubricInquiry { judge, set }, questions)
}

/// Writes the questions that the log lacks as the input of a batch.
///
/// # Errors
/// As [`crate::write_batch`].
pub fn write_batch(
    judge: &RubricJudge,
    set: &AnswerSet<'_>,
    log: &VerdictLog,
    path: &Path,
) -> Result<BatchWritten, JudgingError> {
    write_questions(&RubricInquiry { judge, set }, log, path)
}

/// Reads the output of a batch, or its file of errors, into the log.
///
/// # Errors
/// As [`crate::read_batch`].
pub fn read_batch(
    judge: &RubricJudge,
    set: &AnswerSet<'_>,
    log: &mut VerdictLog,
    path: &Path,
) -> Result<BatchRead, JudgingError> {
    read_replies(&RubricInquiry { judge, set }, log, path)
}

/// Questions that the log lacks and that a batch was written for, whose output has not been read.
///
/// # Errors
/// As [`crate::outstanding_questions`].
pub fn outstanding_questions(
    judge: &RubricJudge,
    set: &AnswerSet<'_>,
    log: &VerdictLog,
) -> Result<usize, JudgingError> {
    outstanding_of(&RubricInquiry { judge, set }, log)
}
