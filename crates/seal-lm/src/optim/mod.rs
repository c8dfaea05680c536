//! AdamW with clipping by the global norm.

mod composed;
mod fused;
mod moments;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{DType, GradientCheckpointingStrategy, Tensor};
use seal_device::Kernels;

use crate::host::host_kernels;
use crate::{Lm, LmError, OptimConfig};
use composed::ComposedAdamW;
use fused::FusedAdamW;
pub use moments::Moments;

/// Optimiser of a model's trainable weights.
pub struct Optimizer {
    inner: Inner,
    config: OptimConfig,
    step: usize,
    steps: usize,
    /// Gradients of the micro-batches before the last; `None` before the first.
    pending: Option<GradientsAccumulator<Lm>>,
}

/// Where the moments are.
enum Inner {
    /// In Burn, on any device.
    Composed(ComposedAdamW),
    /// In host memory. Where it is the device's, weights and moments move in place.
    Fused(FusedAdamW),
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepStats {
    /// Norm of all gradients together, before clipping.
    pub grad_norm: f64,
    /// Learning rate used.
    pub lr: f64,
}

impl Optimizer {
    /// An optimiser of `model` for `steps` steps.
    pub fn new(model: &Lm, config: &OptimConfig, steps: usize) -> Self {
        let own = || Some((Kernels::of(&model.device())?, model.device().inner()));
        let inner = match own().or_else(|| host_kernels().filter(|_| config.offload)) {
            Some((kernels, host)) => Inner::Fused(FusedAdamW::new(kernels, host)),
            None => Inner::Composed(ComposedAdamW::new(config)),
        };
        Self { inner, config: config.clone(), step: 0, steps, pending: None }
    }

    /// Keeps the `gradients` of a micro-batch for the next [`Optimizer::step`],
    /// which moves along their sum.
    pub fn add(&mut self, model: &Lm, gradients: GradientsParams) {
        self.pending.get_or_insert_default().accumulate(model, gradients);
    }

    /// Moves `model` against `gradients`, plus those that were [added](Self::add)
    /// since the last step.
    ///
    /// # Errors
    /// [`LmError::Diverged`] if the gradients are not finite, [`LmError::TrainedInHalf`]
    /// if weights in half precision would be trained; the model is lost.
    pub fn step(
        &mut self,
        model: Lm,
        mut gradients: GradientsParams,
    ) -> Result<(Lm, StepStats), LmError> {
        if model.is_trained_whole() && model.trunk.embed_tokens.val().dtype() != DType::F32 {
            return Err(LmError::TrainedInHalf);
        }
        if let Some(mut sum) = self.pending.take() {
            sum.accumulate(&model, gradients);
            gradients = sum.grads();
        }
        let grad_norm = match &self.inner {
            Inner::Fused(inner) => inner.global_norm(&model, &mut gradients),
            Inner::Composed(_) => global_norm(&model, &gradients),
        };
        if !grad_norm.is_finite() {
            return Err(LmError::Diverged {
                step: self.step,
                what: "gradient norm",
                value: grad_norm,
            });
        }
        let max = self.config.max_grad_norm;
        // As torch.nn.utils.clip_grad_norm_, with its 1e-6.
        let scale = (max > 0.0 && grad_norm > max).then(|| max / (grad_norm + 1e-6));
        let lr = self.config.rate(self.step, self.steps);
        let model = match &mut self.inner {
            Inner::Fused(inner) => inner.step(model, gradients, &self.config, lr, scale),
            Inner::Composed(inner) => {
                if let Some(by) = scale {
                    model.visit(&mut ScaleGradients { gradients: &mut gradients, by });
                }
                inner.step(model, gradients, lr)
            }
        };
        self.step += 1;
        Ok((model, StepStats { grad_norm, lr }))
    }

    /// Moments of `param`; `None` where it was never moved.
    pub(crate) fn moments<const D: usize>(&self, param: &Param<Tensor<D>>) -> Option<Moments> {
        match &self.inner {
            Inner::Fused(inner) => inner.moments(param.id),
            Inner::Composed(inner) => inner.moments(param),
        }
    }

    /// Forgets all moments and stands at `step` steps done.
    pub(crate) fn reset(&mut self, step: usize) {
        let inner = match &self.inner {
            Inner::Fused(inner) => Inner::Fused(inner.fresh()),
            Inner::Composed(_) => Inner::Composed(ComposedAdamW::new(&self.config)),
        };
        (self.inner, self.step, self.pending) = (inner, step, None);
    }

    /// Gives `param` the moments of another run; there are as many as it has values.
    pub(crate) fn set_moments<const D: usize>(
        &mut self,
        param: &Param<Tensor<D>>,
        moments: Moments,
    ) {
        match &mut self.inner {
            Inner::Fused(inner) => inner.set_moments(param.id, moments),
            Inner::Composed(inner) => inner.set_moments(param, moments),
        }
    }
}

/// How a parameter is a leaf of tapes. Burn makes what comes from a device without tapes
/// a leaf that is not trained, of the default strategy.
pub(crate) struct Leaf {
    strategy: Option<GradientCheckpointingStrategy>,
    trained: bool,
}

impl Leaf {
    pub(crate) fn of<const D: usize>(parameter: &Tensor<D>) -> Self {
        let strategy = parameter.gradient_checkpointing_strategy();
        Self { strategy, trained: parameter.is_require_grad() }
    }

    /// The new value of the parameter.
    pub(crate) fn with<const D: usize>(self, value: Tensor<D>) -> Tensor<D> {
        let leaf = Tensor::from_inner(value);
        let leaf = match self.strategy {
            Some(strategy) => leaf.with_gradient_checkpointing_strategy(strategy),
            None => leaf,
        };
        if self.trained { leaf.require_grad() } else { leaf }
    }
}

/// Burn clips each tensor by itself; the paper's runs clip all together.
fn global_norm(model: &Lm, gradients: &GradientsParams) -> f64 {
    struct Squares<'a> {
        gradients: &'a GradientsParams,
        sums: Vec<Tensor<1>>,
    }
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(g) = self.gradients.get::<D>(param.id) {
                self.sums.push(g.square().sum());
            }
        }
    }
    let mut squares = Squares { gradients, sums: Vec::new() };
    model.visit(&mut squares);
    if squares.sums.is_empty() {
        return 0.0;
    }
    // One read for all tensors: on a GPU each read waits for the queue.
    let sums = Tensor::cat(squares.sums, 0).into_data();
    sums.iter::<f64>().sum::<f64>().sqrt()
}

struct ScaleGradients<'a> {
    gradients: &'a mut GradientsParams,
    by: f64,
}

impl ModuleVisitor for ScaleGradients<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(g) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, g.mul_scalar(self.by));
        }
    }
}
