//! Examples side by side, padded to one width.

use std::ops::Range;

use crate::{Example, RowId};

/// B examples as flat arrays, ready to become tensors.
///
/// A causal model that sees token t predicts token t + 1, so the last token of
/// an example is a target and never an input: an example of n tokens fills
/// n - 1 inputs, and T = max n - 1, rounded up where asked. Padding stands on
/// the right and holds token 0; causal attention keeps it from every position
/// that a loss is taken on, so its value does not matter.
///
/// M is the number of answer tokens in the batch (ends of text included; see
/// [`Example::supervised`]).
/// Supervised positions come row after row, each row's in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// \[B\] the rows.
    pub ids: Vec<RowId>,
    /// T, the number of inputs of each row with its padding.
    pub width: usize,
    /// \[B * T\] inputs, row after row.
    pub tokens: Vec<i32>,
    /// \[B\] number of inputs of each row without padding.
    pub lengths: Vec<usize>,
    /// \[B\] number of answer tokens of each row; at least 1. Sums to M.
    pub answer_lens: Vec<usize>,
    /// \[M\] flat indices b * T + t into `tokens` whose next token belongs to
    /// the answer: where logits are needed.
    pub positions: Vec<i32>,
    /// \[M\] that next token.
    pub targets: Vec<i32>,
    /// \[M\] the row b of each position, for sums by row.
    pub row_of: Vec<i32>,
}

impl Batch {
    /// Pads `examples`, in the order given. `pad_to_multiple` rounds T up, so
    /// that a device meets few distinct shapes.
    ///
    /// # Panics
    /// If there is no example, if `pad_to_multiple` is 0, if an example breaks
    /// the bounds of [`Example::answer`], or if an index or a token exceeds an
    /// `i32`.
    pub fn of(examples: &[&Example], pad_to_multiple: Option<usize>) -> Self {
        let longest = examples.iter().map(|e| e.tokens.len() - 1).max();
        let width = longest
            .expect("a batch needs at least one example")
            .next_multiple_of(pad_to_multiple.unwrap_or(1));
        let supervised: usize = examples.iter().map(|e| e.answer_len()).sum();
        let mut batch = Self {
            ids: Vec::with_capacity(examples.len()),
            width,
            tokens: vec![0; examples.len() * width],
            lengths: Vec::with_capacity(examples.len()),
            answer_lens: Vec::with_capacity(examples.len()),
            positions: Vec::with_capacity(supervised),
            targets: Vec::with_capacity(supervised),
            row_of: Vec::with_capacity(supervised),
        };
        for (b, example) in examples.iter().enumerate() {
            batch.fill_row(b, example);
        }
        batch
    }

    /// Number of rows, B.
    pub fn rows(&self) -> usize {
        self.ids.len()
    }

    /// \[B\] where each row's answer tokens lie among all M.
    pub fn answers(&self) -> Vec<Range<usize>> {
        let mut end = 0;
        let row = |n: &usize| {
            end += n;
            end - n..end
        };
        self.answer_lens.iter().map(row).collect()
    }

    /// The rows at `rows`, in that order, as a batch of their own, as wide as its
    /// longest row.
    ///
    /// # Panics
    /// If there are none, or one is not in the batch.
    pub fn select(&self, rows: &[usize]) -> Self {
        let lengths: Vec<usize> = rows.iter().map(|b| self.lengths[*b]).collect();
        let width = lengths.iter().copied().max().expect("a selection needs at least one row");
        let answers = self.answers();
        let mut selected = Self {
            ids: rows.iter().map(|b| self.ids[*b]).collect(),
            width,
            tokens: Vec::with_capacity(rows.len() * width),
            lengths,
            answer_lens: rows.iter().map(|b| self.answer_lens[*b]).collect(),
            positions: Vec::new(),
            targets: Vec::new(),
            row_of: Vec::new(),
        };
        for (to, from) in rows.iter().enumerate() {
            selected.tokens.extend(&self.tokens[from * self.width..][..width]);
            for m in answers[*from].clone() {
                let t = self.positions[m] as usize - from * self.width;
                selected.positions.push(index(to * width + t));
                selected.targets.push(self.targets[m]);
                selected.row_of.push(index(to));
            }
        }
        selected
    }

    fn fill_row(&mut self, b: usize, example: &Example) {
        let (n, start) = (example.tokens.len(), b * self.width);
        assert!(
            0 < example.answer && example.answer < n,
            "row {}: the answer must start inside the sequence, after its first token",
            example.id
        );
        self.ids.push(example.id);
        self.lengths.push(n - 1);
        self.answer_lens.push(example.answer_len());
        for (slot, token) in self.tokens[start..].iter_mut().zip(&example.tokens[..n - 1]) {
            *slot = index(*token);
        }
        for next in example.supervised() {
            self.positions.push(index(start + next - 1));
            self.targets.push(index(example.tokens[next]));
            self.row_of.push(index(b));
        }
    }
}

fn index<T: TryInto<i32>>(value: T) -> i32 {
    value.try_into().unwrap_or_else(|_| panic!("an index or a token of a batch exceeds i32"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example(tokens: &[u32], answer: usize) -> Example {
        Example::new(RowId::of(&format!("{tokens:?}"), "", 0), tokens.to_vec(), answer)
    }

    #[test]
    fn shapes_and_positions() {
        let (a, b) = (example(&[5, 6, 7, 8], 2), example(&[3, 4], 1));
        let batch = Batch::of(&[&a, &b], Some(4));
        assert_eq!((batch.rows(), batch.width), (2, 4));
        assert_eq!(batch.tokens, [5, 6, 7, 0, 3, 0, 0, 0]);
        assert_eq!((batch.lengths, batch.answer_lens), (vec![3, 1], vec![2, 1]));
        assert_eq!(batch.positions, [1, 2, 4]);
        assert_eq!(batch.targets, [7, 8, 4]);
        assert_eq!(batch.row_of, [0, 0, 1]);
        assert_eq!(Batch::of(&[&a, &b], None).width, 3);
    }

    /// A conversation of two trained turns: nothing is lost on what the user says between them.
    #[test]
    fn skipped_tokens_are_inputs_and_no_targets() {
        let mut a = example(&[5, 6, 7, 8, 9, 10], 1);
        a.skip.push(2..4);
        let batch = Batch::of(&[&a, &example(&[3, 4], 1)], None);
        assert_eq!(batch.tokens, [5, 6, 7, 8, 9, 3, 0, 0, 0, 0]);
        assert_eq!(batch.answer_lens, [3, 1]);
        assert_eq!(batch.targets, [6, 9, 10, 4]);
        assert_eq!(batch.positions, [0, 3, 4, 5]);
        assert_eq!(batch.row_of, [0, 0, 0, 1]);
    }

    #[test]
    #[should_panic(expected = "at least one example")]
    fn an_empty_batch_is_a_mistake() {
        Batch::of(&[], None);
    }

    proptest! {
        #[test]
        fn a_selection_is_the_batch_of_its_rows(
            lengths in prop::collection::vec((1usize..4, 1usize..4), 1..7),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 1..7),
        ) {
            let rows: Vec<Example> = lengths
                .iter()
                .enumerate()
                .map(|(i, (a, b))| example(&(0..(a + b) as u32).map(|t| t + i as u32).collect::<Vec<_>>(), *a))
                .collect();
            let rows: Vec<&Example> = rows.iter().collect();
            let picks: Vec<usize> = picks.iter().map(|pick| pick.index(rows.len())).collect();
            let picked: Vec<&Example> = picks.iter().map(|i| rows[*i]).collect();
            prop_assert_eq!(Batch::of(&rows, Some(4)).select(&picks), Batch::of(&picked, None));
        }

        #[test]
        fn inputs_and_targets_give_the_examples_back(
            shapes in prop::collection::vec((1usize..6, 1usize..6), 1..5),
            multiple in prop::option::of(1usize..9),
        ) {
            let mut next = 1;
            let examples: Vec<Example> = shapes
                .iter()
                .map(|(prompt, answer)| {
                    let tokens: Vec<u32> = (next..).take(prompt + answer).collect();
                    next += tokens.len() as u32;
                    example(&tokens, *prompt)
                })
                .collect();
            let batch = Batch::of(&examples.iter().collect::<Vec<_>>(), multiple);
            prop_assert_eq!(batch.width % multiple.unwrap_or(1), 0);
            prop_assert_eq!(batch.positions.len(), batch.answer_lens.iter().sum::<usize>());
            for (b, e) in examples.iter().enumerate() {
                let row = &batch.tokens[b * batch.width..][..batch.width];
                let (inputs, padding) = row.split_at(batch.lengths[b]);
                prop_assert!(padding.iter().all(|t| *t == 0));
                prop_assert!(inputs.iter().zip(&e.tokens).all(|(i, t)| *i as u32 == *t));
                let own = (0..batch.targets.len()).filter(|m| batch.row_of[*m] as usize == b);
                for (m, at) in own.zip(e.answer..) {
                    prop_assert_eq!(batch.targets[m] as u32, e.tokens[at]);
                    let seen = batch.tokens[batch.positions[m] as usize] as u32;
                    prop_assert_eq!(seen, e.tokens[at - 1]);
                }
            }
        }
    }
}
