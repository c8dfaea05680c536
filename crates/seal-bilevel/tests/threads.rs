//! The number of threads changes no bit of a result.

mod common;

use burn::module::Module as _;
use common::{bilevel, learn, rows, settings, token_losses};
use seal_bilevel::{Bilevel, BilevelSettings, Learned, SftSettings, Supervised};
use seal_data::{Batch, Example, RowId};
use seal_device::DeviceSpec;
use seal_lm::{
    Activation, Architecture, DropoutKey, Lm, LmConfig, ModelType, Optimizer, Tape, differentiate,
};

/// Large enough for every product to be shared out between threads.
fn wide() -> Lm {
    let config = LmConfig {
        vocab_size: 512,
        hidden_size: 128,
        num_hidden_layers: 1,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        intermediate_size: 256,
        max_position_embeddings: 64,
        rope_theta: 1e4,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        initializer_range: 0.1,
        architecture: Architecture::default(),
    };
    Lm::init(&config, 0, &DeviceSpec::default().open().unwrap().autodiff()).unwrap()
}

fn on<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
        assert_eq!(rayon::current_num_threads(), threads);
        run()
    })
}

#[test]
fn selectors() {
    let (data, safe) = (rows("d", 23), rows("safe", 16));
    let run = |threads| -> Learned { on(threads, || learn(&data, &safe, &settings())) };
    assert_eq!(run(1), run(2));
}

#[test]
fn selectors_of_a_wide_model() {
    let (data, safe) = (rows("d", 80), rows("safe", 80));
    let settings = BilevelSettings { batch: 40, epochs: 1, ..settings() };
    let run = |threads| -> Learned {
        on(threads, || {
            common::run(Bilevel { model: wide(), ..bilevel(&data, &safe, &settings) }).unwrap()
        })
    };
    assert_eq!(run(1), run(2));
}

/// As [`wide`], of the family whose layers are composed from the most operations.
fn wide_pythia() -> Lm {
    let architecture = Architecture {
        model_type: ModelType::GptNeox,
        partial_rotary_factor: 0.25,
        hidden_act: Activation::Gelu,
        attention_bias: true,
        mlp_bias: true,
        use_parallel_residual: true,
        ..Architecture::default()
    };
    let config = LmConfig { num_key_value_heads: 4, architecture, ..wide().config().clone() };
    Lm::init(&config, 0, &DeviceSpec::default().open().unwrap().autodiff()).unwrap()
}

#[test]
fn fine_tuned_models() {
    for model in [wide, wide_pythia] {
        fine_tuned(model);
    }
}

fn fine_tuned(model: fn() -> Lm) {
    let data: Vec<Example> = rows("d", 80);
    let settings = SftSettings {
        epochs: 1,
        batch: 40,
        micro_batch: None,
        recompute: false,
        optim: settings().optim,
        lora: None,
    };
    let run = |threads| {
        on(threads, || {
            let (examples, settings) = (&data[..], &settings);
            let task = Supervised { model: model(), examples, settings, seed: 0 };
            token_losses(&common::run(task).unwrap().model, &data)
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}

/// 4,200 tokens: the batch is cut into parts that run side by side.
#[test]
fn batches_that_are_cut() {
    let row = |i: u32| {
        let tokens = (0..41 + i % 3).map(|t| (t * 31 + i * 7) % 512).collect();
        Example::new(RowId::of("row", "", i), tokens, 20)
    };
    let rows: Vec<Example> = (0..100).map(row).collect();
    let batch = Batch::of(&rows.iter().collect::<Vec<_>>(), None);
    let key = DropoutKey { seed: 3, step: 1, ids: &batch.ids, lengths: &batch.lengths };
    let weights: Vec<f32> = (0..batch.targets.len()).map(|m| 0.01 + (m % 5) as f32).collect();
    for model in [wide(), wide().with_lora(&common::lora(0.3), 2).unwrap()] {
        let run = |threads| {
            on(threads, || {
                let done = differentiate(&model, &batch, &weights, Some(key), Tape::default());
                let mut optimizer = Optimizer::new(&model, &settings().optim, 1);
                let moved = optimizer.step(model.clone(), done.gradients).unwrap();
                let after = seal_lm::token_losses(&moved.0.valid(), &batch);
                (done.tokens, moved.1.grad_norm.to_bits(), after)
            })
        };
        let one = run(1);
        for threads in [2, 3, 8] {
            assert!(one == run(threads), "{threads} threads");
        }
    }
}
