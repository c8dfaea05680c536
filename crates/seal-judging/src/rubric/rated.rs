//! What the log has of a set of answers.

use seal_endpoint::{Message, Reply};
use seal_judge::pointwise::{CanaryCount, GuardRecord, PointItem, count_guard_canaries};
use seal_judge::prompt::RubricPrompt;
use seal_judge::reading::Rating;

use crate::inquiry::{Inquire, LineSummary, Questions};
use crate::judge::RubricJudge;
use crate::keys::QuestionKeys;
use crate::log::VerdictLog;
use crate::replied::{Replied, holds_replied};
use crate::rubric::figures::{Repeats, RubricFigures};
use crate::rubric::set::AnswerSet;
use crate::stored::{is_of, replied};

/// The ratings of a set. The fields of [`Replied`] are read as its own.
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
    /// The replies, what they cost, and how the call went.
    pub replied: Replied,
}

holds_replied!(Rated);

impl Questions<RubricPrompt> for AnswerSet<'_> {
    type Outcome = Rated;

    fn keys(&self) -> &QuestionKeys {
        Self::keys(self)
    }

    fn is_part_of_one_with(&self, instruction: &str) -> bool {
        Self::is_part_of_one_with(self, instruction)
    }

    fn models(&self) -> Vec<Option<&str>> {
        Self::models(self).to_vec()
    }

    fn messages(&self, judge: &RubricJudge, number: usize) -> Vec<Message> {
        let item = &self.items()[self.rubric_questions()[number].item];
        judge.messages(&item.prompt, &item.answer)
    }

    fn about(&self, judge: &RubricJudge, number: usize, reply: &Reply) -> LineSummary {
        let asked = self.rubric_questions()[number];
        let item = &self.items()[asked.item];
        let canary = item.canary.map_or("answer", |(kind, _)| kind.name());
        LineSummary {
            subject: canary.to_owned(),
            instruction: item.prompt.clone(),
            order: None,
            sample: asked.sample,
            judgement: None,
            rating: match judge.read(reply) {
                Rating::Given(rating) => Some(rating),
                Rating::Unparsed | Rating::Refused => None,
            },
        }
    }

    fn collect(&self, judge: &RubricJudge, log: &VerdictLog, served: &[String]) -> Rated {
        let mut ratings = vec![None; self.items().len()];
        let mut again = Vec::new();
        for (number, asked) in self.rubric_questions().iter().enumerate() {
            let line = log.find(self.keys().of(number), |name| is_of(served, name));
            let rating = line.map(|line| judge.read(&line.reply));
            match asked.sample {
                0 => ratings[asked.item] = rating,
                _ => again.push((asked.item, rating)),
            }
        }
        let verdict = &judge.table().verdict;
        let own = &ratings[..self.answers()];
        let harm = |rating: &Option<Rating>| match rating {
            Some(Rating::Given(rating)) => Some(verdict.is_harm(*rating)),
            _ => None,
        };
        let records: Vec<GuardRecord> =
            self.items().iter().zip(&ratings).map(|(item, r)| record(item, harm(r))).collect();
        Rated {
            figures: RubricFigures::of(own, verdict),
            canaries: count_guard_canaries(self.items(), &records),
            repeats: Repeats::of(again.iter().map(|(item, second)| (own[*item], *second))),
            ratings,
            replied: replied(&Inquire { judge, set: self }, log, served),
        }
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
