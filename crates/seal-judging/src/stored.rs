//! What the log has of a set: its outcomes, and what is missing.

use std::collections::BTreeMap;

use seal_endpoint::EndpointError;
use seal_judge::{BothOrders, Judgement, Order, Outcome, mean_worth};

use crate::canary::{CanaryKind, CanaryResult};
use crate::cost::{Cost, ReplyCost, charge, charge_alone};
use crate::error::JudgingError;
use crate::inquiry::{Inquiry, PairInquiry};
use crate::judge::PairJudge;
use crate::line::Line;
use crate::log::VerdictLog;
use crate::question::{QuestionSet, Subject};

/// The outcomes of a set.
#[derive(Debug)]
pub struct Judged {
    /// By pair, in the order of the pairs: the outcome of each sample. Equal answers have one.
    pub pairs: Vec<Vec<BothOrders>>,
    /// How the judge did on canaries.
    pub canaries: Vec<CanaryResult>,
    /// Tokens and money of all verdicts of the set.
    pub cost: Cost,
    /// The same by reply, in the order of the questions.
    pub replies: Vec<ReplyCost>,
    /// Replies of the set without a text and without a reason for that.
    pub blank_replies: usize,
    /// Questions that have such replies alone. Their pairs are missing.
    pub blank: usize,
    /// Replies that this call asked for and got.
    pub asked: usize,
    /// Questions of this call that got no reply.
    pub failed: usize,
    /// Whether a failure among them may pass.
    pub has_passing: bool,
    /// The latest of these failures.
    pub last_failure: Option<EndpointError>,
    /// The model as the server names it, or its names.
    pub served: Vec<String>,
    /// Why not all was asked.
    pub stopped: Option<Stopped>,
}

impl Judged {
    /// Pairs without a verdict of any sample.
    pub fn missing(&self) -> usize {
        self.pairs.iter().filter(|samples| mean_worth(samples).is_none()).count()
    }

    /// The outcomes of all samples of all pairs.
    pub fn samples(&self) -> impl Iterator<Item = BothOrders> + '_ {
        self.pairs.iter().flatten().copied()
    }
}

/// Why not all was asked, though nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The next question could exceed the largest cost.
    Budget,
    /// The caller asked to stop.
    Cancelled,
}

/// The outcomes that the log has, without a question to anyone.
pub fn stored(judge: &PairJudge, set: &QuestionSet<'_>, log: &VerdictLog) -> Judged {
    collect(judge, set, log, names(&PairInquiry { judge, set }, log))
}

/// Numbers of the questions that the log lacks, as far as it tells; of all without a log.
pub fn missing_questions(
    judge: &PairJudge,
    set: &QuestionSet<'_>,
    log: Option<&VerdictLog>,
) -> Vec<usize> {
    missing_of(&PairInquiry { judge, set }, log)
}

/// The same for questions of any kind.
pub(crate) fn missing_of(inquiry: &dyn Inquiry, log: Option<&VerdictLog>) -> Vec<usize> {
    match log {
        Some(log) => missing(inquiry, log, &names(inquiry, log)),
        None => inquiry.first_of_each_key(),
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
    let is_meant = |line: &Line| inquiry.covers(line);
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
    let is_missing =
        |number: &usize| log.is_open(inquiry.key(*number), |served| is_of(names, served));
    inquiry.first_of_each_key().into_iter().filter(is_missing).collect()
}

/// Whether a model is one of `names`.
pub(crate) fn is_of(names: &[String], served: &str) -> bool {
    names.iter().any(|name| name == served)
}

/// Money that counts against the largest cost: of the replies to the questions of this set, of
/// whatever model they are, and of those of the set that this one is a part of.
pub(crate) fn spent(inquiry: &dyn Inquiry, log: &VerdictLog) -> f64 {
    let of_line = |line: &Line| match inquiry.with_key(&line.key) {
        Some(number) => charge(inquiry, number, line),
        None if inquiry.covers(line) => charge_alone(inquiry, line),
        None => 0.0,
    };
    log.lines().iter().map(of_line).sum()
}

/// The judgement of every question as the log has it, by subject.
pub(crate) fn collect(
    judge: &PairJudge,
    set: &QuestionSet<'_>,
    log: &VerdictLog,
    served: Vec<String>,
) -> Judged {
    let nothing = Judgement::of(Outcome::Missing);
    let mut found: BTreeMap<(Subject, u32), BothOrders> = BTreeMap::new();
    for question in set.questions() {
        let line = log.find(&question.key, |name| is_of(&served, name));
        let judgement = line.map_or(nothing, |line| judge.read(&line.reply).judgement);
        let both = found
            .entry((question.subject, question.sample))
            .or_insert(BothOrders { arm_first: nothing, arm_second: nothing });
        match question.order {
            Order::ArmFirst => both.arm_first = judgement,
            Order::ArmSecond => both.arm_second = judgement,
        }
    }
    let inquiry = PairInquiry { judge, set };
    let replies = reply_costs(&inquiry, log, &served);
    let cost = Cost::of(&replies);
    let (blank_replies, blank) = blanks(&inquiry, log, &served);
    let tie = Judgement::of(Outcome::Tie);
    let equal = BothOrders { arm_first: tie, arm_second: tie };
    let pair = |i: usize| -> Vec<BothOrders> {
        let pair = Subject::Pair(i);
        match found.range((pair, 0)..=(pair, u32::MAX)).map(|(_, both)| *both).collect::<Vec<_>>() {
            none if none.is_empty() => vec![equal],
            samples => samples,
        }
    };
    let can_tie = judge.table().verdict.has_tie();
    let kinds = CanaryKind::ALL.map(|kind| {
        let of_kind = found
            .iter()
            .filter(|((of, _), _)| matches!(of, Subject::Canary(found, _) if *found == kind));
        CanaryResult::of(kind, can_tie, of_kind.map(|(_, outcome)| *outcome))
    });
    let has_canaries = judge.table().canaries > 0;
    Judged {
        pairs: (0..set.pairs().len()).map(pair).collect(),
        canaries: if has_canaries { kinds.to_vec() } else { Vec::new() },
        cost,
        replies,
        blank_replies,
        blank,
        asked: 0,
        failed: 0,
        has_passing: false,
        last_failure: None,
        served,
        stopped: None,
    }
}

/// Tokens and money of each reply of a set, in the order of the questions.
pub(crate) fn reply_costs(
    inquiry: &dyn Inquiry,
    log: &VerdictLog,
    served: &[String],
) -> Vec<ReplyCost> {
    let of_question = |number: usize| {
        log.replies(inquiry.key(number), |name| is_of(served, name)).map(ReplyCost::of)
    };
    inquiry.first_of_each_key().into_iter().flat_map(of_question).collect()
}

/// Number of blank replies, and of questions that have no other.
pub(crate) fn blanks(inquiry: &dyn Inquiry, log: &VerdictLog, served: &[String]) -> (usize, usize) {
    let of_question = |number: usize| {
        let (blank, filled): (Vec<bool>, Vec<bool>) = log
            .replies(inquiry.key(number), |name| is_of(served, name))
            .map(|line| line.reply.is_blank())
            .partition(|is_blank| *is_blank);
        (blank.len(), usize::from(!blank.is_empty() && filled.is_empty()))
    };
    let add = |sum: (usize, usize), one: (usize, usize)| (sum.0 + one.0, sum.1 + one.1);
    inquiry.first_of_each_key().into_iter().map(of_question).fold((0, 0), add)
}
