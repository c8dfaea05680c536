//! What may cost no memory: a second model on the same frozen weights, more rows
//! in a batch, and a file that only claims to be large. In a program of its own,
//! because the allocator counts for all threads.

mod common;

use burn::module::Module;
use burn::tensor::Device;
use common::{SHAPES, batch, examples, gradients, tape, values};
use peak_alloc::PeakAlloc;
use seal_data::RowId;
use seal_lm::{
    GenerateSettings, Generator, Lm, LmConfig, LoraConfig, OptimConfig, Optimizer, Prompt,
    load_llama2c,
};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// One test, so that nothing else allocates meanwhile.
#[test]
fn memory_follows_what_is_stored() {
    two_models_share_their_frozen_base();
    a_tape_does_not_grow_with_the_batch();
    a_header_alone_allocates_nothing();
    generation_holds_the_weights_once();
}

/// Weights of about 4 MB, far above what adapters and activations take.
fn base() -> Lm {
    let config = LmConfig {
        vocab_size: 1001,
        hidden_size: 128,
        num_hidden_layers: 4,
        intermediate_size: 352,
        initializer_range: 0.02,
        ..common::config()
    };
    Lm::init(&config, 1, &tape()).unwrap()
}

/// Bytes held since `before`.
fn held(before: usize) -> usize {
    MEMORY.current_usage().saturating_sub(before)
}

fn two_models_share_their_frozen_base() {
    let lora = LoraConfig {
        r: 2,
        lora_alpha: 4.0,
        lora_dropout: 0.0,
        target_modules: vec!["q_proj".to_owned(), "v_proj".to_owned()],
        ..LoraConfig::default()
    };
    let rows = batch(&examples(1001, 3, &SHAPES), None);
    // Whatever the device sets up once is set up before anything is counted.
    drop(gradients(&base().with_lora(&lora, 5).unwrap(), &rows));

    let start = MEMORY.current_usage();
    let base = base();
    let whole = held(start);
    assert!(whole > 3 << 20, "{whole}");

    // From one base, as a caller who keeps it does it, and as a clone.
    let before = MEMORY.current_usage();
    let first = base.clone().with_lora(&lora, 5).unwrap();
    let second = base.clone().with_lora(&lora, 6).unwrap();
    let third = first.clone();
    let extra = held(before);
    assert!(extra < whole / 10, "three models on a base of {whole} bytes take {extra} more");

    // Nor does a step take a copy of what it does not move.
    let frozen = values(base.trunk.layers[1].linear("q_proj").unwrap().weight.val());
    let before = MEMORY.current_usage();
    let mut moved = Vec::new();
    for (model, lr) in [(first, 1e-2), (second, 1e-2), (third, 1e-3)] {
        let config = OptimConfig { lr, ..OptimConfig::default() };
        let mut optimizer = Optimizer::new(&model, &config, 2);
        let mut model = model;
        for _ in 0..2 {
            let gradients = gradients(&model, &rows);
            model = optimizer.step(model, gradients).unwrap().0;
        }
        moved.push((model, optimizer));
    }
    let extra = held(before);
    assert!(extra < whole / 10, "three trained models take {extra} more than {whole} bytes");

    // Off the tape, as answers are generated.
    let before = MEMORY.current_usage();
    let off: Vec<Lm> = moved.iter().map(|(model, _)| model.clone().valid()).collect();
    let extra = held(before);
    assert!(extra < whole / 10, "three models off the tape take {extra} of {whole} bytes");

    let b = |model: &Lm| {
        values(model.trunk.layers[1].linear("q_proj").unwrap().lora.as_ref().unwrap().b.val())
    };
    assert_ne!(b(&off[0]), b(&off[1]));
    assert_ne!(b(&off[0]), b(&off[2]));
    for model in &off {
        assert_eq!(values(model.trunk.layers[1].linear("q_proj").unwrap().weight.val()), frozen);
    }
}

/// Parts of a large batch take turns.
fn a_tape_does_not_grow_with_the_batch() {
    let model = base();
    let peak = |rows: usize| {
        let rows = batch(&examples(1001, 9, &vec![(41, 20); rows]), None);
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        drop(gradients(&model, &rows));
        MEMORY.peak_usage() - before
    };
    // Whatever is set up once.
    peak(26);
    let (few, many) = (peak(26), peak(8 * 26));
    assert!(few > 8 << 20, "{few}");
    // The two groups of the smaller batch may have met in time or not.
    assert!(many < 3 * few, "{few} bytes for a batch, {many} for one of eight times the rows");
}

/// A generator that owns its model, the laying out of its weights included.
fn generation_holds_the_weights_once() {
    let prompts: Vec<Prompt> = (0..3)
        .map(|i| Prompt { id: RowId::of("prompt", "", i), tokens: (i..i + 9).collect() })
        .collect();
    let settings = GenerateSettings::greedy(6);
    let answer = |generator: &Generator| {
        generator.generate(&prompts, &settings, &[], 0).unwrap();
    };
    // The embedding is the output layer, too, and has a copy for each.
    let embedding = 4 * 1001 * 128;
    let peak_of = |generator: fn(Lm) -> Generator| {
        let before = MEMORY.current_usage();
        let model = Lm::init(base().config(), 1, &Device::flex()).unwrap();
        let whole = held(before);
        MEMORY.reset_peak_usage();
        let generator = generator(model);
        answer(&generator);
        (whole, held(before), MEMORY.peak_usage() - before)
    };
    // Whatever is set up once.
    peak_of(Generator::owning);
    let (whole, after, peak) = peak_of(Generator::owning);
    assert!(whole > 6 * embedding, "{whole}");
    assert!(after < whole + embedding + whole / 10, "{whole} bytes became {after}");
    assert!(peak < whole + 2 * embedding + whole / 10, "{peak} bytes for a model of {whole}");
    // Who keeps the model has it twice.
    let (whole, after, _) = peak_of(|model| Generator::of(&model));
    assert!(after > 2 * whole - whole / 10, "{whole} bytes became {after}");
}

fn a_header_alone_allocates_nothing() {
    let file = tempfile::NamedTempFile::new().unwrap();
    // Width, feed-forward, blocks, heads, key-value heads, vocabulary, context.
    let claims: [[i32; 7]; 3] = [
        // 10 GB.
        [4096, 11008, 12, 32, 32, 32_000, 2048],
        [i32::MAX - 1, i32::MAX, i32::MAX, 1, 1, i32::MIN, i32::MAX],
        [2, 1, i32::MAX, 1, 1, 1, 1],
    ];
    for claim in claims {
        let bytes: Vec<u8> = claim.into_iter().flat_map(i32::to_le_bytes).collect();
        std::fs::write(file.path(), bytes).unwrap();
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let error = load_llama2c(file.path(), &tape()).unwrap_err().to_string();
        let peak = MEMORY.peak_usage() - before;
        let said = ["its header asks for", "its header is impossible"];
        assert!(said.iter().any(|said| error.contains(said)), "{error}");
        assert!(peak < 64 << 10, "{claim:?}: {peak} bytes");
    }
}
