//! The layers of a block, laid out for generation.

use burn::module::Param;
use burn::tensor::{DType, Tensor};
use seal_device::{Kernels, PackedMatrix};

use crate::Linear;
use crate::block::Block;

/// The linear layers of a block.
pub(crate) struct PackedBlock(Vec<PackedLinear>);

/// A linear layer with its side paths.
struct PackedLinear {
    path: &'static str,
    weight: PackedMatrix,
    /// `[1, out]`.
    bias: Option<Tensor<2>>,
    /// A, B and what their product is multiplied by.
    sides: Vec<(PackedMatrix, PackedMatrix, f64)>,
}

impl PackedBlock {
    /// Of `block`, whose linear layers lose their weights.
    pub(crate) fn taking(block: &mut Block, kernels: Kernels) -> Self {
        let linears = block.linears_mut().into_iter();
        Self(linears.map(|(path, linear)| PackedLinear::taking(path, linear, kernels)).collect())
    }

    /// `x` `[n, in]` through the layer at `path`, `[n, out]`.
    ///
    /// # Panics
    /// If the block has no such layer.
    pub(crate) fn forward(&self, path: &str, x: Tensor<2>, kernels: Kernels) -> Tensor<2> {
        let layer = self.0.iter().find(|layer| layer.path == path);
        layer.expect("every layer of the block is packed").forward(x, kernels)
    }
}

impl PackedLinear {
    fn taking(path: &'static str, linear: &mut Linear, kernels: Kernels) -> Self {
        let side = |(a, b, scale)| (matrix(kernels, a), matrix(kernels, b), scale);
        let packed = Self {
            path,
            weight: matrix(kernels, taken(&mut linear.weight)),
            bias: linear.bias.as_ref().map(|b| b.val().cast(DType::F32).unsqueeze_dim(0)),
            sides: linear.sides().map(side).collect(),
        };
        linear.lora = None;
        linear.kept.clear();
        packed
    }

    fn forward(&self, x: Tensor<2>, kernels: Kernels) -> Tensor<2> {
        let y = kernels.packed_product(x.clone(), &self.weight);
        let y = match &self.bias {
            Some(bias) => y + bias.clone(),
            None => y,
        };
        self.sides.iter().fold(y, |y, (a, b, scale)| {
            // Scaled where it is thin.
            let thin = kernels.packed_product(x.clone(), a).mul_scalar(*scale);
            y + kernels.packed_product(thin, b)
        })
    }
}

/// The value of `weight`, which has one number afterwards.
pub(crate) fn taken(weight: &mut Param<Tensor<2>>) -> Tensor<2> {
    let left = Param::from_tensor(Tensor::zeros([1, 1], &weight.val().device()));
    let (_, value, _) = std::mem::replace(weight, left).consume();
    value
}

/// `w` laid out for products. It is freed on return, if nobody else holds it.
pub(crate) fn matrix(kernels: Kernels, w: Tensor<2>) -> PackedMatrix {
    let shape = w.dims();
    let values = w.into_data().convert::<f32>();
    kernels.pack(values.as_slice().expect("converted to f32"), shape)
}
