//! Normalisation of states.

use burn::module::{Module, Param};
use burn::tensor::{DType, FloatDType, Tensor};
use seal_device::{GpuKernels, Kernels};

use crate::plan::NormPlan;

/// Normalisation: of layers (Ba et al. 2016) where it has a bias, else RMS
/// (Zhang and Sennrich 2019).
#[derive(Module, Debug)]
pub struct Norm {
    /// Gain, `[D]`; the gain less 1 for families that add it.
    pub weight: Param<Tensor<1>>,
    /// `[D]`.
    pub bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    pub(crate) plan: NormPlan,
}

impl Norm {
    /// Normalised rows of `x` `[n, D]`; sums over a row are taken in f32.
    pub(crate) fn forward(
        &self,
        x: Tensor<2>,
        kernels: Option<Kernels>,
        gpu: Option<GpuKernels>,
    ) -> Tensor<2> {
        let eps = self.plan.eps;
        // States may have more digits than weights.
        let gain = self.gain(x.dtype());
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
            (None, None) if let Some(gpu) = gpu => gpu.rms_norm(x, gain, eps),
            (None, None) => {
                let dtype = x.dtype();
                let x = x.cast(FloatDType::F32);
                let mean = x.clone().square().mean_dim(1);
                let x = x / (mean + eps).sqrt();
                match self.plan.offset {
                    // 1 + w has more digits than the format of w may hold.
                    true => (x * gain.unsqueeze_dim::<2>(0)).cast(dtype),
                    false => x.cast(dtype) * gain.unsqueeze_dim::<2>(0),
                }
            }
        }
    }

    /// What states of the format `dtype` are multiplied by; 1 + w is in f32, as transformers has
    /// it for Gemma.
    fn gain(&self, dtype: DType) -> Tensor<1> {
        match self.plan.offset {
            true => self.weight.val().cast(FloatDType::F32).add_scalar(1.0),
            false => self.weight.val().cast(dtype),
        }
    }

    /// Its path inside the block, or inside the model.
    pub fn path(&self) -> &'static str {
        self.plan.path
    }

    /// As [`Norm::forward`], of each head in the rows of `x` `[n, heads * d]`.
    pub(crate) fn by_head(
        &self,
        x: Tensor<2>,
        kernels: Option<Kernels>,
        gpu: Option<GpuKernels>,
    ) -> Tensor<2> {
        let [n, width] = x.dims();
        let d = self.plan.width;
        self.forward(x.reshape([n * width / d, d]), kernels, gpu).reshape([n, width])
    }
}
