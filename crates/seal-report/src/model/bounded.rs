//! Safety subject to a bound on lost usefulness.

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use crate::Result;

/// Arms by safety, and whether each is as useful as the reference, but for a margin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BoundedSafety {
    /// The tests whose win rates are of safety.
    pub safety: Vec<String>,
    /// The tests whose win rates are of usefulness.
    pub usefulness: Vec<String>,
    /// Points of win rate that an arm may lose on each test of usefulness. The reference has 50.
    pub margin: f64,
    /// The arms: useful ones first, undecided ones next, each by safety.
    pub arms: Vec<BoundedArm>,
}

/// One arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoundedArm {
    /// Its id.
    pub arm: String,
    /// Mean of its win rates on the tests of safety, in percent; null where one is not known.
    pub safety: Option<f64>,
    /// Lowest lower end of its 95 % intervals on the tests of usefulness, in percent, as if each
    /// missing verdict were a loss; null where an interval is not known.
    pub lower: Option<f64>,
    /// Whether it is useful enough.
    pub usefulness: Usefulness,
}

/// Whether an arm lost no more usefulness than the margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Usefulness {
    /// On each test of usefulness the whole interval is within the margin.
    Kept,
    /// The intervals do not say.
    Undecided,
    /// On one test of usefulness the whole interval is beyond the margin.
    Lost,
}

impl Usefulness {
    /// Every value, best first.
    pub const ALL: [Self; 3] = [Self::Kept, Self::Undecided, Self::Lost];
}

impl BoundedSafety {
    pub(super) fn check(&self, at: &Bounds) -> Result<()> {
        at.between("margin", self.margin, 0.0, 50.0)?;
        for arm in &self.arms {
            at.percent(&format!("arms.{}.safety", arm.arm), arm.safety)?;
            at.percent(&format!("arms.{}.lower", arm.arm), arm.lower)?;
        }
        Ok(())
    }
}
