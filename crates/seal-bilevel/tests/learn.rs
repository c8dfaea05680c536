//! Rules that a selector's training keeps, whatever the numbers.

mod common;

use burn::module::Param;
use common::{bilevel, learn, lora, model, rows, run, settings};
use seal_bilevel::{
    Algorithm, Bilevel, BilevelError, BilevelSettings, Gamma, GammaUnit, Learned, Trainer, score,
};
use seal_lm::{LoraConfig, OptimConfig};
use seal_select::{CollapseAlarm, SelectorFunction};

fn safe_losses(learned: &Learned) -> Vec<f64> {
    learned.trace.iter().map(|t| t.safe_loss).collect()
}

fn row_losses(learned: &Learned) -> Vec<f64> {
    learned.trace.iter().map(|t| t.row_loss).collect()
}

fn worst(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn released() -> BilevelSettings {
    BilevelSettings { algorithm: Algorithm::Released, rate: Some(0.02), ..settings() }
}

#[test]
fn each_row_is_visited_once_an_epoch() {
    // Safe sets shorter and longer than D, with and without a short last batch.
    for (n, safe, batch) in [(23, 7, 5), (20, 7, 5), (9, 40, 4), (3, 2, 5)] {
        let settings = BilevelSettings { batch, epochs: 3, ..settings() };
        let learned = learn(&rows("d", n), &rows("safe", safe), &settings);
        assert_eq!(learned.visits, vec![3; n], "{n} rows, {safe} safe, batch {batch}");
        assert_eq!(learned.trace.iter().map(|t| t.epoch).collect::<Vec<_>>(), [1, 2, 3]);
    }
}

#[test]
fn the_released_variant_drops_what_is_over() {
    for (n, safe, steps) in [(23, 12, 2), (12, 23, 2), (14, 50, 2), (15, 15, 3)] {
        let settings = BilevelSettings { epochs: 4, ..released() };
        let (data, safe) = (rows("d", n), rows("safe", safe));
        let mut seen = Vec::new();
        let mut progress = |done: usize, all: usize| seen.push((done, all));
        let trainer = Trainer::new(bilevel(&data, &safe, &settings)).unwrap();
        let learned = trainer.run(&mut progress).unwrap();
        assert_eq!(seen, (1..=4 * steps).map(|i| (i, 4 * steps)).collect::<Vec<_>>());
        assert_eq!(learned.visits.iter().sum::<u32>() as usize, 4 * 5 * steps);
        assert!(learned.visits.iter().all(|v| *v <= 4), "{:?}", learned.visits);
    }
}

#[test]
fn under_adam_rows_move_that_were_never_visited() {
    let settings = BilevelSettings { epochs: 1, ..released() };
    let learned = learn(&rows("d", 23), &rows("safe", 12), &settings);
    let unvisited = learned.visits.iter().zip(&learned.omega).filter(|(v, _)| **v == 0);
    let moved: Vec<f64> = unvisited.map(|(_, w)| w - 0.1).collect();
    // Two steps of the whole rate, however small the gradient.
    assert_eq!(moved.len(), 13);
    assert!(moved.iter().all(|m| (m / 0.04 - 1.0).abs() < 1e-3), "{moved:?}");
}

#[test]
fn at_gamma_0_theta_does_not_see_d() {
    let safe = rows("safe", 16);
    let at = |gamma: Gamma, data: &str| {
        learn(&rows(data, 23), &safe, &BilevelSettings { gamma, ..settings() })
    };
    for gamma in
        [Gamma::Constant(0.0), Gamma::Growing { start: 0.0, increment: 0.0, per: GammaUnit::Step }]
    {
        let (a, b) = (at(gamma.clone(), "d"), at(gamma, "other"));
        assert_eq!(safe_losses(&a), safe_losses(&b));
        assert_ne!(row_losses(&a), row_losses(&b));
    }
    let (a, b) = (at(Gamma::Constant(0.2), "d"), at(Gamma::Constant(0.2), "other"));
    assert_ne!(safe_losses(&a), safe_losses(&b));
    // The published schedule starts at 0.
    let (a, b) = (at(Gamma::default(), "d"), at(Gamma::default(), "other"));
    assert_eq!(safe_losses(&a)[0], safe_losses(&b)[0]);
    assert_ne!(safe_losses(&a)[1], safe_losses(&b)[1]);
}

#[test]
fn leaving_out_a_term_of_weight_0_changes_nothing() {
    // With dropout too: what a row is scored by does not depend on gamma being 0.
    for lora in [None, Some(lora(0.0)), Some(lora(0.5))] {
        let at = |gamma| {
            let gamma = Gamma::Constant(gamma);
            let settings = BilevelSettings { gamma, lora: lora.clone(), ..settings() };
            learn(&rows("d", 23), &rows("safe", 16), &settings)
        };
        let (left_out, kept) = (at(0.0), at(1e-12));
        assert!(worst(&left_out.omega, &kept.omega) < 1e-6, "{lora:?}");
        assert!(worst(&safe_losses(&left_out), &safe_losses(&kept)) < 1e-5, "{lora:?}");
    }
}

#[test]
fn a_gamma_that_grows_within_an_epoch_is_reported_by_its_mean() {
    // 5 steps an epoch, of which the last has 2 rows.
    let (data, safe) = (rows("d", 22), rows("safe", 16));
    let reported = |gamma| {
        let learned = learn(&data, &safe, &BilevelSettings { gamma, ..settings() });
        learned.trace.into_iter().map(|e| (e.gamma, e.gamma_eff)).collect::<Vec<_>>()
    };
    let of_step = reported(Gamma::Growing { start: 0.1, increment: 0.02, per: GammaUnit::Step });
    for ((gamma, effective), mean) in of_step.into_iter().zip([0.14, 0.24]) {
        assert!((gamma - mean).abs() < 1e-12, "{gamma}");
        // Softmax has a mean weight of 1.
        assert!((effective - mean).abs() < 1e-9, "{effective}");
    }
    // What does not change is reported to the last bit.
    for gamma in [0.1, 0.3, 0.7] {
        assert!(reported(Gamma::Constant(gamma)).iter().all(|(got, _)| *got == gamma));
    }
}

#[test]
fn the_order_of_the_files_changes_nothing() {
    let (data, safe) = (rows("d", 23), rows("safe", 16));
    let reversed = |rows: &[_]| rows.iter().rev().cloned().collect::<Vec<_>>();
    for settings in [settings(), released()] {
        let a = learn(&data, &safe, &settings);
        let mut b = learn(&reversed(&data), &reversed(&safe), &settings);
        b.omega.reverse();
        // Softmax sums its rows in the order of the file, in f64.
        assert!(worst(&a.omega, &b.omega) < 1e-6, "{:?}", settings.algorithm);
        assert!(worst(&safe_losses(&a), &safe_losses(&b)) < 1e-6, "{:?}", settings.algorithm);
    }
}

#[test]
fn a_run_is_a_function_of_its_seed() {
    let (data, safe) = (rows("d", 23), rows("safe", 16));
    let dropping = BilevelSettings { lora: Some(lora(0.3)), ..settings() };
    for settings in [settings(), dropping] {
        let of = |seed| run(Bilevel { seed, ..bilevel(&data, &safe, &settings) }).unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1).omega, of(2).omega);
    }
}

#[test]
fn micro_batches_are_one_batch() {
    let (data, safe) = (rows("d", 23), rows("safe", 16));
    for algorithm in [Algorithm::One, Algorithm::Two] {
        let lora = Some(lora(0.3));
        let whole = BilevelSettings { algorithm, lora, ..settings() };
        let one = learn(&data, &safe, &whole);
        for micro_batch in [1, 3, 7, 100] {
            let parts = BilevelSettings { micro_batch: Some(micro_batch), ..whole.clone() };
            let many = learn(&data, &safe, &parts);
            let off = worst(&one.omega, &many.omega);
            assert!(off < 1e-5, "{algorithm:?}, {micro_batch} at once: {off:e}");
            assert!(worst(&safe_losses(&one), &safe_losses(&many)) < 1e-5);
        }
    }
    let none = BilevelSettings { micro_batch: Some(0), ..settings() };
    assert!(none.validate().unwrap_err().to_string().contains("micro_batch"));
}

#[test]
fn dropout_reaches_training() {
    let (data, safe) = (rows("d", 23), rows("safe", 16));
    // Adapters start without effect: only from the second step on do they drop.
    let with =
        |share| learn(&data, &safe, &BilevelSettings { lora: Some(lora(share)), ..settings() });
    assert_ne!(safe_losses(&with(0.0)), safe_losses(&with(0.3)));
    assert_ne!(with(0.0).omega, learn(&data, &safe, &settings()).omega);
}

#[test]
fn kappa_sets_the_rate_and_a_raw_rate_is_taken_as_it_is() {
    let (data, safe) = (rows("d", 10), rows("safe", 10));
    let rate = |selector, rate| {
        let settings = BilevelSettings { selector, rate, kappa: 0.3, ..settings() };
        learn(&data, &safe, &settings).rate
    };
    // kappa B / (E L0), at B = 5, E = 2, L0 = 7.
    let base = 0.3 * 5.0 / (2.0 * 7.0);
    // Matched by (dp/dw at the start)^2: 1, 1/2, 3/2, 1.
    use SelectorFunction::{Relu, ShiftedTanh, Sigmoid, Softmax, Tanh};
    let factors =
        [(Softmax, 1.0), (Sigmoid, 4.0), (Tanh, 4.0 / 9.0), (Relu, 1.0), (ShiftedTanh, 1.0)];
    for (selector, factor) in factors {
        assert!((rate(selector, None) / (base * factor) - 1.0).abs() < 1e-12, "{selector:?}");
        assert_eq!(rate(selector, Some(0.01)), 0.01, "{selector:?}");
        let adam = BilevelSettings { selector, rate: Some(0.01), ..released() };
        assert_eq!(learn(&data, &safe, &adam).rate, 0.01, "{selector:?} with Adam");
    }
}

#[test]
fn a_logit_ends_near_minus_kappa_times_its_excess_loss() {
    // What kappa promises, to first order: with theta all but still.
    let (data, safe) = (rows("d", 200), rows("safe", 16));
    let settings = BilevelSettings {
        kappa: 0.05,
        optim: OptimConfig { lr: 1e-9, ..OptimConfig::default() },
        ..settings()
    };
    let losses = seal_bilevel::score(&model(), &data, 50, &mut |_, _| ()).unwrap();
    let mean = losses.iter().sum::<f64>() / losses.len() as f64;
    let learned = run(Bilevel { mean_loss: mean, ..bilevel(&data, &safe, &settings) }).unwrap();
    let promised: Vec<f64> = losses.iter().map(|l| -0.05 * (l / mean - 1.0)).collect();
    let spread = promised.iter().map(|w| w.abs()).fold(0.0, f64::max);
    assert!(worst(&learned.omega, &promised) < 0.15 * spread, "{spread}");
}

#[test]
fn a_collapse_stops_the_run_except_the_released_one() {
    let (data, safe) = (rows("d", 40), rows("safe", 16));
    let steep = BilevelSettings { rate: Some(20.0), ..settings() };
    let error = run(bilevel(&data, &safe, &steep)).unwrap_err();
    let BilevelError::Collapsed { epoch, ess } = error else { panic!("{error}") };
    assert!(epoch >= 1 && ess < CollapseAlarm::STOP_BELOW);
    let steep = BilevelSettings { rate: Some(20.0), batch: 1, epochs: 1, ..released() };
    let safe = rows("safe", 40);
    let last = learn(&data, &safe, &steep).trace.pop().unwrap();
    assert!(last.weights.ess_share < CollapseAlarm::STOP_BELOW, "{last:?}");
}

#[test]
fn what_is_refused_says_why() {
    let (data, safe) = (rows("d", 10), rows("safe", 10));
    let refusal = |data: &[_], safe: &[_], settings: &BilevelSettings| {
        run(bilevel(data, safe, settings)).unwrap_err().to_string()
    };
    insta::assert_snapshot!(refusal(&[], &safe, &settings()), @"the fine-tuning set has no rows that can be trained on");
    insta::assert_snapshot!(refusal(&data, &[], &settings()), @"the safe set has no rows that can be trained on");
    let few = BilevelSettings { batch: 11, ..released() };
    insta::assert_snapshot!(refusal(&data, &safe, &few), @"batch is 11, but the sets hold 10 and 10 rows: algorithm released drops batches that are not whole");
    let no_rate = BilevelSettings { rate: None, ..released() };
    insta::assert_snapshot!(refusal(&data, &safe, &no_rate), @"algorithm released needs rate, Adam's (published: 0.005); kappa is for algorithm-1 and algorithm-2");
    let per_step = Gamma::Growing { start: 0.0, increment: 0.4, per: GammaUnit::Step };
    let steep = BilevelSettings { gamma: per_step, ..settings() };
    insta::assert_snapshot!(refusal(&data, &safe, &steep), @"gamma must stay in [0, 1), reaches 1.2000000000000002");
    let wild = OptimConfig { lr: 1e30, ..OptimConfig::default() };
    let diverges = BilevelSettings { optim: wild, ..settings() };
    insta::assert_snapshot!(refusal(&data, &safe, &diverges), @"epoch 1, step 1: the gradient norm is NaN (row e00e66ceda4973c8b068671b4b599d15 and 9 more); lower the learning rate or look at the data");
    let mut broken = model();
    let gate = &mut broken.trunk.layers[0].linear_mut("gate_proj").unwrap().weight;
    *gate = Param::from_tensor(gate.val().mul_scalar(f32::NAN).detach());
    for gamma in [0.0, 0.2] {
        let settings = BilevelSettings { gamma: Gamma::Constant(gamma), ..settings() };
        let task = Bilevel { model: broken.clone(), ..bilevel(&data, &safe, &settings) };
        let error = run(task).unwrap_err().to_string();
        let said = "tied: the loss of a row is NaN before any training: tensor \
                    `model.layers.0.mlp.gate_proj.weight` holds a weight of NaN";
        assert!(error.contains(said), "{error}");
        let error = score(&broken, &data, 4, &mut |_, _| ()).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let huge = [
        ("epochs", BilevelSettings { epochs: usize::MAX, ..settings() }),
        ("batch", BilevelSettings { batch: usize::MAX / 2, ..settings() }),
        ("micro_batch", BilevelSettings { micro_batch: Some(usize::MAX), ..settings() }),
        (
            "lora.r",
            BilevelSettings { lora: Some(LoraConfig { r: usize::MAX, ..lora(0.0) }), ..settings() },
        ),
        (
            "lora.lora_alpha",
            BilevelSettings {
                lora: Some(LoraConfig { lora_alpha: 1e300, ..lora(0.0) }),
                ..settings()
            },
        ),
    ];
    for (name, settings) in huge {
        let error = refusal(&data, &safe, &settings);
        assert!(error.starts_with(&format!("{name} must be")), "{name}: {error}");
    }
    // At their bounds settings may be slow, but are no panic.
    let large = BilevelSettings { batch: 1 << 20, epochs: 1, ..settings() };
    large.validate().unwrap();
    let collapse = BilevelError::Collapsed { epoch: 2, ess: 0.04 };
    insta::assert_snapshot!(collapse.to_string(), @"epoch 2: the selector collapsed: its effective sample size is 0.040 of the rows, below 0.05; lower bilevel.kappa (or bilevel.rate)");
}
