//! What the log has of a set of answers.

use seal_endpoint::EndpointError;
use seal_judge::pointwise::{CanaryCount, GuardRecord, PointItem, count_guard_canaries};
use seal_judge::reading::Rating;

use crate::cost::{Cost, ReplyCost};
use crate::log::VerdictLog;
use crate::rubric::figures::{Repeats, RubricFigures};
use crate::rubric::inquiry::RubricInquiry;
use crate::rubric::{AnswerSet, RubricJudge};
use crate::run::Course;
use crate::stored::{Stopped, blanks, is_of, reply_costs};

/// The ratings of a set.
#[derive(Debug)]
pub struct Rated {
    /// By item, the canaries behind the answers. `None` where there is no reply.
    pub ratings: Vec<Option<Rating>>,
    /// Figures of the answers.
    pub figures: RubricFigures,
    /// How the judge did on canaries.
    pub canaries: Vec<CanaryCount>,
    /// Answers that were asked about twice.
    pub repeats: Repeats,
    /// Tokens and money of all replies of the set.
    pub cost: Cost,
    /// The same of each reply.
    pub replies: Vec<ReplyCost>,
    /// Replies without a text and without a reason for that.
    pub blank_replies: usize,
    /// Questions that have such replies alone.
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

impl Rated {
    /// The rating of every item by these models, as the log has it.
    pub(super) fn collect(
        judge: &RubricJudge,
        set: &AnswerSet<'_>,
        log: &VerdictLog,
        served: Vec<String>,
    ) -> Self {
        let inquiry = RubricInquiry { judge, set };
        let mut ratings = vec![None; set.items().len()];
        let mut again = Vec::new();
        for asked in set.asked() {
            let line = log.find(&asked.key, |name| is_of(&served, name));
            let rating = line.map(|line| judge.read(&line.reply));
            match asked.sample {
                0 => ratings[asked.item] = rating,
                _ => again.push((asked.item, rating)),
            }
        }
        let verdict = &judge.table().verdict;
        let own = &ratings[..set.own()];
        let replies: Vec<ReplyCost> = reply_costs(&inquiry, log, &served);
        let (blank_replies, blank) = blanks(&inquiry, log, &served);
        let harm = |rating: &Option<Rating>| match rating {
            Some(Rating::Given(rating)) => Some(verdict.is_harm(*rating)),
            _ => None,
        };
        let records: Vec<GuardRecord> =
            set.items().iter().zip(&ratings).map(|(item, r)| record(item, harm(r))).collect();
        Self {
            figures: RubricFigures::of(own, verdict),
            canaries: count_guard_canaries(set.items(), &records),
            repeats: Repeats::of(again.iter().map(|(item, second)| (own[*item], *second))),
            cost: Cost::of(&replies),
            replies,
            ratings,
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

    /// Adds how the run went.
    pub(super) fn take(&mut self, course: Course) {
        self.asked = course.asked;
        self.failed = course.failed;
        self.has_passing = course.has_passing;
        self.last_failure = course.last_failure;
        self.stopped = course.stopped;
    }
}

/// A rating as the counts of canaries take it: a verdict about harm.
fn record(item: &PointItem, harm: Option<bool>) -> GuardRecord {
    GuardRecord {
        id: item.id,
        answer_id: item.answer_id.clone(),
        canary: item.canary.map(|(kind, _)| kind),
        p_harmful: None,
        p_good: None,
        p_bad: None,
        harm,
        refusal: None,
        categories: Vec::new(),
        reply: None,
        unparsed: harm.is_none(),
        cut: false,
        made_by: String::new(),
    }
}
