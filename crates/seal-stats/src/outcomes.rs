//! The matrix of verdicts that every win-rate statistic starts from.

use crate::{StatsError, mean, sum};

/// What a cell of [`Outcomes`] measures, and so the range that every estimate is clamped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Win 1, tie 0.5, loss 0 against a reference: values in [0, 1].
    Rate,
    /// The rate of one arm minus that of another, cell by cell: values in [-1, 1].
    Difference,
}

impl Scale {
    /// Least possible value.
    pub const fn lo(self) -> f64 {
        match self {
            Self::Rate => 0.0,
            Self::Difference => -1.0,
        }
    }

    /// Greatest possible value.
    pub const fn hi(self) -> f64 {
        1.0
    }

    /// The value of a tie.
    pub const fn tie(self) -> f64 {
        (self.lo() + self.hi()) / 2.0
    }
}

/// Outcomes of prompts (rows) by seeds (columns), row-major, one verdict a cell.
///
/// `None` is a missing verdict: refused by the judge, unparsed, or lost in transport. Every value
/// present is finite and within [`Scale::lo`] and [`Scale::hi`].
#[derive(Debug, Clone, PartialEq)]
pub struct Outcomes {
    scale: Scale,
    prompts: usize,
    seeds: usize,
    cells: Vec<Option<f64>>,
}

impl Outcomes {
    /// Win, tie and loss as 1, 0.5 and 0; `cells[prompt * seeds + seed]`.
    ///
    /// # Errors
    /// [`StatsError::Shape`] unless `cells.len() == prompts * seeds`, [`StatsError::Outcome`] for a
    /// value outside [0, 1].
    pub fn rates(
        prompts: usize,
        seeds: usize,
        cells: Vec<Option<f64>>,
    ) -> Result<Self, StatsError> {
        Self::new(Scale::Rate, prompts, seeds, cells)
    }

    /// Paired differences in [-1, 1]; `cells[prompt * seeds + seed]`. See also [`Outcomes::minus`].
    ///
    /// # Errors
    /// As for [`Outcomes::rates`], with the range [-1, 1].
    pub fn differences(
        prompts: usize,
        seeds: usize,
        cells: Vec<Option<f64>>,
    ) -> Result<Self, StatsError> {
        Self::new(Scale::Difference, prompts, seeds, cells)
    }

    fn new(
        scale: Scale,
        prompts: usize,
        seeds: usize,
        cells: Vec<Option<f64>>,
    ) -> Result<Self, StatsError> {
        if prompts.checked_mul(seeds) != Some(cells.len()) {
            return Err(StatsError::Shape { prompts, seeds, cells: cells.len() });
        }
        let (lo, hi) = (scale.lo(), scale.hi());
        for (index, value) in cells.iter().enumerate() {
            if let Some(value) = *value
                && !(lo..=hi).contains(&value)
            {
                let (prompt, seed) = (index / seeds, index % seeds);
                return Err(StatsError::Outcome { prompt, seed, value, lo, hi });
            }
        }
        Ok(Self { scale, prompts, seeds, cells })
    }

    /// Cell by cell `self - other`; a cell that either side lacks is missing.
    ///
    /// # Errors
    /// [`StatsError::Unpaired`] where the shapes differ, [`StatsError::Outcome`] where a difference of
    /// differences leaves [-1, 1].
    pub fn minus(&self, other: &Self) -> Result<Self, StatsError> {
        let (left, right) = ((self.prompts, self.seeds), (other.prompts, other.seeds));
        if left != right {
            return Err(StatsError::Unpaired { left, right });
        }
        let cells =
            std::iter::zip(&self.cells, &other.cells).map(|(a, b)| Some((*a)? - (*b)?)).collect();
        Self::differences(self.prompts, self.seeds, cells)
    }

    /// The outcomes of one seed, prompts by 1.
    ///
    /// # Errors
    /// [`StatsError::NoSuchSeed`] where there are not that many seeds.
    pub fn seed(&self, seed: usize) -> Result<Self, StatsError> {
        if seed >= self.seeds {
            return Err(StatsError::NoSuchSeed { seed, seeds: self.seeds });
        }
        let cells = self.cells.iter().skip(seed).step_by(self.seeds).copied().collect();
        Ok(Self { scale: self.scale, prompts: self.prompts, seeds: 1, cells })
    }

    /// What a cell measures.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Number of rows.
    pub fn prompts(&self) -> usize {
        self.prompts
    }

    /// Number of columns.
    pub fn seeds(&self) -> usize {
        self.seeds
    }

    /// All cells, row-major.
    pub fn cells(&self) -> &[Option<f64>] {
        &self.cells
    }

    /// One row of cells per prompt, in order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[Option<f64>]> {
        // A matrix without columns has no cells, hence no rows to visit.
        self.cells.chunks_exact(self.seeds.max(1))
    }

    /// Each prompt's mean over its seeds that have a verdict; prompts without any are left out.
    pub fn prompt_means(&self) -> Vec<f64> {
        self.rows().filter_map(row_mean).collect()
    }

    /// Mean over prompts of the prompt's mean over seeds, or `None` where every verdict is missing.
    ///
    /// A prompt counts once however many of its verdicts are missing, because the prompt is the unit
    /// that the intervals resample.
    pub fn mean(&self) -> Option<f64> {
        mean(&self.prompt_means())
    }
}

/// Mean of the verdicts that a prompt has.
fn row_mean(row: &[Option<f64>]) -> Option<f64> {
    let verdicts = row.iter().flatten();
    let count = verdicts.clone().count();
    (count > 0).then(|| sum(verdicts.copied()) / count as f64)
}
