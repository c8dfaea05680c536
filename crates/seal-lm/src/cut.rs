//! How a batch is cut into parts, which run side by side or take turns.
//!
//! All of it depends on the work and not on the threads, so that results do not
//! either.

use std::cmp::Reverse;

use burn::module::Module as _;
use seal_data::Batch;

use crate::cost::{Cut, GROUPS, PART, SMALL_PART, WORTH, linear_weights};
use crate::trunk::Trunk;
use crate::{DropoutKey, Lm};

/// Rows that are worked on together, by their places in a batch.
pub(crate) type MicroBatch = Vec<usize>;

fn cut_of(model: &Lm) -> Cut {
    Cut::of(model.trunk.plan(), model.trained_weights(), model.is_trained_whole())
}

/// The parts of `batch` in groups that are worked on side by side, each with its
/// own gradients: a matrix product shared between threads, and the many small
/// operations that are not, keep fewer of them busy than rows do. Parts of a
/// group take turns, so that the tape holds a few rows of a batch of any size.
pub(crate) fn groups(
    model: &Lm,
    batch: &Batch,
    dropout: Option<DropoutKey<'_>>,
) -> Vec<Vec<MicroBatch>> {
    let cut = cut_of(model);
    let small = cut.kept * PART > model.num_params();
    let size = if small { SMALL_PART } else { PART };
    let own = unshared_tokens(&model.trunk, batch, dropout);
    cut_in(&model.trunk, &own, size, cut.least(), cut.groups())
}

/// The parts of `batch` for work that keeps no tape and has no gradients.
pub(crate) fn micro_batches(
    trunk: &Trunk,
    batch: &Batch,
    dropout: Option<DropoutKey<'_>>,
) -> Vec<MicroBatch> {
    let own = unshared_tokens(trunk, batch, dropout);
    even((0..own.len()).collect(), &own, count(trunk, &own, PART, 0, GROUPS))
}

/// Tokens of each row that it does not share with all others.
fn unshared_tokens(trunk: &Trunk, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> Vec<usize> {
    let stem = trunk.stem(batch, dropout);
    batch.lengths.iter().map(|len| len - stem).collect()
}

/// Rows of `lengths` tokens in up to `groups` groups, a power of two, of together up to
/// [`count`] parts.
fn cut_in(
    trunk: &Trunk,
    lengths: &[usize],
    size: usize,
    least: usize,
    groups: usize,
) -> Vec<Vec<MicroBatch>> {
    let n = count(trunk, lengths, size, least, groups);
    let groups = n.min(groups);
    even((0..lengths.len()).collect(), lengths, groups)
        .into_iter()
        .map(|group| even(group, lengths, n / groups))
        .collect()
}

/// Parts of `size` tokens or more on average that are worth it: a power of two up to
/// `groups`, which is one, and above it a multiple of `groups` with at least `least`
/// tokens each, on average again.
fn count(trunk: &Trunk, lengths: &[usize], size: usize, least: usize, groups: usize) -> usize {
    let tokens: usize = lengths.iter().sum();
    let linear = linear_weights(trunk.plan()) as usize;
    let worth = (tokens * linear / WORTH).min(tokens / size).min(lengths.len());
    match trunk.kernels() {
        Some(_) if worth > groups => worth.min(tokens / least.max(1)).max(groups) / groups * groups,
        Some(_) => worth.checked_ilog2().map_or(1, |log| 1 << log),
        None => 1,
    }
}

/// `rows` in `n` sets of about as many tokens, or in fewer where there are fewer
/// rows; each keeps their order. The longest row goes first, and each to the set with
/// the fewest tokens yet, so that none ends up with more than an even share and one
/// row.
fn even(rows: Vec<usize>, lengths: &[usize], n: usize) -> Vec<MicroBatch> {
    let mut sets = vec![(0, MicroBatch::new()); n.min(rows.len())];
    let mut longest_first = rows;
    longest_first.sort_by_key(|row| Reverse(lengths[*row]));
    for row in longest_first {
        let set = sets.iter_mut().min_by_key(|(tokens, _)| *tokens);
        let (tokens, set) = set.expect("there are rows, so there are sets");
        *tokens += lengths[row];
        set.push(row);
    }
    let in_order = |(_, mut set): (usize, MicroBatch)| {
        set.sort_unstable();
        set
    };
    sets.into_iter().map(in_order).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use proptest::prelude::*;
    use seal_data::{Example, RowId};

    use super::*;
    use crate::{Architecture, LmConfig, LoraConfig, Ops};

    fn config() -> LmConfig {
        LmConfig {
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
            initializer_range: 0.02,
            architecture: Architecture::default(),
        }
    }

    #[test]
    fn parts_are_as_many_as_the_work_is_worth() {
        let model = Lm::init(&config(), 0, &Device::flex()).unwrap();
        let rows: Vec<Example> = (0..64)
            .map(|i| Example::new(RowId::of("row", "", i), vec![1; 40 + i as usize % 7], 20))
            .collect();
        let batch = Batch::of(&rows.iter().collect::<Vec<_>>(), None);
        let counts = |model: &Lm, batch: &Batch, least, most| {
            cut_in(&model.trunk, &batch.lengths, 512, least, most)
                .iter()
                .map(Vec::len)
                .collect::<Vec<_>>()
        };
        assert_eq!(counts(&model, &batch, 0, 1), [5]);
        assert_eq!(counts(&model, &batch, 0, 2), [2, 2]);
        assert_eq!(counts(&model, &batch, 1000, 2), [1, 1]);
        assert_eq!(counts(&model, &batch, 3000, 2), [1, 1]);
        assert_eq!(counts(&model, &batch, 0, 8), [1; 4]);
        // Little work is not cut, nor is composed work.
        assert_eq!(counts(&model, &batch.select(&[0, 1, 2, 3, 4, 5, 6, 7]), 0, 8), [1]);
        assert_eq!(counts(&model.with_ops(Ops::Composed), &batch, 0, 8), [1]);
    }

    proptest! {
        #[test]
        fn sets_hold_every_row_once_and_even_shares_of_tokens(
            lengths in prop::collection::vec(1usize..600, 1..40),
            n in 1usize..9,
        ) {
            let sets = even((0..lengths.len()).collect(), &lengths, n);
            prop_assert_eq!(sets.len(), n.min(lengths.len()));
            let mut rows = sets.concat();
            rows.sort_unstable();
            prop_assert!(rows.into_iter().eq(0..lengths.len()));
            let (sum, longest) = (lengths.iter().sum::<usize>(), lengths.iter().max().unwrap());
            for set in sets {
                prop_assert!(!set.is_empty() && set.is_sorted());
                let tokens: usize = set.iter().map(|row| lengths[*row]).sum();
                prop_assert!(tokens <= sum / n + longest);
            }
        }
    }

    #[test]
    fn what_is_on_the_tape_is_no_more_than_is_said() {
        let tape = Device::flex().autodiff();
        let rows = |longest: usize| -> Vec<Example> {
            let row = |i: u32| vec![1; longest - 6 + i as usize % 7];
            (0..300).map(|i| Example::new(RowId::of("row", "", i), row(i), 20)).collect()
        };
        let lora = LoraConfig {
            r: 4,
            lora_alpha: 4.0,
            lora_dropout: 0.0,
            target_modules: vec!["all-linear".to_owned()],
            ..LoraConfig::default()
        };
        for width in [16, 64, 128, 256] {
            let config = LmConfig { hidden_size: width, intermediate_size: 2 * width, ..config() };
            let whole = Lm::init(&config, 0, &tape).unwrap();
            for model in [whole.clone(), whole.with_lora(&lora, 0).unwrap()] {
                for (n, longest) in
                    [(1, 46), (30, 46), (100, 46), (300, 46), (3, 2000), (7, 2000), (15, 2000)]
                {
                    let rows = rows(longest);
                    let batch = Batch::of(&rows[..n].iter().collect::<Vec<_>>(), None);
                    let groups = groups(&model, &batch, None);
                    let tokens = |part: &MicroBatch| {
                        model.trunk.layout(&batch.select(part), None).tokens.len()
                    };
                    let largest = |group: &Vec<MicroBatch>| group.iter().map(tokens).max().unwrap();
                    let mut largest: Vec<usize> = groups.iter().map(largest).collect();
                    largest.sort_by_key(|tokens| Reverse(*tokens));
                    for threads in [1, 2, 16] {
                        let at_once: usize = largest.iter().take(threads).sum();
                        let (said, copies) = cut_of(&model).at_once(longest, threads);
                        assert!(at_once <= said, "{width} {n} {threads}: {at_once} {said}");
                        assert!(groups.len() < copies);
                    }
                }
            }
        }
    }
}
