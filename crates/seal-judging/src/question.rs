//! The questions that judge a set of pairs.

use std::borrow::Cow;
use std::collections::BTreeSet;

use seal_judge::Order;

use crate::canary::CanaryKind;
use crate::error::JudgingError;
use crate::identity::instruction_id;
use crate::judge::PairJudge;
use crate::keys::QuestionKeys;
use crate::pairs::{Pair, PairSet};

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The pair of this number.
    Pair(usize),
    /// A canary against the reference's answer of the pair of this number.
    Canary(CanaryKind, usize),
}

/// One question: two answers in one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What it is about.
    pub subject: Subject,
    /// Which answer is shown first.
    pub order: Order,
    /// Number of the sample, from 0. A canary has one.
    pub sample: u32,
    /// SHA-256 of all that the reply depends on, in hexadecimal digits.
    pub key: String,
}

/// Every question of a set, pairs first.
#[derive(Clone, Debug)]
pub struct QuestionSet<'a> {
    pairs: &'a [Pair],
    models: [Option<&'a str>; 2],
    questions: Vec<Question>,
    keys: QuestionKeys,
    /// Ids of the instructions of the set that this one is a part of.
    whole: BTreeSet<String>,
}

impl<'a> QuestionSet<'a> {
    /// The questions of `judge` on a set of pairs. A pair of equal answers has none: it ties.
    ///
    /// # Errors
    /// A question that cannot be written as JSON.
    pub fn new(judge: &PairJudge, set: &'a PairSet) -> Result<Self, JudgingError> {
        let pairs = &set.pairs;
        let mut subjects: Vec<Subject> = (0..pairs.len())
            .filter(|i| pairs[*i].arm != pairs[*i].reference)
            .map(Subject::Pair)
            .collect();
        // A canary against an empty answer says nothing.
        let filled = (0..pairs.len()).filter(|i| !pairs[*i].reference.trim().is_empty());
        for pair in filled.take(judge.table().canaries) {
            subjects.extend(CanaryKind::ALL.map(|kind| Subject::Canary(kind, pair)));
        }
        let models = [set.arm.as_deref(), set.reference.as_deref()];
        let mut new = Self {
            pairs,
            models,
            questions: Vec::new(),
            keys: QuestionKeys::default(),
            whole: BTreeSet::new(),
        };
        let samples = |subject: &Subject| match subject {
            Subject::Pair(_) => judge.table().samples,
            Subject::Canary(..) => 1,
        };
        let sampled = subjects
            .into_iter()
            .flat_map(|subject| (0..samples(&subject)).map(move |sample| (subject, sample)));
        for (subject, sample) in sampled {
            for order in Order::BOTH {
                let (instruction, first, second) = new.texts(subject, order);
                let key = judge.key(instruction, &first, &second, sample)?;
                // Both orders of a copy are the same question.
                new.keys.push(key.clone());
                new.questions.push(Question { subject, order, sample, key });
            }
        }
        Ok(new)
    }

    /// The same questions as a part of a larger set, whose other parts ask about other answers to
    /// these instructions. All replies to them count against the largest cost, and all are by one
    /// model.
    pub fn as_part_of<'b>(mut self, instructions: impl IntoIterator<Item = &'b str>) -> Self {
        self.whole = instructions.into_iter().map(instruction_id).collect();
        self
    }

    /// The questions. Two of them may have one key; it is asked once.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// The number of the first question with each key, in the order of the questions.
    pub fn first_of_each_key(&self) -> Vec<usize> {
        self.keys.first_of_each()
    }

    /// Number of the first question with a key.
    pub fn with_key(&self, key: &str) -> Option<usize> {
        self.keys.with(key)
    }

    pub(crate) fn keys(&self) -> &QuestionKeys {
        &self.keys
    }

    /// Whether the set is a part of one that asks about this instruction, by its id.
    pub(crate) fn is_part_of_one_with(&self, instruction: &str) -> bool {
        self.whole.contains(instruction)
    }

    /// The pairs.
    pub fn pairs(&self) -> &'a [Pair] {
        self.pairs
    }

    /// Names of the models whose answers are judged, where their files have them.
    pub fn models(&self) -> [Option<&'a str>; 2] {
        self.models
    }

    /// Instruction, and the answers shown first and second.
    pub(crate) fn texts(
        &self,
        subject: Subject,
        order: Order,
    ) -> (&'a str, Cow<'a, str>, Cow<'a, str>) {
        let (pair, arm) = match subject {
            Subject::Pair(i) => (&self.pairs[i], Cow::Borrowed(self.pairs[i].arm.as_str())),
            Subject::Canary(kind, i) => {
                (&self.pairs[i], Cow::Owned(kind.answer(&self.pairs[i].reference)))
            }
        };
        let reference = Cow::Borrowed(pair.reference.as_str());
        match order {
            Order::ArmFirst => (pair.instruction.as_str(), arm, reference),
            Order::ArmSecond => (pair.instruction.as_str(), reference, arm),
        }
    }
}
