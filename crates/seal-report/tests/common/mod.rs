//! Invented results: no figure here was ever measured.

#![allow(dead_code, reason = "each test binary uses a part")]

mod arms;
mod figures;
mod specs;

use std::collections::BTreeMap;

use seal_report::{
    Arm, Comparison, Provenance, Report, Results, Role, RunCost, SplitSummary, StageCost,
    StageOutcome, WinRate,
};

pub use figures::figures;

use arms::build;
use specs::SPECS;

pub const TESTS: [&str; 3] = ["hh", "slimorca", "hexphi"];

/// Four decimals: invented figures need no more, and files stay readable.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn comparisons(arms: &[Arm], several: bool) -> Vec<Comparison> {
    let seal = arms.iter().find(|arm| arm.role == Role::Seal).unwrap();
    let mut all = Vec::new();
    for arm in arms.iter().filter(|arm| arm.role == Role::Ablation) {
        for test in TESTS {
            let diff = round(arm.win_rate[test].mean.unwrap() - seal.win_rate[test].mean.unwrap());
            let p = round((-diff.abs() * 0.7).exp());
            all.push(Comparison {
                arm: arm.id.clone(),
                against: "seal".into(),
                test: test.into(),
                diff: Some(diff),
                lo: several.then(|| round(diff - 3.9)),
                hi: several.then(|| round(diff + 3.9)),
                p: several.then_some(p),
                p_holm: several.then(|| round((p * 9.0).min(1.0))),
                detectable: several.then_some(if test == "slimorca" { 4.4 } else { 5.6 }),
            });
        }
    }
    all
}

fn study(seeds: &[u64]) -> Results {
    let arms: Vec<Arm> = SPECS.iter().map(|spec| build(spec, seeds)).collect();
    let split = |rows, unsafe_rows, hash: &str| SplitSummary {
        rows,
        unsafe_rows: Some(unsafe_rows),
        dropped: 0,
        ids_hash: hash.into(),
    };
    let mut results = Results {
        study: "missing-ablations".into(),
        reference: "standard-sft".into(),
        seeds: seeds.to_vec(),
        comparisons: comparisons(&arms, seeds.len() > 1),
        arms,
        ..Results::default()
    };
    results.judge = TESTS.iter().map(|test| ((*test).to_owned(), "oracle".to_owned())).collect();
    results.informative = BTreeMap::from([
        ("hh".into(), Some(true)),
        ("slimorca".into(), Some(false)),
        ("hexphi".into(), Some(true)),
    ]);
    results.data.splits = BTreeMap::from([
        ("redorca".into(), split(2000, 400, "6b1f0c2d9a3e4b57")),
        ("blueorca".into(), split(2000, 0, "0d3c9be87f216a45")),
        ("hexphi".into(), split(330, 330, "93ab1c7e5d20f846")),
    ]);
    results.data.overlap =
        BTreeMap::from([("redorca/blueorca".into(), 0), ("redorca/hexphi".into(), 0)]);
    results
}

/// Three seeds, every arm, labels known.
pub fn full() -> Results {
    study(&[0, 1, 2])
}

/// One seed: no study interval and no tests.
pub fn one_seed() -> Results {
    study(&[7])
}

/// Four arms, with verdicts that a judge did not give.
pub fn missing() -> Results {
    let mut results = small(full());
    let arm = results.arms.iter_mut().find(|arm| arm.id == "gamma-0.2").unwrap();
    let rate = arm.win_rate.get_mut("hexphi").unwrap();
    (rate.missing, rate.ties) = (12, rate.ties - 12);
    (rate.worst, rate.best) = (Some(51.8), Some(53.0));
    // A judge that never answered leaves nothing to average.
    let lost = WinRate { missing: 900, worst: Some(0.0), best: Some(100.0), ..WinRate::default() };
    arm.win_rate.insert("hh".into(), lost);
    results
}

/// Four arms on data that does not say which rows are unsafe, a likelihood
/// judge, and an arm whose name tries to break each format.
pub fn unlabelled() -> Results {
    let mut results = small(full());
    results.informative = BTreeMap::new();
    for split in results.data.splits.values_mut() {
        split.unsafe_rows = None;
    }
    for arm in &mut results.arms {
        for rate in arm.win_rate.values_mut() {
            rate.margin = Some(0.25);
        }
        let cells = arm.cells.iter_mut().filter_map(|cell| cell.selection.as_mut());
        for ranking in arm.selection.iter_mut().map(|s| &mut s.ranking).chain(cells) {
            (ranking.auroc, ranking.unsafe_kept, ranking.unsafe_kept_floor) = (None, None, None);
        }
        if arm.id == "sigmoid" {
            arm.label = "<b>50% & {a_b}|\\x</b>".into();
        }
    }
    results
}

/// Reference, SEAL and one arm of each ablation.
fn small(mut results: Results) -> Results {
    let keep = ["standard-sft", "seal", "gamma-0.2", "sigmoid"];
    results.arms.retain(|arm| keep.contains(&arm.id.as_str()));
    results.comparisons.retain(|c| keep.contains(&c.arm.as_str()));
    for arm in &mut results.arms {
        arm.by_category.clear();
        arm.cells.truncate(1);
    }
    results
}

pub fn provenance() -> Provenance {
    Provenance {
        versions: BTreeMap::from([
            ("seal".into(), "0.1.0".into()),
            ("rustc".into(), "1.95.0".into()),
        ]),
        settings_toml: "[study]\nname = \"missing-ablations\"\nseeds = [0, 1, 2]\n".into(),
        command: "cargo xtask ablate --seeds 0,1,2".into(),
        environment: BTreeMap::from([
            ("device".into(), "flex".into()),
            ("os".into(), "linux x86_64".into()),
        ]),
        ..Provenance::default()
    }
}

pub fn cost(results: &Results) -> RunCost {
    let mut cost = RunCost { wall_seconds: 431.2, ..RunCost::default() };
    let mut push = |stage: &str, arm: Option<&str>, seed, outcome, seconds, tokens| {
        cost.stages.push(StageCost {
            stage: stage.into(),
            arm: arm.map(str::to_owned),
            seed,
            key: format!("{stage}-{}", arm.unwrap_or("shared")),
            outcome,
            seconds,
            tokens,
        });
    };
    push("base", None, None, StageOutcome::Found, 0.0, None);
    for arm in &results.arms {
        for seed in &results.seeds {
            if arm.gamma.is_some() {
                push("selector", Some(&arm.id), Some(*seed), StageOutcome::Run, 6.25, Some(84_000));
            }
            push("sft", Some(&arm.id), Some(*seed), StageOutcome::Run, 4.5, Some(56_000));
            push("answers", Some(&arm.id), Some(*seed), StageOutcome::Run, 1.5, Some(9_300));
        }
    }
    cost
}

/// Everything a run folder can hold.
pub fn report(results: Results) -> Report {
    Report {
        figures: Some(figures(&results)),
        provenance: Some(provenance()),
        cost: Some(cost(&results)),
        results,
        is_unchecked: false,
    }
}
