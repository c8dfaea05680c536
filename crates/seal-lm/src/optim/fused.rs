//! AdamW in one pass over memory, where the device's memory is the host's.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};
use seal_device::kernels::{self, AdamWStep};

use crate::{Lm, OptimConfig};

/// Moments of every parameter that was moved.
#[derive(Default)]
pub(crate) struct Fused {
    states: BTreeMap<u64, State>,
}

/// Moments of one parameter.
pub(super) struct State {
    pub(super) first: Vec<f32>,
    pub(super) second: Vec<f32>,
    /// Steps that moved it.
    time: i32,
}

impl Fused {
    pub(super) fn state(&self, id: ParamId) -> Option<&State> {
        self.states.get(&id.val())
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
        model.map(&mut Move { states: &mut self.states, gradients, step })
    }
}

struct Move<'a> {
    states: &'a mut BTreeMap<u64, State>,
    gradients: GradientsParams,
    step: AdamWStep,
}

impl ModuleMapper for Move<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(gradient) = self.gradients.remove::<D>(id) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let strategy = tensor.gradient_checkpointing_strategy();
        let inner = tensor.inner();
        let device = inner.device();
        // Not copied where nobody else holds the weights.
        let (mut weights, gradient) = (inner.into_data(), gradient.into_data());
        let n = weights.num_elements();
        let fresh = || State { first: vec![0.0; n], second: vec![0.0; n], time: 0 };
        let state = self.states.entry(id.val()).or_insert_with(fresh);
        state.time += 1;
        let step = AdamWStep { time: state.time, ..self.step };
        let slice = weights.as_mut_slice::<f32>().expect("weights are f32");
        kernels::adamw(step, slice, read(&gradient), &mut state.first, &mut state.second);
        let moved = Tensor::from_inner(Tensor::from_data(weights, &device));
        let moved = match strategy {
            Some(strategy) => moved.with_gradient_checkpointing_strategy(strategy),
            None => moved,
        };
        Param::from_mapped_value(id, moved.require_grad(), mapper)
    }
}

/// Norm of all gradients together; they stay what they are.
pub(super) fn global_norm(model: &Lm, gradients: &mut GradientsParams) -> f64 {
    struct Squares<'a> {
        gradients: &'a mut GradientsParams,
        sum: f64,
    }
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            // Taken out and put back: what nobody else holds is not copied.
            let Some(gradient) = self.gradients.remove::<D>(param.id) else { return };
            let (device, data) = (gradient.device(), gradient.into_data());
            self.sum += kernels::squares(read(&data));
            self.gradients.register(param.id, Tensor::<D>::from_data(data, &device));
        }
    }
    let mut squares = Squares { gradients, sum: 0.0 };
    model.visit(&mut squares);
    squares.sum.sqrt()
}

fn read(data: &TensorData) -> &[f32] {
    data.as_slice::<f32>().expect("gradients are f32")
}
