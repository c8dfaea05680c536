//! What the log has of a set: its outcomes, and what is missing.

use crate::cost::{JudgingCost, ReplyCost};
use crate::error::JudgingError;
use crate::estimate::{charge, charge_alone};
use crate::inquiry::{Inquire, Inquiry, Questions};
use crate::judge::AskedJudge;
use crate::judge_prompt::JudgePrompt;
use crate::line::LogLine;
use crate::log::VerdictLog;
use crate::replied::Replied;

/// The outcomes that the log has, without a question to anyone.
pub fn stored<P: JudgePrompt, S: Questions<P>>(
    judge: &AskedJudge<P>,
    set: &S,
    log: &VerdictLog,
) -> S::Outcome {
    set.collect(judge, log, &names(&Inquire { judge, set }, log))
}

/// Numbers of the questions that the log lacks, as far as it tells; of all without a log.
pub fn missing_questions<P: JudgePrompt, S: Questions<P>>(
    judge: &AskedJudge<P>,
    set: &S,
    log: Option<&VerdictLog>,
) -> Vec<usize> {
    missing_of(&Inquire { judge, set }, log)
}

/// The same of any judge.
pub(crate) fn missing_of(inquiry: &dyn Inquiry, log: Option<&VerdictLog>) -> Vec<usize> {
    match log {
        Some(log) => missing(inquiry, log, &names(inquiry, log)),
        None => inquiry.keys().first_of_each(),
    }
}

/// The names of this judge's model, as far as table and log tell.
pub(crate) fn names(inquiry: &dyn Inquiry, log: &VerdictLog) -> Vec<String> {
    match inquiry.served_as() {
        [] => {
            let latest = log.latest_served(|line| inquiry.covers(line));
            latest.map(str::to_owned).into_iter().collect()
        }
        names => names.to_vec(),
    }
}

/// Refuses verdicts of several models where the table does not say which of them are meant: they
/// would be asked for again under the latest name.
pub(crate) fn refuse_mixed(inquiry: &dyn Inquiry, log: &VerdictLog) -> Result<(), JudgingError> {
    let is_meant = |line: &LogLine| inquiry.covers(line);
    let mut names = log.all_served(is_meant);
    let Some(latest) = log.latest_served(is_meant) else { return Ok(()) };
    names.remove(latest);
    if names.is_empty() || !inquiry.served_as().is_empty() {
        return Ok(());
    }
    let others: Vec<&str> = names.into_iter().collect();
    Err(JudgingError::served_another(latest, &others))
}

/// Questions that may be asked of these models, each key once: the log has no reply to them, or
/// blank ones alone and not too many.
pub(crate) fn missing(inquiry: &dyn Inquiry, log: &VerdictLog, names: &[String]) -> Vec<usize> {
    let most = inquiry.most_blank();
    let is_missing = |number: &usize| {
        log.is_open(inquiry.keys().of(*number), most, |served| is_of(names, served))
    };
    inquiry.keys().first_of_each().into_iter().filter(is_missing).collect()
}

/// Whether a model is one of `names`.
pub(crate) fn is_of(names: &[String], served: &str) -> bool {
    names.iter().any(|name| name == served)
}

/// Money that counts against the largest cost: of the replies to the questions of this set, of
/// whatever model they are, and of those of the set that this one is a part of.
pub(crate) fn spent(inquiry: &dyn Inquiry, log: &VerdictLog) -> f64 {
    let of_line = |line: &LogLine| match inquiry.keys().with(&line.key) {
        Some(number) => charge(inquiry, number, line),
        None if inquiry.covers(line) => charge_alone(inquiry, line),
        None => 0.0,
    };
    log.lines().iter().map(of_line).sum()
}

/// What the log has of the replies of a set by these models; of a call, nothing.
pub(crate) fn replied(inquiry: &dyn Inquiry, log: &VerdictLog, served: &[String]) -> Replied {
    let replies = reply_costs(inquiry, log, served);
    let (blank_replies, blank) = blanks(inquiry, log, served);
    Replied {
        cost: JudgingCost::of(&replies),
        replies,
        blank_replies,
        blank,
        served: served.to_vec(),
        ..Replied::default()
    }
}

/// Tokens and money of each reply of a set, in the order of the questions.
fn reply_costs(inquiry: &dyn Inquiry, log: &VerdictLog, served: &[String]) -> Vec<ReplyCost> {
    let of_question = |number: usize| {
        log.replies(inquiry.keys().of(number), |name| is_of(served, name)).map(ReplyCost::of)
    };
    inquiry.keys().first_of_each().into_iter().flat_map(of_question).collect()
}

/// Number of blank replies, and of questions that have no other.
fn blanks(inquiry: &dyn Inquiry, log: &VerdictLog, served: &[String]) -> (usize, usize) {
    let of_question = |number: usize| {
        let (blank, filled): (Vec<bool>, Vec<bool>) = log
            .replies(inquiry.keys().of(number), |name| is_of(served, name))
            .map(|line| line.reply.is_blank())
            .partition(|is_blank| *is_blank);
        (blank.len(), usize::from(!blank.is_empty() && filled.is_empty()))
    };
    let add = |sum: (usize, usize), one: (usize, usize)| (sum.0 + one.0, sum.1 + one.1);
    inquiry.keys().first_of_each().into_iter().map(of_question).fold((0, 0), add)
}
