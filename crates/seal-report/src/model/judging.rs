//! What is known of judges beside their verdicts: canaries, flips, cost, agreement.

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use crate::Result;

/// A judge of pairs on one test, over all arms and seeds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PairJudging {
    /// The judge's model as its server names it; several names that count as one judge.
    pub models: Vec<String>,
    /// SHA-256 of its prompt.
    pub prompt: String,
    /// Pairs of answers.
    pub pairs: u64,
    /// Pairs of equal answers among them, which tie without a question.
    pub equal: u64,
    /// Pairs without a verdict.
    pub missing: u64,
    /// Share of the pairs with a verdict by the judge whose two orders name different winners. Equal
    /// pairs are not among them.
    pub flip_rate: Option<f64>,
    /// Share of decisive judgements that the first place won; 1/2 is no preference.
    pub first_slot_rate: Option<f64>,
    /// How the judge did on answers that no judge may prefer; empty where none were judged.
    #[serde(default)]
    pub canaries: Vec<Canaries>,
    /// Tokens and money of its replies, each question once.
    pub cost: JudgingCost,
}

/// How a judge did on the canaries of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canaries {
    /// The kind (`empty`, `constant`, `injection`, `injected-copy`, `copy`).
    pub kind: String,
    /// Canaries that won in both orders; of copies, those whose first place won.
    pub won: u64,
    /// Canaries that tied.
    pub tied: u64,
    /// Canaries that lost in both orders; of copies, those whose second place won.
    pub lost: u64,
    /// Canaries without a verdict.
    pub missing: u64,
    /// How the judge stands.
    pub standing: Standing,
}

/// How a judge stands on the canaries of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It preferred none.
    Passed,
    /// It preferred one.
    Failed,
    /// It said nothing of use.
    NoVerdict,
    /// It can give neither a tie nor a probability, so that no copy can tie.
    NotTestable,
    /// It was shown none.
    NotAsked,
}

impl Standing {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NoVerdict => "no verdict",
            Self::NotTestable => "not testable",
            Self::NotAsked => "not asked",
        }
    }
}

/// What the canaries of all kinds show of a judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It failed a canary.
    Failed,
    /// It failed none, and passed those of a kind.
    Passed,
    /// It was shown canaries, and no verdict on them tests it.
    Silent,
    /// It was shown no canary.
    NotAsked,
}

impl Proof {
    /// By the standings of all kinds.
    pub fn of(standings: impl IntoIterator<Item = Standing>) -> Self {
        standings.into_iter().fold(Self::NotAsked, |proof, standing| match (proof, standing) {
            (Self::Failed, _) | (_, Standing::Failed) => Self::Failed,
            (Self::Passed, _) | (_, Standing::Passed) => Self::Passed,
            (Self::Silent, _) | (_, Standing::NoVerdict | Standing::NotTestable) => Self::Silent,
            (Self::NotAsked, Standing::NotAsked) => Self::NotAsked,
        })
    }

    /// What is to be said of a judge's figures; `None` where nothing is against them.
    pub fn doubt(self) -> Option<&'static str> {
        match self {
            Self::Failed => Some("fails canaries; its figures are not to be trusted"),
            Self::Passed => None,
            Self::Silent => Some(
                "gave no verdict that tests it on canaries; nothing shows that its figures can be trusted",
            ),
            Self::NotAsked => {
                Some("was asked about no canary; nothing shows that its figures can be trusted")
            }
        }
    }
}

/// Tokens and money of a judge's replies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct JudgingCost {
    /// Replies.
    pub replies: u64,
    /// Tokens of prompts.
    pub input_tokens: u64,
    /// Tokens of replies.
    pub output_tokens: u64,
    /// Replies whose tokens are estimated, because the server counts none.
    pub estimated: u64,
    /// Money in the currency of the price; null where a reply has no price.
    pub money: Option<f64>,
}

/// The figures of one arm on a test that is judged by pairs, beside its win rate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PairFigures {
    /// Win rate at equal lengths of the answers, in percent, of the verdicts (1, 1/2, 0) that the win
    /// rate is of; null where lengths tell nothing.
    pub length_controlled: Option<f64>,
    /// As [`PairJudging::flip_rate`].
    pub flip_rate: Option<f64>,
    /// As [`PairJudging::first_slot_rate`].
    pub first_slot_rate: Option<f64>,
}

impl PairJudging {
    /// What its canaries show of it.
    pub fn proof(&self) -> Proof {
        Proof::of(self.canaries.iter().map(|canaries| canaries.standing))
    }

    /// Whether the judge preferred an answer that no judge may prefer.
    pub fn has_failed(&self) -> bool {
        self.proof() == Proof::Failed
    }

    pub(super) fn check(&self, file: &'static str, place: &str) -> Result<()> {
        let at = Bounds::of(file, place);
        at.share("flip_rate", self.flip_rate)?;
        at.share("first_slot_rate", self.first_slot_rate)?;
        at.positive("cost.money", self.cost.money)?;
        match self.equal.checked_add(self.missing) {
            Some(counted) if counted <= self.pairs => Ok(()),
            _ => Err(at.wrong("equal", format!("more than the {} pairs", self.pairs))),
        }
    }
}

impl PairFigures {
    pub(super) fn check(&self, file: &'static str, place: &str) -> Result<()> {
        let at = Bounds::of(file, place);
        at.percent("length_controlled", self.length_controlled)?;
        at.share("flip_rate", self.flip_rate)?;
        at.share("first_slot_rate", self.first_slot_rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_is_proved_by_a_canary_that_it_passed_and_by_nothing_else() {
        use Standing::{Failed, NoVerdict, NotAsked, NotTestable, Passed};
        for (standings, proof) in [
            (&[][..], Proof::NotAsked),
            (&[NotAsked, NotAsked], Proof::NotAsked),
            (&[NotAsked, NoVerdict], Proof::Silent),
            (&[NotTestable, NotAsked], Proof::Silent),
            (&[NoVerdict, Passed], Proof::Passed),
            (&[Passed, NotAsked], Proof::Passed),
            (&[Passed, Failed, NoVerdict], Proof::Failed),
        ] {
            assert_eq!(Proof::of(standings.iter().copied()), proof, "{standings:?}");
            assert_eq!(proof.doubt().is_none(), proof == Proof::Passed);
        }
        // An unasked judge is not called a silent one.
        assert_ne!(Proof::NotAsked.doubt(), Proof::Silent.doubt());
    }
}
