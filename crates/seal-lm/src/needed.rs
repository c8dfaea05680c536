//! Tokens whose states are read.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// Tokens whose states the output layer reads. The last block leaves the others out
/// after its attention.
pub(crate) struct Needed {
    /// `[M]`, indices into the tokens of a batch.
    at: Tensor<1, Int>,
}

impl Needed {
    pub(crate) fn of(positions: Vec<i32>, device: &Device) -> Self {
        let shape = [positions.len()];
        let positions = TensorData::new(positions, shape);
        Self { at: Tensor::from_data(positions, device) }
    }

    /// Their rows of `x` `[N, D]`, `[M, D]`.
    pub(crate) fn pick(&self, x: Tensor<2>) -> Tensor<2> {
        x.select(0, self.at.clone())
    }
}
