//! AdamW of Burn, on any device.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::{
    AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, DynState, GradientsParams,
    Optimizer as _,
};
use burn::tensor::{Tensor, TensorData};

use super::{Leaf, Moments};
use crate::{Lm, OptimConfig};

/// The rule, and the moments of every parameter that was moved.
pub(super) struct ComposedAdamW {
    rule: AdamW,
    /// [`AdamWState`] by the parameter's id. Burn's own optimiser of modules has the same
    /// map, but gives its states away as the bytes of a record only.
    states: BTreeMap<u64, DynState>,
}

impl ComposedAdamW {
    pub(super) fn new(config: &OptimConfig) -> Self {
        let rule = AdamWConfig::new()
            .with_beta_1(config.betas.0 as f32)
            .with_beta_2(config.betas.1 as f32)
            .with_epsilon(config.eps as f32)
            .with_weight_decay(config.weight_decay as f32)
            .build();
        Self { rule, states: BTreeMap::new() }
    }

    /// Moves `model` against `gradients`.
    pub(super) fn step(&mut self, model: Lm, gradients: GradientsParams, lr: f64) -> Lm {
        model.map(&mut ComposedUpdate { optimizer: self, gradients, lr })
    }

    pub(super) fn moments<const D: usize>(&self, param: &Param<Tensor<D>>) -> Option<Moments> {
        let state = self.states.get(&param.id.val())?;
        let state = &state.downcast_ref::<AdamWState<D>>().momentum;
        let read = |moment: &Tensor<D>| moment.to_data().iter::<f32>().collect();
        Some(Moments {
            exp_avg: read(&state.moment_1),
            exp_avg_sq: read(&state.moment_2),
            steps: state.time as u32,
        })
    }

    pub(super) fn set_moments<const D: usize>(
        &mut self,
        param: &Param<Tensor<D>>,
        moments: Moments,
    ) {
        let weight = param.val().inner();
        let (shape, device) = (weight.dims(), weight.device());
        let tensor = |values| Tensor::<D>::from_data(TensorData::new(values, shape), &device);
        let (first, second) = (tensor(moments.exp_avg), tensor(moments.exp_avg_sq));
        let momentum = AdaptiveMomentumState::new(moments.steps as usize, first, second);
        self.states.insert(param.id.val(), DynState::create(AdamWState::new(momentum), D));
    }
}

struct ComposedUpdate<'a> {
    optimizer: &'a mut ComposedAdamW,
    gradients: GradientsParams,
    lr: f64,
}

impl ModuleMapper for ComposedUpdate<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(gradient) = self.gradients.remove::<D>(id) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let leaf = Leaf::of(&tensor);
        let ComposedAdamW { rule, states } = &mut *self.optimizer;
        let state = states.remove(&id.val()).map(DynState::downcast::<AdamWState<D>>);
        let (moved, state) = rule.step(self.lr, tensor.inner(), gradient, state);
        if let Some(state) = state {
            states.insert(id.val(), DynState::create(state, D));
        }
        Param::from_mapped_value(id, leaf.with(moved), mapper)
    }
}

#[cfg(test)]
mod tests {
    use seal_data::{Batch, Example, RowId};
    use seal_device::DeviceSpec;

    use super::*;
    use crate::optim::{Inner, Optimizer};
    use crate::{
        Architecture, LmConfig, LoraConfig, Tape, TrainedTensor, TrainingStateError, differentiate,
        restore_training_state, training_state,
    };

    fn model(lora: bool) -> Lm {
        let config = LmConfig {
            vocab_size: 11,
            hidden_size: 8,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            num_key_value_heads: 1,
            intermediate_size: 12,
            max_position_embeddings: 16,
            rope_theta: 1e4,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: false,
            initializer_range: 0.3,
            architecture: Architecture::default(),
        };
        let lora = lora.then(|| LoraConfig {
            r: 2,
            lora_alpha: 4.0,
            lora_dropout: 0.0,
            target_modules: vec!["q_proj".into(), "down_proj".into()],
            ..LoraConfig::default()
        });
        let device = DeviceSpec::default().open().unwrap().autodiff();
        let model = Lm::init(&config, 0, &device).unwrap();
        match &lora {
            Some(lora) => model.with_lora(lora, 1).unwrap(),
            None => model,
        }
    }

    fn config() -> OptimConfig {
        OptimConfig { weight_decay: 0.1, warmup: 0.5, ..OptimConfig::default() }
    }

    /// An optimiser as it is on a device without kernels, which the CPU is not.
    fn optimizer(steps: usize) -> Optimizer {
        let inner = Inner::Composed(ComposedAdamW::new(&config()));
        Optimizer { inner, config: config(), step: 0, steps, pending: None }
    }

    fn gradients(model: &Lm, step: usize) -> GradientsParams {
        let row = |i: u32| {
            let tokens = (0..6).map(|t| (3 * t + 5 * i + 7 * step as u32) % 11).collect();
            Example::new(RowId::of("row", "", i), tokens, 2)
        };
        let rows = [row(0), row(1)];
        let batch = Batch::of(&rows.iter().collect::<Vec<_>>(), None);
        let weights = vec![0.125; batch.targets.len()];
        differentiate(model, &batch, &weights, None, Tape::default()).gradients
    }

    fn steps(mut model: Lm, optimizer: &mut Optimizer, range: std::ops::Range<usize>) -> Lm {
        for step in range {
            let gradients = gradients(&model, step);
            model = optimizer.step(model, gradients).unwrap().0;
        }
        model
    }

    #[test]
    fn steps_are_those_of_burns_module_optimizer() {
        let mut reference = AdamWConfig::new()
            .with_beta_1(0.9)
            .with_beta_2(0.999)
            .with_epsilon(1e-8)
            .with_weight_decay(0.1)
            .init();
        let mut composed = ComposedAdamW::new(&config());
        let (mut a, mut b) = (model(false), model(false));
        for step in 0..4 {
            let (ga, gb) = (gradients(&a, step), gradients(&b, step));
            a = reference.step(1e-2, a, ga);
            b = composed.step(b, gb, 1e-2);
        }
        let none = optimizer(4);
        let weights = |model: &Lm| training_state(&model.valid(), &none);
        assert_eq!(weights(&a), weights(&b));
        assert_ne!(weights(&a), weights(&model(false)));
    }

    /// Values and moments; those of fused steps beside those of composed ones.
    fn close(a: &BTreeMap<String, TrainedTensor>, b: &BTreeMap<String, TrainedTensor>) -> bool {
        let near = |a: &[f32], b: &[f32]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
        };
        a.len() == b.len()
            && a.iter().zip(b).all(|((a_name, a), (b_name, b))| {
                let (ma, mb) = (a.moments.as_ref().unwrap(), b.moments.as_ref().unwrap());
                a_name == b_name
                    && ma.steps == mb.steps
                    && near(&a.values, &b.values)
                    && near(&ma.exp_avg, &mb.exp_avg)
                    && near(&ma.exp_avg_sq, &mb.exp_avg_sq)
            })
    }

    /// On the CPU the memory of the host is that of the device. Where it is not, the same kernels make the
    /// step of what was brought there.
    #[test]
    fn offloaded_steps_are_the_same_to_the_bit_on_the_cpu() {
        for lora in [false, true] {
            let run = |offload| {
                let start = model(lora);
                let config = OptimConfig { offload, max_grad_norm: 0.01, ..config() };
                let mut optimizer = Optimizer::new(&start, &config, 4);
                let end = steps(start, &mut optimizer, 0..4);
                training_state(&end, &optimizer)
            };
            assert!(run(true) == run(false));
        }
        let written = |offload| json_of(&OptimConfig { offload, ..OptimConfig::default() });
        assert!(!written(false).contains("offload"), "a key of today stays as it is");
        assert!(written(true).contains("\"offload\":true"));
        assert!(OptimConfig { offload: true, ..OptimConfig::default() }.validate().is_ok());
    }

    fn json_of(config: &OptimConfig) -> String {
        serde_json::to_string(config).unwrap()
    }

    #[test]
    fn a_restored_run_goes_on_bit_by_bit_with_both_ways_of_stepping() {
        for lora in [false, true] {
            let fused = |model: &Lm| Optimizer::new(model, &config(), 6);
            let composed = |_: &Lm| optimizer(6);
            let mut ends = Vec::new();
            for new in [&fused as &dyn Fn(&Lm) -> Optimizer, &composed] {
                let start = model(lora);
                let mut whole = new(&start);
                let end = steps(start, &mut whole, 0..6);
                let end = training_state(&end, &whole);
                for stop in 0..=6 {
                    let start = model(lora);
                    let mut first = new(&start);
                    let stopped = steps(start, &mut first, 0..stop);
                    let saved = training_state(&stopped, &first);
                    let fresh = model(lora);
                    let mut second = new(&fresh);
                    // What it learned before is forgotten.
                    let fresh = steps(fresh, &mut second, 0..1);
                    let restored = restore_training_state(fresh, &mut second, stop, saved.clone());
                    let restored = restored.unwrap();
                    assert_eq!(training_state(&restored, &second), saved);
                    let other_end = steps(restored, &mut second, stop..6);
                    assert_eq!(training_state(&other_end, &second), end, "stopped at {stop}");
                }
                ends.push(end);
            }
            assert!(close(&ends[0], &ends[1]), "adapters: {lora}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (whole, adapted) = (model(false), model(true));
        let state = |model: &Lm| training_state(model, &optimizer(1));
        let refusal = |model: &Lm, state| {
            restore_training_state(model.clone(), &mut optimizer(1), 0, state).unwrap_err()
        };
        let missing = refusal(&adapted, state(&whole));
        assert!(matches!(missing, TrainingStateError::Missing { .. }), "{missing}");
        let mut more = state(&whole);
        more.extend(state(&adapted));
        let unknown = refusal(&whole, more);
        assert!(matches!(unknown, TrainingStateError::Unknown { .. }), "{unknown}");
        let mut turned = state(&adapted);
        turned.values_mut().for_each(|tensor| tensor.shape.reverse());
        let shape = refusal(&adapted, turned);
        assert!(matches!(shape, TrainingStateError::Shape { .. }), "{shape}");
    }
}
