//! What a measuring process is told, and what it answers.

use seal_data::seed::rng;
use seal_data::{Example, RowId};
use serde::{Deserialize, Serialize};

use crate::case::Case;

/// A tokenised row. The loss is taken on `tokens[answer..]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenRow {
    /// Its ids.
    pub tokens: Vec<u32>,
    /// Where the answer begins.
    pub answer: usize,
}

/// A case with its rows: the file that every implementation reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BenchJob {
    /// The shape.
    pub case: Case,
    /// Safe rows.
    pub safe: Vec<TokenRow>,
    /// Fine-tuning rows.
    pub data: Vec<TokenRow>,
}

/// Times and memory of one piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Milliseconds of each timed step.
    pub step_ms: Vec<f64>,
    /// Tokens that pass through the model in each of them, padding not counted;
    /// of generation, new tokens.
    pub step_tokens: Vec<f64>,
    /// Floating-point operations that each needs at least.
    #[serde(default)]
    pub step_flops: Vec<f64>,
    /// Resident before the model was made, in MiB; `null` where it is not known.
    pub start_mib: Option<f64>,
    /// The most that was resident, in MiB.
    pub peak_mib: Option<f64>,
    /// Operations a second of a large matrix product on the same device.
    #[serde(default)]
    pub matmul_flops: Option<f64>,
    /// Mean loss of the first rows, where the work has one: a rough check that two
    /// implementations do the same, for weights are drawn by each in its own way.
    #[serde(default)]
    pub first_loss: Option<f64>,
}

impl BenchJob {
    /// Rows of the case's length, with tokens drawn by their number.
    pub fn drawn(case: Case) -> Self {
        let sets = case.rows.max(2) * 2;
        let set = |name: &str| (0..sets).map(|i| drawn(&case, name, i)).collect();
        let (safe, data) = (set("safe"), set("data"));
        Self { case, safe, data }
    }

    /// Real rows, one after the other to the safe and the fine-tuning set.
    /// What fills no batch is left out, so that all steps are alike.
    pub fn of_rows(case: Case, rows: Vec<TokenRow>) -> Self {
        let (mut safe, mut data) = (Vec::new(), Vec::new());
        for (i, row) in rows.into_iter().enumerate() {
            if i % 2 == 0 { &mut safe } else { &mut data }.push(row);
        }
        for set in [&mut safe, &mut data] {
            set.truncate(set.len() / case.rows * case.rows);
        }
        Self { case, safe, data }
    }

    /// The rows of a set as the crates take them.
    pub fn examples(rows: &[TokenRow], set: &str) -> Vec<Example> {
        let example = |(i, row): (usize, &TokenRow)| {
            let id = RowId::of(set, "", i as u32);
            Example::new(id, row.tokens.clone(), row.answer)
        };
        rows.iter().enumerate().map(example).collect()
    }
}

fn drawn(case: &Case, set: &str, i: usize) -> TokenRow {
    use rand::RngExt as _;
    let mut rng = rng(&["bench".into(), set.into(), (i as u64).into()]);
    let vocab = case.model.vocab_size as u32;
    // The last token is a target and no input.
    let mut tokens: Vec<u32> = (0..=case.tokens).map(|_| rng.random_range(0..vocab)).collect();
    let answer = case.tokens / 2 + 1;
    for (i, token) in tokens.iter_mut().take(case.shared.min(answer - 1)).enumerate() {
        *token = i as u32 % vocab;
    }
    TokenRow { tokens, answer }
}
