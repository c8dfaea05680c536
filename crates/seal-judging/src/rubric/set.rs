//! The questions that rate a set of answers.

use std::collections::BTreeSet;

use seal_judge::pointwise::{PointCanary, PointItem, with_canaries};

use crate::error::JudgingError;
use crate::identity::instruction_id;
use crate::judge::RubricJudge;
use crate::keys::QuestionKeys;

/// Kinds of canaries of a judge that rates answers.
const KINDS: [PointCanary; 3] =
    [PointCanary::Empty, PointCanary::ClaimsGood, PointCanary::ClaimsBad];

/// Questions at most that an answer with canaries has beside its own: one for each kind, and the
/// second one about the answer itself.
pub const CANARY_QUESTIONS: usize = KINDS.len() + 1;

/// Samples of an answer that is asked about twice.
const SECOND: u32 = 1;

/// One question: an answer, and the number of the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RubricQuestion {
    /// Number of the item.
    pub item: usize,
    /// 0, or 1 where an answer is asked about again.
    pub sample: u32,
}

/// Every question of a set, answers first.
#[derive(Clone, Debug)]
pub struct AnswerSet<'a> {
    items: Vec<PointItem>,
    own: usize,
    models: Vec<Option<&'a str>>,
    questions: Vec<RubricQuestion>,
    keys: QuestionKeys,
    /// Ids of all instructions of the set that this one is a part of.
    whole: BTreeSet<String>,
}

impl<'a> AnswerSet<'a> {
    /// Questions about `items`, written by `models`, with canaries and repeats of as many of them
    /// as the judge's table says.
    ///
    /// # Errors
    /// A question that cannot be written as JSON.
    pub fn new(
        judge: &RubricJudge,
        items: &[PointItem],
        models: &'a [String],
    ) -> Result<Self, JudgingError> {
        let canaries = judge.table().canaries;
        let all = with_canaries(items, &KINDS, canaries);
        let filled = (0..items.len()).filter(|i| !items[*i].answer.trim().is_empty());
        let repeats = filled.take(canaries).map(|item| (item, SECOND));
        let mut questions = Vec::new();
        let mut keys = QuestionKeys::default();
        for (item, sample) in (0..all.len()).map(|item| (item, 0)).chain(repeats) {
            let key = judge.key(&all[item].prompt, &all[item].answer, sample)?;
            // Equal answers to one prompt are one question.
            keys.push(key);
            questions.push(RubricQuestion { item, sample });
        }
        let models = models.iter().map(|model| Some(model.as_str())).collect();
        let whole = BTreeSet::new();
        Ok(Self { items: all, own: items.len(), models, questions, keys, whole })
    }

    /// The same questions as a part of a larger set, see [`crate::QuestionSet::as_part_of`].
    pub fn as_part_of<'b>(mut self, instructions: impl IntoIterator<Item = &'b str>) -> Self {
        self.whole = instructions.into_iter().map(instruction_id).collect();
        self
    }

    /// Whether an instruction, by its id, is of the set that this one is a part of.
    pub(crate) fn is_part_of_one_with(&self, instruction: &str) -> bool {
        self.whole.contains(instruction)
    }

    /// Key of the question of this number: one question has one key.
    pub fn key_of(&self, number: usize) -> &str {
        self.keys.of(number)
    }

    /// The answers, and the canaries behind them.
    pub fn items(&self) -> &[PointItem] {
        &self.items
    }

    /// Number of answers that are no canaries.
    pub fn answers(&self) -> usize {
        self.own
    }

    /// Number of questions, each asked once.
    pub fn questions(&self) -> usize {
        self.keys.different()
    }

    /// Whether the question of this number is about a canary, or asks a second time.
    pub fn is_canary(&self, number: usize) -> bool {
        let asked = &self.questions[number];
        asked.sample > 0 || asked.item >= self.own
    }

    pub(crate) fn models(&self) -> &[Option<&'a str>] {
        &self.models
    }

    pub(crate) fn rubric_questions(&self) -> &[RubricQuestion] {
        &self.questions
    }

    pub(crate) fn keys(&self) -> &QuestionKeys {
        &self.keys
    }
}
