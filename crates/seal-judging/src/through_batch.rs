//! The questions of a set through batch files: half the price, within a day.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use seal_endpoint::{EndpointError, FailureClass, batch_line, read_batch_line};

use crate::cost::share;
use crate::error::JudgingError;
use crate::estimate::{most, refuse_unpriced};
use crate::inquiry::{Inquire, Inquiry, Questions};
use crate::judge::AskedJudge;
use crate::judge_prompt::JudgePrompt;
use crate::line::LogLine;
use crate::log::VerdictLog;
use crate::outstanding::Outstanding;
use crate::record::line_of;
use crate::stored::{is_of, missing, missing_of, names, refuse_mixed, spent};

/// Digits of a key in the id of a line. Ids have 64 characters at most on some servers.
const DIGITS: usize = 48;

/// What was written as the input of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchWritten {
    /// Questions that were written.
    pub questions: usize,
    /// Questions that the log lacks, too, and that could exceed the largest cost.
    pub left_out: usize,
    /// Questions among the written that were written before, and whose answer was not read yet.
    pub again: usize,
}

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

/// Writes the questions that the log lacks as the input of a batch, as many as the largest cost
/// allows. Their ids are kept beside the log until an output has them.
///
/// # Errors
/// [`JudgingError::NoPrice`]; [`JudgingError::ServedAnother`] where the log has verdicts of several
/// models; a file that cannot be written.
pub fn write_batch<P: JudgePrompt, S: Questions<P>>(
    judge: &AskedJudge<P>,
    set: &S,
    log: &VerdictLog,
    path: &Path,
) -> Result<BatchWritten, JudgingError> {
    let inquiry: &dyn Inquiry = &Inquire { judge, set };
    refuse_unpriced(inquiry)?;
    let missing = missing(inquiry, log, &names(inquiry, log));
    if !missing.is_empty() {
        refuse_mixed(inquiry, log)?;
    }
    let numbers = affordable(inquiry, log, &missing);
    let mut outstanding = Outstanding::of(log.path())?;
    let mut written = BatchWritten {
        questions: numbers.len(),
        left_out: missing.len() - numbers.len(),
        again: 0,
    };
    for number in numbers {
        let id = id(inquiry, *number);
        written.again += usize::from(outstanding.has(id));
        outstanding.add(id);
    }
    // Before the input is there, so that no upload goes unnoticed.
    outstanding.save()?;
    let file = std::fs::File::create(path).map_err(JudgingError::io("make", path))?;
    let mut out = BufWriter::new(file);
    for number in numbers {
        let messages = inquiry.messages(*number);
        let line = batch_line(inquiry.endpoint(), id(inquiry, *number), &messages)?;
        writeln!(out, "{line}").map_err(JudgingError::io("write", path))?;
    }
    let file = out.into_inner().map_err(|e| JudgingError::io("write", path)(e.into_error()))?;
    file.sync_all().map_err(JudgingError::io("write", path))?;
    Ok(written)
}

/// The first of these questions, up to the largest cost.
fn affordable<'a>(inquiry: &dyn Inquiry, log: &VerdictLog, numbers: &'a [usize]) -> &'a [usize] {
    let Some(largest) = inquiry.max_cost() else { return numbers };
    let share = share(inquiry.endpoint().price.as_ref(), true);
    let mut sum = spent(inquiry, log);
    let is_too_much = |number: &usize| {
        sum += share * most(inquiry, *number);
        sum > largest
    };
    let end = numbers.iter().position(is_too_much).unwrap_or(numbers.len());
    &numbers[..end]
}

fn id(inquiry: &dyn Inquiry, number: usize) -> &str {
    &inquiry.keys().of(number)[..DIGITS]
}

/// Questions that the log lacks and that a batch was written for, whose output has not been read:
/// whoever asks them now may pay twice.
///
/// # Errors
/// The file of their ids, beside the log, that cannot be read.
pub fn outstanding_questions<P: JudgePrompt, S: Questions<P>>(
    judge: &AskedJudge<P>,
    set: &S,
    log: &VerdictLog,
) -> Result<usize, JudgingError> {
    let inquiry = &Inquire { judge, set };
    let missing = missing_of(inquiry, Some(log));
    let ids = missing.iter().map(|number| id(inquiry, *number));
    Ok(Outstanding::of(log.path())?.count(ids))
}

/// Reads the output of a batch, or its file of errors, into the log.
///
/// # Errors
/// A file that cannot be read; [`JudgingError::NoBatch`]; a log that cannot be written.
/// [`JudgingError::ServedAnother`] where the table lists names and a new reply has another, or lists
/// none and the log has several; [`JudgingError::SelfJudged`]. All replies are in the log then.
pub fn read_batch<P: JudgePrompt, S: Questions<P>>(
    judge: &AskedJudge<P>,
    set: &S,
    log: &mut VerdictLog,
    path: &Path,
) -> Result<BatchRead, JudgingError> {
    let inquiry: &dyn Inquiry = &Inquire { judge, set };
    let mut outstanding = Outstanding::of(log.path())?;
    let mut served = BTreeSet::new();
    let read = read_lines(inquiry, log, path, (&mut outstanding, &mut served));
    log.sync()?;
    outstanding.save()?;
    let read = read?;
    let served: Vec<String> = served.into_iter().collect();
    for names in [&served, &names(inquiry, log)] {
        inquiry.refuse_served(names)?;
    }
    let listed = inquiry.served_as();
    match served.iter().find(|name| !listed.is_empty() && !is_of(listed, name)) {
        Some(name) => Err(JudgingError::served_another(name, listed)),
        None => refuse_mixed(inquiry, log).map(|()| read),
    }
}

fn read_lines(
    inquiry: &dyn Inquiry,
    log: &mut VerdictLog,
    path: &Path,
    (outstanding, served): (&mut Outstanding, &mut BTreeSet<String>),
) -> Result<BatchRead, JudgingError> {
    let file = std::fs::File::open(path).map_err(JudgingError::io("read", path))?;
    let name = path.display().to_string();
    let by_id: BTreeMap<&str, usize> = inquiry
        .keys()
        .first_of_each()
        .into_iter()
        .map(|number| (id(inquiry, number), number))
        .collect();
    let mut read = BatchRead::default();
    for (i, text) in BufReader::new(file).lines().enumerate() {
        let text = text.map_err(JudgingError::io("read", path))?;
        if text.trim().is_empty() {
            continue;
        }
        let found = read_batch_line(inquiry.endpoint(), &name, &text).map_err(|source| {
            JudgingError::NoBatch { path: path.to_owned(), line: i + 1, source }
        })?;
        let Some(number) = by_id.get(found.id.as_str()) else {
            read.foreign += 1;
            continue;
        };
        outstanding.remove(&found.id);
        match found.reply {
            Err(error) => {
                read.failed += 1;
                read.has_passing |= error.class() == FailureClass::Passing;
                read.first_failure.get_or_insert_with(|| error.clone());
                read.last_failure = Some(error);
            }
            Ok(reply) => {
                let line = line_of(inquiry, *number, reply, true);
                if is_known(log, &line) {
                    read.known += 1;
                } else {
                    served.insert(line.served.clone());
                    log.append_unsynced(line)?;
                    read.kept += 1;
                }
            }
        }
    }
    Ok(read)
}

/// Whether the log has this reply, or another that is not blank by the same model.
fn is_known(log: &VerdictLog, line: &LogLine) -> bool {
    let is_same = |known: &LogLine| !known.reply.is_blank() || known.reply == line.reply;
    log.replies(&line.key, |served| served == line.served).any(is_same)
}
