//! A trunk with k scores: a reward model.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::last_states::of_last_states;
use crate::layout::Layout;
use crate::trunk::Trunk;
use crate::{Linear, LmError};

/// A trunk whose head gives a row k scores, from the state of its last token
/// (Stiennon et al. 2020).
///
/// transformers reads the state at the last token that is not `pad_token_id` of `config.json`. Here
/// it is the last token of the row. The two differ for a row that ends in that token, such as one
/// that ends in the end of text where that is the pad token too:
/// [`Scorer::differs_in_transformers`].
#[derive(Module, Debug)]
pub struct Scorer {
    /// What turns tokens into states.
    pub trunk: Trunk,
    /// `[D, k]`.
    pub score: Linear,
    #[module(skip)]
    pad_token: Option<u32>,
}

impl Scorer {
    /// `trunk` with the head `weight` `[D, k]`.
    ///
    /// # Panics
    /// If the head is of another width than the trunk.
    pub fn new(trunk: Trunk, weight: Tensor<2>) -> Self {
        assert_eq!(weight.dims()[0], trunk.plan().width, "the width of the trunk's states");
        Self::of_parts(trunk, Linear::new("score", Param::from_tensor(weight), None), None)
    }

    pub(crate) fn of_parts(trunk: Trunk, score: Linear, pad_token: Option<u32>) -> Self {
        Self { trunk, score, pad_token }
    }

    /// The same weights, with states between the layers in f32, see
    /// [`crate::Lm::with_f32_states`].
    pub fn with_f32_states(mut self) -> Self {
        self.trunk = self.trunk.with_f32_states();
        self
    }

    /// The same weights, with passes taken from `ops`, see [`crate::Lm::with_ops`].
    pub fn with_ops(mut self, ops: crate::Ops) -> Self {
        self.trunk = match ops {
            crate::Ops::Fused => self.trunk.with_kernels(),
            crate::Ops::Composed => self.trunk.without_kernels(),
        };
        self
    }

    /// Number of scores of a row, k.
    pub fn labels(&self) -> usize {
        self.score.weight.val().dims()[1]
    }

    /// The token by which transformers finds the end of a row.
    pub fn pad_token(&self) -> Option<u32> {
        self.pad_token
    }

    /// Whether transformers reads the scores of `row` at an earlier token than its last one.
    pub fn differs_in_transformers(&self, row: &[u32]) -> bool {
        row.last().is_some_and(|last| self.pad_token == Some(*last))
    }

    /// Scores `[B, k]` of rows of tokens, on the tape if the weights are.
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

    /// As [`Scorer::scores`], on the host, `[B][k]`: rows run side by side where the device lets
    /// them, and states are f32. Without rows there are no scores.
    ///
    /// # Errors
    /// As [`Scorer::scores`]; [`LmError::NoScore`] for a score that is not finite.
    pub fn values(&self, rows: &[&[u32]]) -> Result<Vec<Vec<f32>>, LmError> {
        let this = &self.clone().with_f32_states();
        let k = this.labels();
        let found = of_last_states(&this.trunk, rows, |states| {
            let scores = this.score.forward(states, None, "score", this.trunk.kernels());
            let scores = scores.into_data().convert::<f32>();
            let scores = scores.try_into_vec::<f32>().expect("scores are f32");
            scores.chunks_exact(k).map(<[f32]>::to_vec).collect()
        })?;
        match found.iter().position(|scores| scores.iter().any(|score| !score.is_finite())) {
            Some(row) => Err(LmError::NoScore { row }),
            None => Ok(found),
        }
    }
}
