//! AdamW with clipping by the global norm.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Gradients, Tensor};

use crate::{Lm, LmError, OptimConfig};

/// Optimiser of a model's trainable weights.
pub struct Optimizer {
    inner: ModuleOptimizer,
    config: OptimConfig,
    step: usize,
    steps: usize,
    /// Gradients of the micro-batches before the last; `None` before the first.
    pending: Option<GradientsAccumulator<Lm>>,
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
    /// An optimiser for `steps` steps.
    pub fn new(config: &OptimConfig, steps: usize) -> Self {
        let inner = AdamWConfig::new()
            .with_beta_1(config.betas.0 as f32)
            .with_beta_2(config.betas.1 as f32)
            .with_epsilon(config.eps as f32)
            .with_weight_decay(config.weight_decay as f32)
            .init();
        Self { inner, config: config.clone(), step: 0, steps, pending: None }
    }

    /// Keeps the `gradients` of a micro-batch for the next [`Optimizer::step`],
    /// which moves along their sum.
    pub fn add(&mut self, model: &Lm, gradients: Gradients) {
        let gradients = GradientsParams::from_grads(gradients, model);
        self.pending.get_or_insert_default().accumulate(model, gradients);
    }

    /// Moves `model` against `gradients`, plus those that were [added](Self::add)
    /// since the last step.
    ///
    /// # Errors
    /// [`LmError::Diverged`] if the gradients are not finite; the model is lost.
    pub fn step(&mut self, model: Lm, gradients: Gradients) -> Result<(Lm, StepStats), LmError> {
        let mut gradients = GradientsParams::from_grads(gradients, &model);
        if let Some(mut sum) = self.pending.take() {
            sum.accumulate(&model, gradients);
            gradients = sum.grads();
        }
        let grad_norm = global_norm(&model, &gradients);
        if !grad_norm.is_finite() {
            return Err(LmError::Diverged {
                step: self.step,
                what: "gradient norm",
                value: grad_norm,
            });
        }
        let max = self.config.max_grad_norm;
        if max > 0.0 && grad_norm > max {
            // As torch.nn.utils.clip_grad_norm_, with its 1e-6.
            let mut scale = Scale { gradients: &mut gradients, by: max / (grad_norm + 1e-6) };
            model.visit(&mut scale);
        }
        let lr = self.config.rate(self.step, self.steps);
        let model = self.inner.step(lr, model, gradients);
        self.step += 1;
        Ok((model, StepStats { grad_norm, lr }))
    }

    /// First and second moments of every parameter moved so far.
    pub(crate) fn moments(&self) -> Result<Moments, LmError> {
        // Burn gives the state of an optimiser as a record's bytes only.
        let record = self.inner.to_record();
        if record.is_empty() {
            return Ok(Moments(None));
        }
        let bytes = record.into_bytes().map_err(LmError::record)?;
        Ok(Moments(Some(burn_pack::Reader::from_bytes(bytes).map_err(LmError::record)?)))
    }
}

/// Name (as PyTorch has it) and little-endian f32 values of both moments of a
/// parameter, in Burn's layout.
pub(crate) type NamedMoments = [(&'static str, Vec<u8>); 2];

/// Moments of AdamW, by parameter.
pub(crate) struct Moments(Option<burn_pack::Reader>);

impl Moments {
    /// The moments of a parameter; `None` where it was never moved.
    pub(crate) fn of(&self, id: ParamId) -> Result<Option<NamedMoments>, LmError> {
        let Some(reader) = &self.0 else { return Ok(None) };
        let name = |moment: &str| format!("{}.momentum.{moment}", id.val());
        let (first, second) = (name("moment_1"), name("moment_2"));
        if !reader.tensor_names().contains(&first.as_str()) {
            return Ok(None);
        }
        let read = |name: &str| reader.tensor_data(name).map_err(LmError::record);
        Ok(Some([("exp_avg", read(&first)?), ("exp_avg_sq", read(&second)?)]))
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
