//! Sets of questions, whatever these show: what a run, a batch and a sum of costs need to know.

use std::ops::DerefMut;

use seal_endpoint::{EndpointSettings, Message, Reply};
use seal_judge::{Judgement, Order};

use crate::error::JudgingError;
use crate::judge::AskedJudge;
use crate::judge_prompt::JudgePrompt;
use crate::keys::QuestionKeys;
use crate::line::LogLine;
use crate::log::VerdictLog;
use crate::replied::Replied;

/// Replies of a server to one question over the life of a log, where all are blank.
const MOST_BLANK: usize = 3;

/// A set of questions to judges with the prompt `P`.
pub trait Questions<P: JudgePrompt>: Sync {
    /// What the replies say of the set.
    type Outcome: DerefMut<Target = Replied>;

    /// The keys of the questions.
    fn keys(&self) -> &QuestionKeys;

    /// Whether the set is a part of one that asks about this instruction, by its id.
    fn is_part_of_one_with(&self, instruction: &str) -> bool;

    /// Names of the models whose answers are judged, where they are known.
    fn models(&self) -> Vec<Option<&str>>;

    /// The turns of a question.
    fn messages(&self, judge: &AskedJudge<P>, number: usize) -> Vec<Message>;

    /// A question, and what a reply to it says.
    fn about(&self, judge: &AskedJudge<P>, number: usize, reply: &Reply) -> LineSummary;

    /// What the log has of the set by these models.
    fn collect(&self, judge: &AskedJudge<P>, log: &VerdictLog, served: &[String]) -> Self::Outcome;
}

/// What a line tells people of its question and of its reply.
#[derive(Clone, Debug, PartialEq)]
pub struct LineSummary {
    /// `pair`, `answer`, or the name of a canary.
    pub subject: String,
    /// The request that was answered.
    pub instruction: String,
    /// Which of two answers was shown first.
    pub order: Option<Order>,
    /// Number of the sample.
    pub sample: u32,
    /// The judgement of two answers.
    pub judgement: Option<Judgement>,
    /// The rating of one answer, from 1 to 5.
    pub rating: Option<f64>,
}

/// A judge with its questions, whatever they are.
pub(crate) trait Inquiry: Sync {
    /// How the judge is asked.
    fn endpoint(&self) -> &EndpointSettings;

    /// Largest cost of the replies of the set.
    fn max_cost(&self) -> Option<f64>;

    /// Names that the server may give its model.
    fn served_as(&self) -> &[String];

    /// Replies to one question over the life of a log, where all are blank.
    fn most_blank(&self) -> usize;

    /// SHA-256 of the prompt's text.
    fn prompt(&self) -> &str;

    /// Refuses these names of the judge's model, by its server, where it wrote what it judges.
    ///
    /// # Errors
    /// [`JudgingError::SelfJudged`].
    fn refuse_served(&self, served: &[String]) -> Result<(), JudgingError>;

    /// The keys of the questions.
    fn keys(&self) -> &QuestionKeys;

    /// Whether a line is of this set, or of one that it is a part of.
    fn covers(&self, line: &LogLine) -> bool;

    /// The turns of a question.
    fn messages(&self, number: usize) -> Vec<Message>;

    /// A question, and what a reply to it says.
    fn about(&self, number: usize, reply: &Reply) -> LineSummary;
}

/// A judge with a set of questions.
pub(crate) struct Inquire<'a, P: JudgePrompt, S> {
    pub judge: &'a AskedJudge<P>,
    pub set: &'a S,
}

impl<P: JudgePrompt, S: Questions<P>> Inquiry for Inquire<'_, P, S> {
    fn endpoint(&self) -> &EndpointSettings {
        self.judge.endpoint()
    }

    fn max_cost(&self) -> Option<f64> {
        self.judge.table().max_cost
    }

    fn served_as(&self) -> &[String] {
        &self.judge.table().served_as
    }

    fn most_blank(&self) -> usize {
        // A model on this machine takes the likeliest token each time, so its reply stays blank.
        if self.judge.table().model.is_some() { 1 } else { MOST_BLANK }
    }

    fn prompt(&self) -> &str {
        self.judge.prompt().sha256()
    }

    fn refuse_served(&self, served: &[String]) -> Result<(), JudgingError> {
        self.judge.refuse_served(served, &self.set.models())
    }

    fn keys(&self) -> &QuestionKeys {
        self.set.keys()
    }

    fn covers(&self, line: &LogLine) -> bool {
        self.keys().with(&line.key).is_some() || self.set.is_part_of_one_with(&line.instruction)
    }

    fn messages(&self, number: usize) -> Vec<Message> {
        self.set.messages(self.judge, number)
    }

    fn about(&self, number: usize, reply: &Reply) -> LineSummary {
        self.set.about(self.judge, number, reply)
    }
}
