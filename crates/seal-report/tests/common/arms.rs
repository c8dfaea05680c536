//! Figures of one arm that follow from its line in the table.

use std::collections::BTreeMap;

use seal_report::{Arm, CategoryRates, Cell, Ranking, Role, Selection, Weights, WinRate};

use super::specs::Spec;
use super::{TESTS, round};

const CATEGORIES: [&str; 11] = [
    "adult content",
    "child abuse",
    "economic harm",
    "fraud",
    "hate",
    "illegal activity",
    "malware",
    "physical harm",
    "political campaigning",
    "privacy violation",
    "tailored advice",
];

fn per_test(value: impl Fn(&str) -> Option<f64>) -> BTreeMap<String, f64> {
    TESTS.iter().filter_map(|t| Some(((*t).to_owned(), round(value(t)?)))).collect()
}

/// The win rate that goes with a refusal rate.
fn mean(test: &str, role: Role, refusal: f64) -> f64 {
    if role == Role::Reference {
        return 50.0;
    }
    round(match test {
        "hh" => 50.0 + 24.0 * (refusal - 0.04),
        "slimorca" => 48.9 + 2.0 * refusal,
        _ => 50.0 + 49.0 * (refusal - 0.04),
    })
}

fn win_rate(test: &str, role: Role, refusal: f64, seeds: usize) -> WinRate {
    let prompts = if test == "hexphi" { 330 } else { 300 };
    let total = prompts * seeds as u64;
    let mean = mean(test, role, refusal);
    let (study, prompt) = (3.1 + 4.0 * refusal * (1.0 - refusal), 2.4);
    let reference = role == Role::Reference;
    let around = |half: f64, sign: f64| (!reference).then(|| round(mean + sign * half));
    let many = |sign| if seeds > 1 { around(study, sign) } else { None };
    let wins = ((mean - 45.0).max(0.0) / 100.0 * total as f64) as u64;
    let losses = if reference { 0 } else { total / 25 };
    let wins = if reference { 0 } else { wins };
    WinRate {
        mean: Some(mean),
        lo: many(-1.0),
        hi: many(1.0),
        prompt_lo: around(prompt, -1.0),
        prompt_hi: around(prompt, 1.0),
        worst: None,
        best: None,
        margin: None,
        wins,
        losses,
        ties: total - wins - losses,
        missing: 0,
    }
}

fn categories(refusal: f64, seeds: usize) -> BTreeMap<String, CategoryRates> {
    let rates = |i: usize| {
        let swing = (i as f64 - 5.0) * 0.03 * (refusal * (1.0 - refusal) * 4.0);
        let refusal = (refusal + swing).clamp(0.0, 1.0);
        CategoryRates {
            n: 30 * seeds as u64,
            accuracy: Some(round(refusal)),
            refusal: Some(round(refusal)),
            harm: Some(round((1.0 - refusal) * 0.93)),
        }
    };
    CATEGORIES.iter().enumerate().map(|(i, name)| ((*name).to_owned(), rates(i))).collect()
}

pub fn build(spec: &Spec, seeds: &[u64]) -> Arm {
    let (id, label, role, replaced, gamma, selector, auroc, kept, refusal) = *spec;
    let base = id == "base";
    let selection = auroc.map(|auroc| Selection {
        ranking: Ranking {
            keep_fraction: Some(0.8),
            auroc: Some(auroc),
            unsafe_kept: Some(kept),
            unsafe_kept_floor: Some(0.0),
            spearman_to_seal: Some(if id == "seal" { 1.0 } else { round(auroc * 0.98) }),
            ess: selector.map(|_| 0.93),
        },
        weights: if selector.is_some() { weights(id, gamma) } else { Weights::default() },
    });
    let mut arm = Arm::new(id, label, role);
    arm.ablated_part = replaced.map(|(part, _)| part.to_owned());
    arm.replacement = replaced.map(|(_, replacement)| replacement.to_owned());
    arm.gamma = (!gamma.is_empty()).then(|| gamma.to_vec());
    arm.selector = selector.map(str::to_owned);
    let wins = |refusal, seeds| {
        TESTS.iter().map(|t| ((*t).to_owned(), win_rate(t, role, refusal, seeds))).collect()
    };
    arm.win_rate = wins(refusal, seeds.len());
    arm.accuracy = per_test(|t| match t {
        "hh" => Some(0.5 + refusal / 2.0),
        "slimorca" => Some(if base { 0.02 } else { 0.7 + 0.03 * refusal }),
        _ => Some(refusal),
    });
    arm.refusal = per_test(|t| (t != "slimorca").then_some(refusal));
    arm.over_refusal = per_test(|t| (t == "hh").then_some(0.02 * refusal));
    arm.harm = per_test(|t| (t != "slimorca").then_some((1.0 - refusal) * 0.93));
    arm.by_category = BTreeMap::from([("hexphi".to_owned(), categories(refusal, seeds.len()))]);
    arm.cells = seeds
        .iter()
        .map(|seed| {
            let refusal = (refusal + 0.01 * (*seed as f64 - 1.0)).clamp(0.0, 1.0);
            Cell {
                seed: *seed,
                win_rate: wins(refusal, 1),
                accuracy: per_test(|t| (t == "hexphi").then_some(refusal)),
                selection: selection.as_ref().map(|s| s.ranking.clone()),
                weights: selection.as_ref().map_or_else(Weights::default, |s| s.weights.clone()),
                ..Cell::default()
            }
        })
        .collect();
    // An arm's counts are those of its cells.
    for (test, rate) in &mut arm.win_rate {
        let sum =
            |pick: fn(&WinRate) -> u64| arm.cells.iter().map(|c| pick(&c.win_rate[test])).sum();
        rate.wins = sum(|rate| rate.wins);
        rate.losses = sum(|rate| rate.losses);
        rate.ties = sum(|rate| rate.ties);
    }
    arm.selection = selection;
    arm
}

fn weights(id: &str, gamma: &[f64]) -> Weights {
    let mean_p = if matches!(id, "sigmoid" | "tanh" | "relu") { 0.91 } else { 1.0 };
    let last = gamma.last().copied().unwrap_or(0.0);
    Weights {
        mean_p: Some(mean_p),
        gamma_eff: Some(round(last * mean_p / ((1.0 - last) + last * mean_p))),
        clamped: (id == "tanh").then_some(0.004),
        dead: (id == "relu").then_some(0.012),
    }
}
