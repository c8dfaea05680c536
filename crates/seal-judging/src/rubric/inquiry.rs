//! Ratings as what a run, a batch and a sum of costs know.

use seal_endpoint::{EndpointSettings, Message, Reply};
use seal_judge::reading::Rating;

use crate::error::JudgingError;
use crate::inquiry::{About, Inquiry};
use crate::line::Line;
use crate::means::refuse_own;
use crate::rubric::{AnswerSet, RubricJudge};

/// Questions about single answers.
#[derive(Clone, Copy)]
pub(crate) struct RubricInquiry<'a> {
    pub judge: &'a RubricJudge,
    pub set: &'a AnswerSet<'a>,
}

impl Inquiry for RubricInquiry<'_> {
    fn endpoint(&self) -> &EndpointSettings {
        self.judge.endpoint()
    }

    fn max_cost(&self) -> Option<f64> {
        self.judge.table().max_cost
    }

    fn served_as(&self) -> &[String] {
        &self.judge.table().served_as
    }

    fn prompt(&self) -> &str {
        self.judge.prompt().sha256()
    }

    fn refuse_served(&self, served: &[String]) -> Result<(), JudgingError> {
        refuse_own(served, self.set.models(), self.judge.table().allow_self)
    }

    fn key(&self, number: usize) -> &str {
        &self.set.asked()[number].key
    }

    fn with_key(&self, key: &str) -> Option<usize> {
        self.set.with_key(key)
    }

    fn first_of_each_key(&self) -> Vec<usize> {
        let is_first = |number: &usize| self.set.with_key(self.key(*number)) == Some(*number);
        (0..self.set.asked().len()).filter(is_first).collect()
    }

    fn covers(&self, line: &Line) -> bool {
        self.set.covers(line)
    }

    fn messages(&self, number: usize) -> Vec<Message> {
        let item = &self.set.items()[self.set.asked()[number].item];
        self.judge.messages(&item.prompt, &item.answer)
    }

    fn about(&self, number: usize, reply: &Reply) -> About {
        let asked = &self.set.asked()[number];
        let item = &self.set.items()[asked.item];
        let canary = item.canary.map_or("answer", |(kind, _)| kind.name());
        About {
            subject: canary.to_owned(),
            instruction: item.prompt.clone(),
            order: None,
            sample: asked.sample,
            judgement: None,
            rating: match self.judge.read(reply) {
                Rating::Given(rating) => Some(rating),
                Rating::Unparsed | Rating::Refused => None,
            },
        }
    }
}
