//! Normalisation of states.

use burn::module::{Module, Param};
use burn::tensor::{FloatDType, Tensor};
use seal_device::Kernels;

use crate::plan::NormPlan;

/// Normalisation: of layers (Ba et al. 2016) where it has a bias, else RMS
/// (Zhang and Sennrich 2019).
#[derive(Module, Debug)]
pub struct Norm {
    /// Gain, `[D]`.
    pub weight: Param<Tensor<1>>,
    /// `[D]`.
    pub bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    pub(crate) plan: NormPlan,
}

impl Norm {
    /// Normalised rows of `x` `[n, D]`; sums over a row are taken in f32.
    pub(crate) fn forward(&self, x: Tensor<2>, kernels: Option<Kernels>) -> Tensor<2> {
        let eps = self.plan.eps;
        // States may have more digits than weights.
        let gain = self.weight.val().cast(x.dtype());
        let bias = self.bias.as_ref().map(|bias| bias.val().cast(x.dtype()));
        match (bias, kernels) {
            (Some(bias), Some(kernels)) => kernels.layer_norm(x, gain, bias, eps),
            (None, Some(kernels)) => kernels.rms_norm(x, gain, eps),
            (Some(bias), None) => {
                let dtype = x.dtype();
                let x = x.cast(FloatDType::F32);
                let x = x.clone() - x.mean_dim(1);
                let variance = x.clone().square().mean_dim(1);
                let x = (x / (variance + eps).sqrt()).cast(dtype);
                x * gain.unsqueeze_dim::<2>(0) + bias.unsqueeze_dim::<2>(0)
            }
            (None, None) => {
                let dtype = x.dtype();
                let x = x.cast(FloatDType::F32);
                let mean = x.clone().square().mean_dim(1);
                (x / (mean + eps).sqrt()).cast(dtype) * gain.unsqueeze_dim::<2>(0)
            }
        }
    }

    /// As [`Norm::forward`], of each head in the rows of `x` `[n, heads * d]`.
    pub(crate) fn by_head(&self, x: Tensor<2>, kernels: Option<Kernels>) -> Tensor<2> {
        let [n, width] = x.dims();
        let d = self.plan.width;
        self.forward(x.reshape([n * width / d, d]), kernels).reshape([n, width])
    }
}
