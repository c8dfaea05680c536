//! A beginning that the rows of a batch share passes through the model once: losses and gradients
//! against those of rows alone.

mod common;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use common::{batch, cpu, distance, examples, model, norm, tape};
use seal_data::Example;
use seal_lm::{
    Lm, LmConfig, LoraConfig, OptimConfig, Optimizer, Tape, differentiate,
    next_token_log_probabilities, token_losses,
};

/// Rows of `shapes` whose first `n` tokens are those of the first one.
fn alike(n: usize, shapes: &[(usize, usize)]) -> Vec<Example> {
    let mut rows = examples(101, 4, shapes);
    let first = rows[0].tokens[..n].to_vec();
    rows.iter_mut().for_each(|row| row.tokens[..n].copy_from_slice(&first));
    rows
}

/// Beginnings on both sides of a block of queries; an answer that is predicted from the last token
/// of the beginning; a row that is little longer than it.
fn cases() -> Vec<Vec<Example>> {
    vec![
        alike(25, &[(40, 30), (33, 27), (28, 26), (63, 50)]),
        alike(24, &[(26, 25), (50, 30), (40, 25)]),
        alike(30, &[(45, 20), (60, 40), (31, 30)]),
    ]
}

fn configs() -> Vec<LmConfig> {
    let with = |kv, sliding_window| {
        let mut config =
            LmConfig { num_key_value_heads: kv, initializer_range: 0.2, ..common::config() };
        config.architecture.sliding_window = sliding_window;
        if sliding_window.is_some() {
            config.architecture.model_type = seal_lm::ModelType::Mistral;
        }
        config
    };
    vec![with(4, None), with(2, None), with(2, Some(9))]
}

fn off(got: &[f32], want: &[f32]) -> f64 {
    let [got, want] = [got, want].map(|x| x.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>());
    distance(&got, &want) / norm(&want)
}

#[test]
fn losses_are_those_of_rows_alone() {
    for config in configs() {
        let model = model(&config, 1, &cpu());
        for rows in cases() {
            let together = token_losses(&model, &batch(&rows, None));
            let alone =
                |row: &Example| token_losses(&model, &batch(std::slice::from_ref(row), None));
            let alone: Vec<f32> = rows.iter().flat_map(alone).collect();
            assert!(off(&together, &alone) < 2e-6, "{together:?} {alone:?}");
            let tokens: Vec<&[u32]> = rows.iter().map(|row| row.tokens.as_slice()).collect();
            let together = next_token_log_probabilities(&model, &tokens).unwrap();
            for (row, together) in tokens.iter().zip(together) {
                let alone = next_token_log_probabilities(&model, &[row]).unwrap();
                assert!(off(&together, &alone[0]) < 2e-6);
            }
        }
    }
}

/// The gradients of all trained weights, one after another.
fn numbers(model: &Lm, of: &GradientsParams) -> Vec<Vec<f64>> {
    struct Read<'a>(&'a GradientsParams, Vec<Vec<f64>>);
    impl ModuleVisitor for Read<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(param.id) {
                self.1.push(gradient.into_data().iter::<f64>().collect());
            }
        }
    }
    let mut read = Read(of, Vec::new());
    model.visit(&mut read);
    assert!(!read.1.is_empty());
    read.1
}

#[test]
fn gradients_are_the_sum_over_rows_alone() {
    let lora = LoraConfig {
        r: 3,
        lora_alpha: 6.0,
        lora_dropout: 0.0,
        target_modules: vec!["q_proj".into(), "v_proj".into(), "down_proj".into()],
        ..LoraConfig::default()
    };
    for (i, config) in configs().into_iter().enumerate() {
        let whole = model(&config, 1, &tape());
        // A step, so that B is not 0: A would have no gradient.
        let adapted = whole.clone().with_lora(&lora, 1).unwrap();
        let gradients = common::gradients(&adapted, &batch(&cases()[0], None));
        let optim = OptimConfig { lr: 0.1, ..OptimConfig::default() };
        let adapted = Optimizer::new(&adapted, &optim, 1).step(adapted, gradients).unwrap().0;
        for model in [&whole, &adapted] {
            for rows in cases() {
                let recompute = i % 2 == 1;
                let of = |rows: &[Example]| {
                    let batch = batch(rows, None);
                    let weight = |m: &i32| 0.1 + *m as f32 / 50.0;
                    let weights: Vec<f32> = batch.targets.iter().map(weight).collect();
                    let done = differentiate(model, &batch, &weights, None, Tape { recompute });
                    (done.tokens, numbers(model, &done.gradients))
                };
                let (tokens, together) = of(&rows);
                let mut sum: Vec<Vec<f64>> = Vec::new();
                let mut losses = Vec::new();
                for row in &rows {
                    let (tokens, alone) = of(std::slice::from_ref(row));
                    losses.extend(tokens);
                    sum = match sum.is_empty() {
                        true => alone,
                        false => {
                            let add = |(a, b): (Vec<f64>, Vec<f64>)| -> Vec<f64> {
                                a.into_iter().zip(b).map(|(a, b)| a + b).collect()
                            };
                            sum.into_iter().zip(alone).map(add).collect()
                        }
                    };
                }
                assert!(off(&tokens, &losses) < 2e-6, "{tokens:?} {losses:?}");
                assert_eq!(together.len(), sum.len());
                for (together, sum) in together.iter().zip(&sum) {
                    let off = distance(together, sum) / norm(sum);
                    assert!(off < 1e-5, "{config:?} {recompute}: {off:e}");
                }
            }
        }
    }
}
