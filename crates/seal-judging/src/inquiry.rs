//! What a run, a batch and a sum of costs need to know of questions, whatever these show.

use seal_endpoint::{EndpointSettings, Message, Reply};
use seal_judge::{Judgement, Order};

use crate::error::JudgingError;
use crate::judge::PairJudge;
use crate::line::Line;
use crate::question::{QuestionSet, Subject};

/// Questions to one judge, by their numbers.
pub(crate) trait Inquiry: Sync {
    /// Whom to ask.
    fn endpoint(&self) -> &EndpointSettings;

    /// Largest cost of the replies of the set.
    fn max_cost(&self) -> Option<f64>;

    /// Names that the server may give its model.
    fn served_as(&self) -> &[String];

    /// SHA-256 of the prompt's text.
    fn prompt(&self) -> &str;

    /// Refuses these names of the judge's model, by its server, where it wrote what it judges.
    ///
    /// # Errors
    /// [`JudgingError::SelfJudged`].
    fn refuse_served(&self, served: &[String]) -> Result<(), JudgingError>;

    /// Key of a question.
    fn key(&self, number: usize) -> &str;

    /// Number of the first question with a key.
    fn with_key(&self, key: &str) -> Option<usize>;

    /// Number of the first question with each key.
    fn first_of_each_key(&self) -> Vec<usize>;

    /// Whether a line is of this set, or of one that it is a part of.
    fn covers(&self, line: &Line) -> bool;

    /// The turns of a question.
    fn messages(&self, number: usize) -> Vec<Message>;

    /// A question, and what a reply to it says.
    fn about(&self, number: usize, reply: &Reply) -> About;
}

/// What a line tells people of its question and of its reply.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct About {
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

/// Questions about pairs.
#[derive(Clone, Copy)]
pub(crate) struct PairInquiry<'a> {
    pub judge: &'a PairJudge,
    pub set: &'a QuestionSet<'a>,
}

impl Inquiry for PairInquiry<'_> {
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
        self.judge.refuse_served(served, &self.set.models())
    }

    fn key(&self, number: usize) -> &str {
        &self.set.questions()[number].key
    }

    fn with_key(&self, key: &str) -> Option<usize> {
        self.set.with_key(key)
    }

    fn first_of_each_key(&self) -> Vec<usize> {
        self.set.first_of_each_key()
    }

    fn covers(&self, line: &Line) -> bool {
        self.set.covers(line)
    }

    fn messages(&self, number: usize) -> Vec<Message> {
        let question = &self.set.questions()[number];
        let (instruction, first, second) = self.set.texts(question.subject, question.order);
        self.judge.messages(instruction, &first, &second)
    }

    fn about(&self, number: usize, reply: &Reply) -> About {
        let question = &self.set.questions()[number];
        let (instruction, ..) = self.set.texts(question.subject, question.order);
        About {
            subject: match question.subject {
                Subject::Pair(_) => "pair".to_owned(),
                Subject::Canary(kind, _) => kind.name().to_owned(),
            },
            instruction: instruction.to_owned(),
            order: Some(question.order),
            sample: question.sample,
            judgement: Some(self.judge.read(reply).judgement),
            rating: None,
        }
    }
}
