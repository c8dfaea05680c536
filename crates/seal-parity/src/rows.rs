//! Rows that are drawn.

use rand::RngExt as _;
use seal_data::{Batch, Example, RowId, seed::rng};
use seal_lm::Prompt;

use crate::shapes::VOCABULARY;

/// Tokens and the answer's start of rows of unequal, odd and even lengths. One is a single input long.
/// Two are longer than the windows and the short context of the models.
const LENGTHS: [(usize, usize); 6] = [(12, 5), (7, 3), (2, 1), (9, 8), (20, 2), (33, 20)];

/// The rows of one batch.
pub(crate) fn few() -> Vec<Example> {
    of_lengths("few", &LENGTHS)
}

/// Rows of the given numbers of tokens, with the answer's start.
pub(crate) fn of_lengths(name: &str, lengths: &[(usize, usize)]) -> Vec<Example> {
    let row = |(i, (n, answer)): (usize, &(usize, usize))| {
        Example::new(RowId::of(name, "", i as u32), tokens(name, i, *n), *answer)
    };
    lengths.iter().enumerate().map(row).collect()
}

/// `n` short rows of unequal lengths.
pub(crate) fn many(name: &str, n: usize) -> Vec<Example> {
    let length = |i: usize| {
        let mut draws = rng(&["lengths".into(), name.into(), (i as u64).into()]);
        let prompt = draws.random_range(2..10);
        (prompt + draws.random_range(1..10), prompt)
    };
    of_lengths(name, &(0..n).map(length).collect::<Vec<_>>())
}

/// Prompts of unequal lengths.
pub(crate) fn prompts() -> Vec<Prompt> {
    let prompt = |(i, n): (usize, &usize)| Prompt {
        id: RowId::of("prompt", "", i as u32),
        tokens: tokens("prompt", i, *n),
    };
    [9, 1, 4, 14, 5].iter().enumerate().map(prompt).collect()
}

/// The rows side by side.
pub(crate) fn batch(rows: &[Example]) -> Batch {
    Batch::of(&rows.iter().collect::<Vec<_>>(), None)
}

fn tokens(name: &str, i: usize, n: usize) -> Vec<u32> {
    let mut draws = rng(&["tokens".into(), name.into(), (i as u64).into()]);
    (0..n).map(|_| draws.random_range(0..VOCABULARY as u32)).collect()
}
