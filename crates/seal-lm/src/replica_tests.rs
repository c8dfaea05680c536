use burn::tensor::Device;
use seal_data::{Batch, Example, RowId};

use crate::optim::Optimizer;
use crate::{
    Architecture, GradientParts, Lm, LmConfig, LoraConfig, OptimConfig, Tape, differentiate,
    token_losses, training_state,
};
use burn::module::Module as _;

fn model(lora: bool) -> Lm {
    let config = LmConfig {
        vocab_size: 50,
        hidden_size: 128,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 4,
        intermediate_size: 256,
        max_position_embeddings: 64,
        rope_theta: 1e4,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        initializer_range: 0.1,
        architecture: Architecture::default(),
    };
    let model = Lm::init(&config, 0, &Device::flex().autodiff()).unwrap();
    let lora_settings = LoraConfig {
        r: 4,
        lora_alpha: 8.0,
        lora_dropout: 0.0,
        target_modules: vec!["all-linear".to_owned()],
        ..LoraConfig::default()
    };
    if lora { model.with_lora(&lora_settings, 1).unwrap() } else { model }
}

fn batch() -> Batch {
    let row = |i: u32| {
        let tokens = (0..40 + i % 5).map(|t| (3 * t + 5 * i) % 50).collect();
        Example::new(RowId::of("row", "", i), tokens, 20)
    };
    let rows: Vec<Example> = (0..90).map(row).collect();
    Batch::of(&rows.iter().collect::<Vec<_>>(), None)
}

fn bits(of: &[f32]) -> Vec<u32> {
    of.iter().map(|x| x.to_bits()).collect()
}

/// A copy shares nothing that a step changes, and takes what the step changed.
#[test]
fn a_copy_stays_as_it_was_until_it_takes_the_trained_weights() {
    let batch = batch();
    for lora in [false, true] {
        let start = model(lora);
        let copy = start.copied_to(&Device::flex());
        let weights = vec![0.1; batch.targets.len()];
        let gradients = differentiate(&start, &batch, &weights, None, Tape::default()).gradients;
        let mut optimizer = Optimizer::new(&start, &OptimConfig::default(), 2);
        let before = token_losses(&start.valid(), &batch);
        let (moved, _) = optimizer.step(start, gradients).unwrap();
        let after = token_losses(&moved.valid(), &batch);
        assert_ne!(bits(&before), bits(&after));
        assert_eq!(bits(&token_losses(&copy.valid(), &batch)), bits(&before));
        let copy = copy.with_trained_of(&moved);
        assert_eq!(bits(&token_losses(&copy.valid(), &batch)), bits(&after));
        assert_eq!(copy.trained_weights(), moved.trained_weights());
        let none = Optimizer::new(&moved, &OptimConfig::default(), 2);
        assert_eq!(training_state(&copy, &none), training_state(&moved, &none));
    }
}

/// Parts that copies did, in any order of doing, are the gradients of the batch.
#[test]
fn parts_of_copies_are_the_gradients_of_the_batch() {
    let batch = batch();
    let weights: Vec<f32> = (0..batch.targets.len()).map(|m| 0.01 + (m % 5) as f32).collect();
    for (lora, recompute) in [(false, false), (true, false), (true, true)] {
        let model = model(lora);
        let tape = Tape { recompute };
        let whole = differentiate(&model, &batch, &weights, None, tape);
        let parts = GradientParts::of(&model, &batch, &weights, None, tape);
        assert!(parts.count() > 1);
        let copies = [model.copied_to(&Device::flex()), model.copied_to(&Device::flex())];
        let done: Vec<_> = (0..parts.count())
            .rev()
            .map(|i| parts.differentiate(&copies[i % 2].on_own_tape(), i))
            .collect();
        let add = |sum, part| Some(parts.add(&model, sum, part));
        let sum = parts.in_order(done.into_iter().rev().fold(None, add).unwrap());
        assert_eq!(bits(&sum.tokens), bits(&whole.tokens));
        let step = |gradients| {
            let mut optimizer = Optimizer::new(&model, &OptimConfig::default(), 1);
            let (moved, stats) = optimizer.step(model.clone(), gradients).unwrap();
            (training_state(&moved, &optimizer), stats.grad_norm.to_bits())
        };
        assert!(step(sum.gradients) == step(whole.gradients), "{lora} {recompute}");
    }
}
