//! Further judges of a test, and whether they agree with the one that decides.

use serde::{Deserialize, Serialize};

use super::answer_judging::AnswerJudging;
use super::bounds::Bounds;
use super::judging::PairJudging;
use crate::Result;

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
    /// The judge itself, where it is a model that judges answers one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessing: Option<AnswerJudging>,
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

impl Opinion {
    /// Whether it is a judge that failed canaries.
    pub fn has_failed(&self) -> bool {
        self.judging.as_ref().is_some_and(PairJudging::has_failed)
            || self.assessing.as_ref().is_some_and(AnswerJudging::has_failed)
    }

    pub(super) fn check(&self, file: &'static str, place: &str) -> Result<()> {
        self.verdicts.check(file, &format!("{place}.verdicts"), 3)?;
        if let Some(harm) = &self.harm {
            harm.check(file, &format!("{place}.harm"), 2)?;
        }
        if let Some(judging) = &self.judging {
            judging.check(file, &format!("{place}.judging"))?;
        }
        match &self.assessing {
            Some(judging) => judging.check(file, &format!("{place}.assessing")),
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
