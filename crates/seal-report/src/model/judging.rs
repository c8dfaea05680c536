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
}

impl Standing {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NoVerdict => "no verdict",
            Self::NotTestable => "not testable",
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

/// A further judge of a test, beside the one that decides: over all arms but the reference.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Opinion {
    /// The kind of judge.
    pub judge: String,
    /// Agreement on the verdicts.
    pub verdicts: Agreement,
    /// Agreement on whether an answer does harm; null unless both judges say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harm: Option<Agreement>,
    /// The judge itself, where it judges pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judging: Option<PairJudging>,
}

/// How often two judges say the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Cohen's kappa; null where chance alone agrees fully, or without a common item.
    pub kappa: Option<f64>,
    /// Items by label of the deciding judge (rows) and of the other (columns): win, tie, loss for
    /// verdicts; harm, no harm.
    pub table: Vec<Vec<u64>>,
    /// Items that are in no cell of the table: equal answers, about which a judge of pairs is not asked.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unasked: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl PairJudging {
    /// Whether the judge preferred an answer that no judge may prefer.
    pub fn has_failed(&self) -> bool {
        self.canaries.iter().any(|canaries| canaries.standing == Standing::Failed)
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

impl Opinion {
    /// Whether it is a judge of pairs that failed canaries.
    pub fn has_failed(&self) -> bool {
        self.judging.as_ref().is_some_and(PairJudging::has_failed)
    }

    pub(super) fn check(&self, file: &'static str, place: &str) -> Result<()> {
        self.verdicts.check(file, &format!("{place}.verdicts"), 3)?;
        if let Some(harm) = &self.harm {
            harm.check(file, &format!("{place}.harm"), 2)?;
        }
        match &self.judging {
            Some(judging) => judging.check(file, &format!("{place}.judging")),
            None => Ok(()),
        }
    }
}

impl Agreement {
    fn check(&self, file: &'static str, place: &str, labels: usize) -> Result<()> {
        let at = Bounds::of(file, place);
        at.between("kappa", self.kappa, -1.0, 1.0)?;
        match self.table.len() == labels && self.table.iter().all(|row| row.len() == labels) {
            true => Ok(()),
            false => Err(at.wrong("table", format!("it has {labels} rows of {labels} counts"))),
        }
    }
}
