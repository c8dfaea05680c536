//! How many tokens pass through the model, and where their keys and values are stored.

use burn::tensor::Device;
use seal_device::Kernels;

use super::*;
use crate::{Architecture, LmConfig};

fn model() -> Lm {
    let config = LmConfig {
        vocab_size: 200,
        hidden_size: 16,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        intermediate_size: 16,
        max_position_embeddings: 96,
        rope_theta: 1e4,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        initializer_range: 0.02,
        architecture: Architecture::default(),
    };
    Lm::init(&config, 0, &Device::flex()).unwrap()
}

/// Calls `work` with slots of the model.
fn with_slots(count: usize, work: impl FnOnce(&mut Slots<'_>)) {
    let model = model();
    let kernels = Kernels::of(&Device::flex()).unwrap();
    let packed = PackedModel::taking(&mut model.clone(), kernels);
    work(&mut Slots::new(&model, &packed, count));
}

/// `shared` tokens that prompts begin with, then tokens of prompt `i`.
fn prompt(shared: u32, i: u32, own: usize) -> Vec<u32> {
    (0..shared).chain(std::iter::repeat_n(100 + i, own)).collect()
}

/// Runs all tokens of all sequences; gives how many passed through the model in each pass.
fn run(slots: &mut Slots<'_>) -> Vec<usize> {
    let mut passes = Vec::new();
    while slots.slots.iter().any(|slot| slot.active && slot.run < slot.tokens.len()) {
        // Those that wait for their next token are left out.
        let takes: Vec<_> = slots.takes().into_iter().filter(|(_, n)| *n > 0).collect();
        passes.push(takes.iter().map(|(_, n)| n).sum());
        slots.forward(&takes);
    }
    passes
}

#[test]
fn tokens_that_prompts_begin_with_pass_once() {
    with_slots(4, |slots| {
        for i in 0..3 {
            slots.start(i, &prompt(40, i as u32, 4), 8);
        }
        // The first one alone, then what the others have of their own.
        assert_eq!(run(slots), [44, 2 * 4]);
        // A later one takes the beginning from any of them.
        slots.start(3, &prompt(40, 9, 5), 8);
        assert_eq!(run(slots), [5]);
        // Of a prompt that is there as a whole, the last token is run for its state.
        slots.end(3);
        slots.start(3, &prompt(40, 1, 4), 8);
        assert_eq!(run(slots), [1]);
    });
}

/// Waiting for so few tokens is not worth a pass of their own.
#[test]
fn a_short_beginning_passes_with_each() {
    with_slots(3, |slots| {
        for i in 0..3 {
            slots.start(i, &prompt(11, i as u32, 4), 8);
        }
        assert_eq!(run(slots), [3 * 15]);
    });
}

#[test]
fn there_is_room_for_an_answer_from_the_beginning() {
    with_slots(3, |slots| {
        let room = |slots: &Slots<'_>, i: usize| -> Vec<usize> {
            slots.slots[i].stored.iter().map(KeysValues::room).collect()
        };
        slots.start(0, &prompt(40, 0, 8), 8);
        run(slots);
        // One that copies its beginning, and one that the context ends. Room is in whole vectors.
        slots.start(1, &prompt(40, 1, 1), 3);
        slots.start(2, &prompt(3, 2, 1), usize::MAX);
        run(slots);
        assert_eq!([0, 1, 2].map(|i| room(slots, i)), [[64, 64], [48, 48], [96, 96]]);
        for token in 0..8 {
            slots.push(0, token);
            run(slots);
        }
        assert_eq!(room(slots, 0), [64, 64]);
    });
}
