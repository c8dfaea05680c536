//! AdamW with clipping by the global norm.

mod fused;
mod moments;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{DType, Tensor};
use seal_device::kernels;

use crate::{Lm, LmError, OptimConfig};
use fused::Fused;
pub(crate) use moments::Moments;

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
    Composed(Box<ModuleOptimizer>),
    /// In host memory, which is the device's: weights and moments move in place.
    Fused(Fused),
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
        let inner = match kernels::available(&model.device()) {
            true => Inner::Fused(Fused::default()),
            false => Inner::Composed(Box::new(composed(config))),
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
    /// [`LmError::Diverged`] if the gradients are not finite, [`LmError::Config`]
    /// if weights in half precision would be trained; the model is lost.
    pub fn step(
        &mut self,
        model: Lm,
        mut gradients: GradientsParams,
    ) -> Result<(Lm, StepStats), LmError> {
        if model.is_trained_whole() && model.embed_tokens.val().dtype() != DType::F32 {
            let reason = "weights in bf16 are not trained: add adapters, or load them in f32";
            return Err(LmError::Config(reason.to_owned()));
        }
        if let Some(mut sum) = self.pending.take() {
            sum.accumulate(&model, gradients);
            gradients = sum.grads();
        }
        let grad_norm = match &self.inner {
            Inner::Fused(_) => fused::global_norm(&model, &mut gradients),
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
                    model.visit(&mut Scale { gradients: &mut gradients, by });
                }
                inner.step(lr, model, gradients)
            }
        };
        self.step += 1;
        Ok((model, StepStats { grad_norm, lr }))
    }

    /// First and second moments of every parameter moved so far.
    pub(crate) fn moments(&self) -> Result<Moments<'_>, LmError> {
        match &self.inner {
            Inner::Fused(inner) => Ok(Moments::of_fused(inner)),
            Inner::Composed(inner) => Moments::of_record(inner),
        }
    }
}

fn composed(config: &OptimConfig) -> ModuleOptimizer {
    AdamWConfig::new()
        .with_beta_1(config.betas.0 as f32)
        .with_beta_2(config.betas.1 as f32)
        .with_epsilon(config.eps as f32)
        .with_weight_decay(config.weight_decay as f32)
        .init()
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

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    by: f64,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(g) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, g.mul_scalar(self.by));
        }
    }
}
