//! AdamW in one pass over the memory of the host, which the device's may be. Elsewhere the gradients are
//! brought there one by one, and freed on the device. Weights are brought there and back.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use seal_device::{AdamWStep, Kernels};

use super::{Leaf, Moments};
use crate::{Lm, OptimConfig};

/// Moments of every parameter that was moved.
pub(crate) struct FusedAdamW {
    kernels: Kernels,
    /// Whose memory the moments are in.
    host: Device,
    states: BTreeMap<u64, MomentBuffers>,
}

/// Moments of one parameter.
struct MomentBuffers {
    first: Vec<f32>,
    second: Vec<f32>,
    /// Steps that moved it.
    time: i32,
}

impl FusedAdamW {
    /// Before the first step.
    pub(super) fn new(kernels: Kernels, host: Device) -> Self {
        Self { kernels, host, states: BTreeMap::new() }
    }

    /// One with the same kernels, before the first step.
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.kernels, self.host.clone())
    }

    pub(super) fn moments(&self, id: ParamId) -> Option<Moments> {
        let MomentBuffers { first, second, time } = self.states.get(&id.val())?;
        let (exp_avg, exp_avg_sq) = (first.clone(), second.clone());
        Some(Moments { exp_avg, exp_avg_sq, steps: *time as u32 })
    }

    pub(super) fn set_moments(&mut self, id: ParamId, moments: Moments) {
        let Moments { exp_avg: first, exp_avg_sq: second, steps } = moments;
        self.states.insert(id.val(), MomentBuffers { first, second, time: steps as i32 });
    }

    /// Moves `model` against `gradients`, which are multiplied by `scale` first.
    pub(super) fn step(
        &mut self,
        model: Lm,
        gradients: GradientsParams,
        config: &OptimConfig,
        lr: f64,
        scale: Option<f64>,
    ) -> Lm {
        let step = AdamWStep {
            lr,
            betas: (config.betas.0 as f32, config.betas.1 as f32),
            eps: config.eps as f32,
            weight_decay: config.weight_decay as f32,
            scale: scale.map(|s| s as f32),
            time: 0,
        };
        model.map(&mut FusedUpdate {
            kernels: self.kernels,
            states: &mut self.states,
            gradients,
            step,
        })
    }

    /// Norm of all gradients together. They stay what they are, and are in the memory of the host then.
    pub(super) fn global_norm(&self, model: &Lm, gradients: &mut GradientsParams) -> f64 {
        let mut squares = Squares { kernels: self.kernels, host: &self.host, gradients, sum: 0.0 };
        model.visit(&mut squares);
        squares.sum.sqrt()
    }
}

struct FusedUpdate<'a> {
    kernels: Kernels,
    states: &'a mut BTreeMap<u64, MomentBuffers>,
    gradients: GradientsParams,
    step: AdamWStep,
}

impl ModuleMapper for FusedUpdate<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(gradient) = self.gradients.remove::<D>(id) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let leaf = Leaf::of(&tensor);
        let inner = tensor.inner();
        let device = inner.device();
        // Not copied where nobody else holds the weights.
        let (mut weights, gradient) = (inner.into_data(), gradient.into_data());
        let n = weights.num_elements();
        let fresh = || MomentBuffers { first: vec![0.0; n], second: vec![0.0; n], time: 0 };
        let state = self.states.entry(id.val()).or_insert_with(fresh);
        state.time += 1;
        let step = AdamWStep { time: state.time, ..self.step };
        let slice = weights.as_mut_slice::<f32>().expect("weights are f32");
        self.kernels.adamw(step, slice, read(&gradient), &mut state.first, &mut state.second);
        let moved = leaf.with(Tensor::from_data(weights, &device));
        Param::from_mapped_value(id, moved, mapper)
    }
}

struct Squares<'a> {
    kernels: Kernels,
    host: &'a Device,
    gradients: &'a mut GradientsParams,
    sum: f64,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // Taken out and put back: what nobody else holds is not copied.
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return };
        let data = gradient.into_data();
        self.sum += self.kernels.squares(read(&data));
        self.gradients.register(param.id, Tensor::<D>::from_data(data, self.host));
    }
}

fn read(data: &TensorData) -> &[f32] {
    data.as_slice::<f32>().expect("gradients are f32")
}
