//! The beginning that all rows of a batch share.

use seal_data::Batch;

/// Fewest tokens that pass through a model once for all rows.
const LEAST: usize = 16;

/// Share of the tokens of a row that they must be on average, as its inverse: below it the other
/// places at which a batch is cut, and sums in another order, are not worth it. It does not grow with
/// the number of rows, so that a part of a batch of like rows decides as the batch does.
///
/// A part is asked again, and may decide otherwise: its rows may begin alike for longer, or be longer
/// on average. Then the batch was cut by other numbers of tokens than its parts have, and sums run in
/// another order. Both depend on the rows alone, never on threads.
const SHARE: usize = 16;

/// Number of tokens that all rows of `batch` begin with, up to the first one from which an answer is
/// predicted; 0 where running them once saves little.
pub(crate) fn of(batch: &Batch) -> usize {
    let supervised = batch.positions.iter().map(|at| *at as usize % batch.width).min();
    let first = &batch.tokens[..supervised.unwrap_or(0)];
    let rows = batch.tokens.chunks_exact(batch.width);
    let shared = |row: &[i32]| first.iter().zip(row).take_while(|(a, b)| a == b).count();
    let stem = rows.map(shared).min().unwrap_or(0);
    let all: usize = batch.lengths.iter().sum();
    let is_worth = batch.rows() > 1 && stem >= LEAST && stem * SHARE * batch.rows() >= all;
    if is_worth { stem } else { 0 }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use seal_data::{Example, RowId};

    use super::*;
    use crate::{Architecture, DropoutKey, Lm, LmConfig, LoraConfig, Ops};

    fn batch(rows: &[(Vec<u32>, usize)]) -> Batch {
        let example = |(i, (tokens, answer)): (usize, &(Vec<u32>, usize))| {
            Example::new(RowId::of("", "", i as u32), tokens.clone(), *answer)
        };
        let examples: Vec<Example> = rows.iter().enumerate().map(example).collect();
        Batch::of(&examples.iter().collect::<Vec<_>>(), None)
    }

    /// `shared` tokens that rows begin with, then tokens of row `i`.
    fn row(shared: u32, i: u32, own: usize) -> Vec<u32> {
        (0..shared).chain(std::iter::repeat_n(100 + i, own)).collect()
    }

    #[test]
    fn a_beginning_ends_where_rows_part_or_an_answer_begins() {
        let rows = |answer| -> Vec<(Vec<u32>, usize)> {
            (0..4).map(|i| (row(20, i, 9), answer + i as usize)).collect()
        };
        assert_eq!(of(&batch(&rows(24))), 20);
        // The token before the first of an answer is where it is predicted.
        assert_eq!(of(&batch(&rows(19))), 18);
        assert_eq!(of(&batch(&rows(16))), 0);
        assert_eq!(of(&batch(&rows(24)[..1])), 0);
    }

    #[test]
    fn a_short_beginning_of_long_rows_is_run_with_each() {
        let rows = |own: usize| -> Vec<(Vec<u32>, usize)> {
            (0..3).map(|i| (row(17, i, own), 18)).collect()
        };
        assert_eq!(of(&batch(&rows(100))), 17);
        assert_eq!(of(&batch(&rows(300))), 0);
    }

    #[test]
    fn a_beginning_is_laid_out_once_unless_something_differs_between_rows() {
        let config = LmConfig {
            vocab_size: 200,
            hidden_size: 16,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            num_key_value_heads: 1,
            intermediate_size: 16,
            max_position_embeddings: 64,
            rope_theta: 1e4,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: true,
            initializer_range: 0.02,
            architecture: Architecture::default(),
        };
        let rows: Vec<(Vec<u32>, usize)> = (0..4).map(|i| (row(20, i, 9), 24)).collect();
        let batch = batch(&rows);
        let tokens = |model: &Lm, dropout| model.trunk.layout(&batch, dropout).tokens.len();
        let model = Lm::init(&config, 0, &Device::flex()).unwrap();
        assert_eq!(tokens(&model, None), 20 + 4 * 8);
        assert_eq!(tokens(&model.clone().with_ops(Ops::Composed), None), 4 * 28);
        let key = DropoutKey { seed: 0, step: 0, ids: &batch.ids, lengths: &batch.lengths };
        for (lora_dropout, want) in [(0.0, 20 + 4 * 8), (0.5, 4 * 28)] {
            let target_modules = vec!["q_proj".to_owned()];
            let lora = LoraConfig { lora_dropout, target_modules, ..LoraConfig::default() };
            let adapted = model.clone().with_lora(&lora, 0).unwrap();
            assert_eq!(tokens(&adapted, Some(key)), want);
            assert_eq!(tokens(&adapted, None), 20 + 4 * 8);
        }
    }
}
