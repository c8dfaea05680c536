//! A trunk with k scores: a reward model.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::layout::Layout;
use crate::trunk::Trunk;
use crate::{Linear, LmError};

/// A trunk whose head gives a row k scores, from the state of its last token
/// (Stiennon et al. 2020).
#[derive(Module, Debug)]
pub struct Scorer {
    /// What turns tokens into states.
    pub trunk: Trunk,
    /// `[D, k]`.
    pub score: Linear,
}

impl Scorer {
    /// `trunk` with the head `weight` `[D, k]`.
    ///
    /// # Panics
    /// If the head is of another width than the trunk.
    pub fn new(trunk: Trunk, weight: Tensor<2>) -> Self {
        assert_eq!(weight.dims()[0], trunk.plan().width, "the width of the trunk's states");
        Self { trunk, score: Linear::new("score", Param::from_tensor(weight), None) }
    }

    /// Scores `[B, k]` of rows of tokens.
    ///
    /// # Errors
    /// [`LmError::EmptyRow`] for a row without tokens, [`LmError::Token`] for a token
    /// outside the vocabulary.
    ///
    /// # Panics
    /// If there are no rows.
    pub fn scores(&self, rows: &[&[u32]]) -> Result<Tensor<2>, LmError> {
        if let Some(row) = rows.iter().position(|row| row.is_empty()) {
            return Err(LmError::EmptyRow { row });
        }
        self.trunk.check_tokens(rows.iter().copied().flatten().copied())?;
        let kernels = self.trunk.kernels();
        let layout = Layout::of_rows(rows, kernels.is_some());
        let states = self.trunk.forward(&layout, &self.trunk.position_pass(&layout, None));
        Ok(self.score.forward(states, None, "score", kernels))
    }
}
