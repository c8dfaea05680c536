//! The questions of a set through batch files: half the price, within a day.

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use seal_endpoint::{Class, EndpointError, batch_line, read_batch_line};

use crate::error::JudgingError;
use crate::judge::PairJudge;
use crate::log::VerdictLog;
use crate::question::QuestionSet;
use crate::record::line_of;
use crate::stored::{missing, names};

/// Digits of a key in the id of a line. Ids have 64 characters at most on some servers.
const DIGITS: usize = 48;

/// What a batch's output brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchRead {
    /// Replies that are new in the log.
    pub kept: usize,
    /// Replies that the log had already.
    pub known: usize,
    /// Lines of questions that are none of this set.
    pub foreign: usize,
    /// Lines without a reply.
    pub failed: usize,
    /// The first failure.
    pub first_failure: Option<EndpointError>,
    /// The last failure.
    pub last_failure: Option<EndpointError>,
    /// Whether a failure among them may pass.
    pub has_passing: bool,
}

/// Writes the questions that the log lacks as the input of a batch, and gives their number.
///
/// # Errors
/// A file that cannot be written.
pub fn write_batch(
    judge: &PairJudge,
    set: &QuestionSet<'_>,
    log: &VerdictLog,
    path: &Path,
) -> Result<usize, JudgingError> {
    let numbers = missing(set, log, &names(judge, set, log), &[]);
    let file = std::fs::File::create(path).map_err(JudgingError::io("make", path))?;
    let mut out = BufWriter::new(file);
    for number in &numbers {
        let question = &set.questions()[*number];
        let (instruction, first, second) = set.texts(question.subject, question.order);
        let messages = judge.messages(instruction, &first, &second);
        let line = batch_line(judge.endpoint(), &question.key[..DIGITS], &messages)?;
        writeln!(out, "{line}").map_err(JudgingError::io("write", path))?;
    }
    let file = out.into_inner().map_err(|e| JudgingError::io("write", path)(e.into_error()))?;
    file.sync_all().map_err(JudgingError::io("write", path))?;
    Ok(numbers.len())
}

/// Reads the output of a batch, or its file of errors, into the log.
///
/// # Errors
/// A file that cannot be read or that is no output of a batch; a log that cannot be written.
pub fn read_batch(
    judge: &PairJudge,
    set: &QuestionSet<'_>,
    log: &mut VerdictLog,
    path: &Path,
) -> Result<BatchRead, JudgingError> {
    let file = std::fs::File::open(path).map_err(JudgingError::io("read", path))?;
    let name = path.display().to_string();
    let mut read = BatchRead::default();
    for text in BufReader::new(file).lines() {
        let text = text.map_err(JudgingError::io("read", path))?;
        if text.trim().is_empty() {
            continue;
        }
        let found = read_batch_line(judge.endpoint(), &name, &text)?;
        let starts = |number: &usize| set.questions()[*number].key.starts_with(&found.id);
        let number = Some(found.id.len())
            .filter(|length| *length == DIGITS)
            .and_then(|_| set.first_of_each_key().into_iter().find(starts));
        match (number, found.reply) {
            (None, _) => read.foreign += 1,
            (Some(_), Err(error)) => {
                read.failed += 1;
                read.has_passing |= error.class() == Class::Passing;
                read.first_failure.get_or_insert_with(|| error.clone());
                read.last_failure = Some(error);
            }
            (Some(number), Ok(reply)) => {
                let line = line_of(judge, set, number, reply, true);
                if log.find(&line.key, |served| served == line.served).is_some() {
                    read.known += 1;
                } else {
                    log.append(line)?;
                    read.kept += 1;
                }
            }
        }
    }
    Ok(read)
}
