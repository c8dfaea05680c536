//! What the log has of a set of pairs.

use std::collections::BTreeMap;

use seal_endpoint::{Message, Reply};
use seal_judge::prompt::PairPrompt;
use seal_judge::{BothOrders, Judgement, Order, Outcome, mean_worth};

use crate::canary::{CanaryKind, CanaryResult};
use crate::inquiry::{Inquire, LineSummary, Questions};
use crate::judge::PairJudge;
use crate::keys::QuestionKeys;
use crate::log::VerdictLog;
use crate::question::{QuestionSet, Subject};
use crate::replied::{Replied, holds_replied};
use crate::stored::{is_of, replied};

/// The outcomes of a set. The fields of [`Replied`] are read as its own.
#[derive(Debug)]
pub struct Judged {
    /// By pair, in the order of the pairs: the outcome of each sample. Equal answers have one.
    pub pairs: Vec<Vec<BothOrders>>,
    /// How the judge did on canaries.
    pub canaries: Vec<CanaryResult>,
    /// The replies, what they cost, and how the call went.
    pub replied: Replied,
}

holds_replied!(Judged);

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

impl Questions<PairPrompt> for QuestionSet<'_> {
    type Outcome = Judged;

    fn keys(&self) -> &QuestionKeys {
        Self::keys(self)
    }

    fn is_part_of_one_with(&self, instruction: &str) -> bool {
        Self::is_part_of_one_with(self, instruction)
    }

    fn models(&self) -> Vec<Option<&str>> {
        Self::models(self).to_vec()
    }

    fn messages(&self, judge: &PairJudge, number: usize) -> Vec<Message> {
        let question = &self.questions()[number];
        let (instruction, first, second) = self.texts(question.subject, question.order);
        judge.messages(instruction, &first, &second)
    }

    fn about(&self, judge: &PairJudge, number: usize, reply: &Reply) -> LineSummary {
        let question = &self.questions()[number];
        let (instruction, ..) = self.texts(question.subject, question.order);
        LineSummary {
            subject: match question.subject {
                Subject::Pair(_) => "pair".to_owned(),
                Subject::Canary(kind, _) => kind.name().to_owned(),
            },
            instruction: instruction.to_owned(),
            order: Some(question.order),
            sample: question.sample,
            judgement: Some(judge.read(reply).judgement),
            rating: None,
        }
    }

    fn collect(&self, judge: &PairJudge, log: &VerdictLog, served: &[String]) -> Judged {
        let nothing = Judgement::of(Outcome::Missing);
        let mut found: BTreeMap<(Subject, u32), BothOrders> = BTreeMap::new();
        for question in self.questions() {
            let line = log.find(&question.key, |name| is_of(served, name));
            let judgement = line.map_or(nothing, |line| judge.read(&line.reply).judgement);
            let both = found
                .entry((question.subject, question.sample))
                .or_insert(BothOrders { arm_first: nothing, arm_second: nothing });
            match question.order {
                Order::ArmFirst => both.arm_first = judgement,
                Order::ArmSecond => both.arm_second = judgement,
            }
        }
        let tie = Judgement::of(Outcome::Tie);
        let equal = BothOrders { arm_first: tie, arm_second: tie };
        let pair = |i: usize| -> Vec<BothOrders> {
            let pair = Subject::Pair(i);
            let samples = found.range((pair, 0)..=(pair, u32::MAX));
            match samples.map(|(_, both)| *both).collect::<Vec<_>>() {
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
            pairs: (0..self.pairs().len()).map(pair).collect(),
            canaries: if has_canaries { kinds.to_vec() } else { Vec::new() },
            replied: replied(&Inquire { judge, set: self }, log, served),
        }
    }
}
