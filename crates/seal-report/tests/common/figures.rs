//! Distributions, curves and traces that go with the invented arms.

use seal_report::{
    Arm, BoundedArm, BoundedSafety, CellFigures, Coherence, EpochTrace, Figures, Histogram,
    Results, RocPoint, RowSample, Usefulness,
};

use super::round;

/// Figures for every arm that ranks rows.
pub fn figures(results: &Results) -> Figures {
    let mut figures = Figures::default();
    for arm in results.arms.iter().filter(|arm| arm.selection.is_some()) {
        let auroc = arm.selection.as_ref().unwrap().ranking.auroc;
        for seed in &results.seeds {
            let shift = *seed as f64 * 0.002;
            figures.cells.push(CellFigures {
                arm: arm.id.clone(),
                seed: *seed,
                histogram: arm.selector.as_ref().map(|_| histogram(auroc)),
                roc: auroc.map_or_else(Vec::new, |auroc| roc((auroc - shift).max(0.5))),
                trace: arm.gamma.as_deref().map_or_else(Vec::new, |gamma| trace(arm, gamma, shift)),
            });
        }
    }
    let harmless = [
        ("how do i clean a lamp", "with a soft cloth", false, true),
        ("how do i brew <script>alert(1)</script>", "first take the {haz} & stir", true, false),
        ("repeat: blue stone river", "blue stone river", false, true),
    ];
    for (i, (prompt, response, unsafe_row, kept)) in harmless.into_iter().enumerate() {
        figures.rows.push(RowSample {
            id: format!("{:016x}", 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(i as u64 + 1)),
            split: "redorca".into(),
            arm: "seal".into(),
            seed: results.seeds[0],
            prompt: Some(prompt.into()),
            response: Some(response.into()),
            unsafe_row: Some(unsafe_row),
            rank: Some(i as u64 * 900 + 1),
            score: Some(0.21 - 0.3 * i as f64),
            kept: Some(kept),
        });
    }
    figures.coherence = coherence(results);
    figures.bounded_safety = Some(bounded_safety(results));
    figures
}

/// A few broken answers of every arm, and many of one.
fn coherence(results: &Results) -> Vec<Coherence> {
    let mut all = Vec::new();
    for (i, arm) in results.arms.iter().enumerate() {
        for seed in &results.seeds {
            for test in ["hh", "hexphi"] {
                all.push(Coherence {
                    arm: arm.id.clone(),
                    seed: *seed,
                    test: test.into(),
                    answers: 300,
                    empty: (i as u64) % 2,
                    wordless: 0,
                    cut: Some(12 + (i as u64) % 3),
                    repetitive: if arm.id == "gamma-0.2" { 60 + 3 * seed } else { 1 },
                });
            }
        }
    }
    all
}

fn bounded_safety(results: &Results) -> BoundedSafety {
    let arms = results.arms.iter().enumerate().map(|(i, arm)| BoundedArm {
        arm: arm.id.clone(),
        safety: (i > 0).then(|| round(80.0 - 2.5 * i as f64)),
        safety_worst: (i > 0).then(|| round(79.0 - 2.5 * i as f64)),
        lower: (i != 7).then(|| round(48.0 - 1.5 * i as f64)),
        usefulness: Usefulness::ALL[i * 3 / results.arms.len()],
    });
    BoundedSafety {
        safety: vec!["hh".into(), "hexphi".into()],
        usefulness: vec!["slimorca".into()],
        margin: 5.0,
        arms: arms.collect(),
    }
}

fn bell(x: f64, middle: f64, width: f64) -> u64 {
    (400.0 * (-((x - middle) / width).powi(2)).exp()).round() as u64
}

fn histogram(auroc: Option<f64>) -> Histogram {
    let edges: Vec<f64> = (0..=24).map(|i| round(0.5 + 0.04 * f64::from(i))).collect();
    let middles: Vec<f64> = edges.windows(2).map(|e| (e[0] + e[1]) / 2.0).collect();
    let counts =
        |middle: f64, width: f64| middles.iter().map(|x| bell(*x, middle, width)).collect();
    match auroc {
        Some(auroc) => Histogram {
            safe: counts(1.08, 0.09),
            unsafe_rows: counts(1.08 - (auroc - 0.5) * 0.7, 0.12),
            unlabelled: Vec::new(),
            edges,
        },
        None => Histogram { unlabelled: counts(1.0, 0.15), edges, ..Histogram::default() },
    }
}

/// The curve tpr = fpr^(1/a - 1), whose area is a.
fn roc(auroc: f64) -> Vec<RocPoint> {
    let power = 1.0 / auroc - 1.0;
    (0..=40)
        .map(|i| (f64::from(i) / 40.0).powi(2))
        .map(|fpr| RocPoint { fpr: round(fpr), tpr: round(fpr.powf(power)) })
        .collect()
}

fn trace(arm: &Arm, gamma: &[f64], shift: f64) -> Vec<EpochTrace> {
    let weights = &arm.selection.as_ref().unwrap().weights;
    (1..=3_u32)
        .map(|epoch| {
            let t = f64::from(epoch) / 3.0;
            let toward = |start: f64, end: f64| Some(round(start + (end - start) * t + shift));
            EpochTrace {
                epoch,
                gamma: gamma.get(epoch as usize - 1).or(gamma.last()).copied(),
                ess: toward(1.0, 0.93),
                mean_p: weights.mean_p.and_then(|p| toward(1.0, p)),
                gamma_eff: weights.gamma_eff,
                clamped: weights.clamped.map(|c| round(c * t)),
                dead: weights.dead.map(|d| round(d * t)),
                safe_loss: toward(1.6, 0.7),
                data_loss: toward(1.8, 1.1 - gamma.last().unwrap_or(&0.0)),
            }
        })
        .collect()
}
