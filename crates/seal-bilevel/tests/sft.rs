//! Supervised fine-tuning and scoring.

mod common;

use common::{lora, model, rows, run, supervised, token_losses};
use seal_bilevel::{SftSettings, Trainer, score};
use seal_data::Example;
use seal_lm::{Lm, OptimConfig};

fn settings() -> SftSettings {
    SftSettings {
        epochs: 2,
        batch: 5,
        micro_batch: None,
        recompute: false,
        optim: OptimConfig { lr: 2e-3, ..OptimConfig::default() },
        lora: None,
    }
}

fn tuned(rows: &[Example], settings: &SftSettings, seed: u64) -> Lm {
    run(supervised(rows, settings, seed)).unwrap().model
}

#[test]
fn training_lowers_the_loss() {
    let rows = rows("d", 23);
    let mean = |model: &Lm| {
        let losses = score(model, &rows, 8, &mut |_, _| ()).unwrap();
        losses.iter().sum::<f64>() / losses.len() as f64
    };
    assert!(mean(&tuned(&rows, &settings(), 0)) < 0.9 * mean(&model()));
}

#[test]
fn the_order_of_the_file_changes_no_bit() {
    let rows = rows("d", 23);
    let reversed: Vec<Example> = rows.iter().rev().cloned().collect();
    let losses = |model: &Lm| token_losses(model, &rows);
    let forward = losses(&tuned(&rows, &settings(), 0));
    assert_eq!(losses(&tuned(&reversed, &settings(), 0)), forward);
    assert_ne!(losses(&tuned(&rows, &settings(), 1)), forward);
}

#[test]
fn micro_batches_are_one_batch() {
    let rows = rows("d", 23);
    let one = token_losses(&tuned(&rows, &settings(), 0), &rows);
    let start = token_losses(&model(), &rows);
    let apart =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    for micro_batch in [1, 2, 5] {
        let settings = SftSettings { micro_batch: Some(micro_batch), ..settings() };
        let many = token_losses(&tuned(&rows, &settings, 0), &rows);
        // Adam makes the rounding of a gradient that is nearly 0 a whole step.
        let (off, moved) = (apart(&one, &many), apart(&one, &start));
        assert!(off < 1e-3 * moved, "{micro_batch} at once: {off:e} of {moved}");
    }
}

#[test]
fn progress_counts_each_step() {
    let mut seen = Vec::new();
    let mut progress = |done: usize, all: usize| seen.push((done, all));
    let (rows, settings) = (rows("d", 23), settings());
    Trainer::new(supervised(&rows, &settings, 0)).unwrap().run(&mut progress).unwrap();
    assert_eq!(seen, (1..=10).map(|i| (i, 10)).collect::<Vec<_>>());
}

#[test]
fn the_loss_of_an_epoch_is_that_of_its_rows_when_they_were_met() {
    let rows = rows("d", 23);
    // One step an epoch: all rows meet the model as it was.
    let settings = SftSettings { batch: 23, epochs: 2, ..settings() };
    let of =
        |epochs| run(supervised(&rows, &SftSettings { epochs, ..settings.clone() }, 0)).unwrap();
    let mean =
        |model: &Lm| score(model, &rows, 23, &mut |_, _| ()).unwrap().iter().sum::<f64>() / 23.0;
    let (one, two) = (of(1), of(2));
    assert_eq!(two.losses.len(), 2);
    assert!((two.losses[0] / mean(&model()) - 1.0).abs() < 1e-6, "{:?}", two.losses);
    assert!((two.losses[1] / mean(&one.model) - 1.0).abs() < 1e-6, "{:?}", two.losses);
    assert!(two.losses[1] < two.losses[0]);
}

#[test]
fn adapters_leave_the_base_as_it_was() {
    let rows = rows("d", 23);
    let settings = SftSettings { lora: Some(lora(0.1)), ..settings() };
    let trained = tuned(&rows, &settings, 0);
    let before = token_losses(&model(), &rows);
    assert_ne!(token_losses(&trained, &rows), before);
    let mut bare = trained;
    for block in &mut bare.trunk.layers {
        for (_, linear) in block.linears_mut() {
            linear.lora = None;
        }
    }
    assert_eq!(token_losses(&bare, &rows), before);
}

#[test]
fn a_score_is_the_mean_over_answer_tokens_in_any_batch() {
    let rows = rows("d", 23);
    let want: Vec<f64> = rows
        .iter()
        .map(|row| {
            let losses = token_losses(&model(), std::slice::from_ref(row));
            assert_eq!(losses.len(), row.answer_len());
            losses.iter().sum::<f64>() / losses.len() as f64
        })
        .collect();
    for batch in [1, 2, 7, 23, 100] {
        let mut steps = 0;
        let mut progress = |done, all| {
            steps = done;
            assert_eq!(all, 23usize.div_ceil(batch));
        };
        let got = score(&model(), &rows, batch, &mut progress).unwrap();
        assert_eq!(steps, 23usize.div_ceil(batch));
        for (got, want) in got.iter().zip(&want) {
            assert!((got / want - 1.0).abs() < 1e-6, "batches of {batch}: {got} {want}");
        }
    }
}

#[test]
fn what_is_refused_says_why() {
    let refusal = |rows: &[Example], settings: &SftSettings| {
        run(supervised(rows, settings, 0)).unwrap_err().to_string()
    };
    insta::assert_snapshot!(refusal(&[], &settings()), @"the fine-tuning set has no rows that can be trained on");
    let none = SftSettings { epochs: 0, ..settings() };
    insta::assert_snapshot!(refusal(&rows("d", 3), &none), @"epochs must be from 1 to 1000000, is 0");
    let wild = OptimConfig { lr: 1e30, ..OptimConfig::default() };
    let diverges = SftSettings { optim: wild, ..settings() };
    insta::assert_snapshot!(refusal(&rows("d", 23), &diverges), @"epoch 1, step 1: the gradient norm is NaN (row 07ba13d9f1cc1dd1639ba3d3a3592120 and 4 more); lower the learning rate or look at the data");
}
