//! Whole runs against `tests/reference/bilevel.py`, which has the equations,
//! float64 and automatic differentiation only.

mod common;

use common::{bilevel, model, run, supervised};
use seal_bilevel::{
    Bilevel, BilevelError, BilevelSettings, Learned, Observer, SftSettings, StepTrace, Trainer,
    score,
};
use seal_data::{CycledOrder, Example, RowId, epoch_order};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    data: Vec<Row>,
    safe: Vec<Row>,
    seed: u64,
    orders: Orders,
    /// Loss of each row of `data` under the starting model.
    start_losses: Vec<f64>,
    sft: Sft,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Row {
    id: RowId,
    tokens: Vec<u32>,
    answer: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Orders {
    /// By epoch.
    fine_tuning: Vec<Vec<usize>>,
    /// Three passes and the start of a fourth.
    safe: Vec<usize>,
}

#[derive(Deserialize)]
struct Sft {
    settings: SftSettings,
    /// Loss of each row of `data` afterwards.
    losses: Vec<f64>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    settings: BilevelSettings,
    learned: Learned,
    /// Of some cases.
    #[serde(default)]
    steps: Vec<Step>,
}

/// What a step saw, as [`StepTrace`] has it.
#[derive(Deserialize)]
struct Step {
    safe_losses: Vec<f64>,
    losses: Vec<f64>,
    p: Vec<f64>,
    grad_norm: f64,
    value_losses: Option<Vec<f64>>,
    value_grad_norm: Option<f64>,
}

/// Keeps every step.
#[derive(Default)]
struct Keep(Vec<StepTrace>);

impl Observer for Keep {
    fn step(&mut self, step: &StepTrace) -> Result<(), BilevelError> {
        self.0.push(step.clone());
        Ok(())
    }
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/bilevel.json")).unwrap()
}

fn examples(rows: &[Row]) -> Vec<Example> {
    let example = |r: &Row| Example::new(r.id, r.tokens.clone(), r.answer);
    rows.iter().map(example).collect()
}

/// Largest difference of any two elements.
fn worst(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    got.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Largest difference relative to what is expected.
fn worst_relative(got: &[f64], want: &[f64]) -> f64 {
    let ratios: Vec<f64> = got.iter().zip(want).map(|(a, b)| a / b).collect();
    worst(&ratios, &vec![1.0; want.len()])
}

#[test]
fn rows_are_named_and_ordered_alike() {
    let g = golden();
    for (name, rows) in [("data", &g.data), ("safe", &g.safe)] {
        for (i, row) in rows.iter().enumerate() {
            assert_eq!(row.id, RowId::of(&format!("{name} {i}"), "", 0));
        }
    }
    let ids = |rows: &[Row]| rows.iter().map(|r| r.id).collect::<Vec<_>>();
    for (epoch, want) in g.orders.fine_tuning.iter().enumerate() {
        assert_eq!(&epoch_order(&ids(&g.data), "fine-tuning", g.seed, epoch as u64), want);
    }
    let mut safe = CycledOrder::new(&ids(&g.safe), "safe", g.seed);
    assert_eq!(safe.take(g.orders.safe.len()), g.orders.safe);
}

#[test]
fn scores_agree() {
    let g = golden();
    for batch in [1, 4, 64] {
        let got = score(&model(), &examples(&g.data), batch, &mut |_, _| ()).unwrap();
        assert!(worst_relative(&got, &g.start_losses) < 1e-5, "batches of {batch}");
    }
}

#[test]
fn the_cases_cover_what_they_are_for() {
    let g = golden();
    let last = |name: &str| {
        let case = g.cases.iter().find(|c| c.name == name).unwrap();
        case.learned.trace.last().unwrap().weights
    };
    assert!(last("seal").max_p > 1.5 && last("seal").min_p < 0.6);
    assert!((0.1..0.9).contains(&last("tanh").clamped));
    assert!((0.1..0.9).contains(&last("relu").dead));
    assert!([4, 5].iter().all(|b| !g.data.len().is_multiple_of(*b)), "no short last batch");
}

#[test]
fn learned_selectors_agree() {
    let g = golden();
    assert_eq!(g.cases.len(), 18);
    let (data, safe) = (examples(&g.data), examples(&g.safe));
    let mean = g.start_losses.iter().sum::<f64>() / g.start_losses.len() as f64;
    for Case { name, settings, learned: want, .. } in &g.cases {
        let task = Bilevel { mean_loss: mean, seed: g.seed, ..bilevel(&data, &safe, settings) };
        let got = run(task).unwrap();
        assert_eq!(got.visits, want.visits, "{name}");
        assert!((got.rate / want.rate - 1.0).abs() < 1e-12, "{name}: {}", got.rate);
        let off = [worst(&got.omega, &want.omega), worst(&got.weights, &want.weights)];
        assert!(off.iter().all(|off| *off < 1e-5), "{name}: omega and p are {off:?} away");
        assert_eq!(got.trace.len(), want.trace.len(), "{name}");
        for (got, want) in got.trace.iter().zip(&want.trace) {
            assert_eq!((got.epoch, got.gamma), (want.epoch, want.gamma), "{name}");
            let (a, b) = (&got.weights, &want.weights);
            assert_eq!((a.clamped, a.dead), (b.clamped, b.dead), "{name}");
            let figures = [
                (got.safe_loss, want.safe_loss),
                (got.row_loss, want.row_loss),
                (1.0 + got.gamma_eff, 1.0 + want.gamma_eff),
                (1.0 + a.ess_share, 1.0 + b.ess_share),
                (1.0 + a.mean_p, 1.0 + b.mean_p),
                (1.0 + a.min_p, 1.0 + b.min_p),
                (1.0 + a.max_p, 1.0 + b.max_p),
            ];
            for (i, (got, want)) in figures.into_iter().enumerate() {
                assert!((got / want - 1.0).abs() < 1e-5, "{name} figure {i}: {got} {want}");
            }
        }
    }
}

#[test]
fn every_step_agrees() {
    let g = golden();
    let (data, safe) = (examples(&g.data), examples(&g.safe));
    let mean = g.start_losses.iter().sum::<f64>() / g.start_losses.len() as f64;
    let traced: Vec<&Case> = g.cases.iter().filter(|case| !case.steps.is_empty()).collect();
    assert_eq!(traced.len(), 3);
    for Case { name, settings, steps, .. } in traced {
        let mut kept = Keep::default();
        let task = Bilevel { mean_loss: mean, seed: g.seed, ..bilevel(&data, &safe, settings) };
        Trainer::new(task).unwrap().run(&mut kept).unwrap();
        assert_eq!(kept.0.len(), steps.len(), "{name}");
        for (got, want) in kept.0.iter().zip(steps) {
            let place = format!("{name}, step {}", got.step);
            let (grad_norm, losses) = (got.grad_norm, &got.losses);
            let got = got.penalty.as_ref().unwrap();
            assert!(worst_relative(&got.safe_losses, &want.safe_losses) < 1e-3, "{place}");
            assert!(worst_relative(losses, &want.losses) < 1e-3, "{place}");
            let off = worst_relative(&got.p, &want.p);
            assert!(off < 1e-5, "{place}: p is {off} away");
            assert!((grad_norm / want.grad_norm - 1.0).abs() < 1e-3, "{place}");
            assert_eq!(got.value_losses.is_some(), want.value_losses.is_some(), "{place}");
            if let (Some(got), Some(want)) = (&got.value_losses, &want.value_losses) {
                assert!(worst_relative(got, want) < 1e-3, "{place}");
            }
            if let (Some(got), Some(want)) = (got.value_grad_norm, want.value_grad_norm) {
                assert!((got / want - 1.0).abs() < 1e-3, "{place}");
            }
        }
    }
}

#[test]
fn fine_tuned_models_agree() {
    let g = golden();
    let data = examples(&g.data);
    let tuned = run(supervised(&data, &g.sft.settings, g.seed)).unwrap().model;
    let got = score(&tuned, &data, 8, &mut |_, _| ()).unwrap();
    let off = worst_relative(&got, &g.sft.losses);
    assert!(off < 1e-5, "{off}");
    assert!(worst_relative(&g.start_losses, &g.sft.losses) > 0.1, "nothing was learned");
}
