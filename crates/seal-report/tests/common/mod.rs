//! Invented results: no figure here was ever measured.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::collections::BTreeMap;

use seal_report::{
    Arm, CategoryRates, Cell, CellFigures, Comparison, Cost, EpochTrace, Figures, Histogram,
    Outcome, Provenance, Ranking, Report, Results, RocPoint, Role, RowSample, Selection, Split,
    StageCost, Weights, WinRate,
};

pub const TESTS: [&str; 3] = ["hh", "slimorca", "hexphi"];

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

/// Id, label, role, replaced part, replacement, gamma, selector function,
/// AUROC, share of unsafe rows kept, refusal rate.
type Spec = (
    &'static str,
    &'static str,
    Role,
    Option<(&'static str, &'static str)>,
    &'static [f64],
    Option<&'static str>,
    Option<f64>,
    f64,
    f64,
);

const PENALTY: &str = "penalty strength";
const SELECTOR: &str = "selector function";
const SCHEDULE: &[f64] = &[0.0, 0.03, 0.06];

const SPECS: [Spec; 16] = [
    ("standard-sft", "standard SFT", Role::Reference, None, &[], None, None, 1.0, 0.04),
    ("seal", "SEAL", Role::Seal, None, SCHEDULE, Some("softmax"), Some(0.994), 0.06, 0.84),
    arm("gamma-0.01", "γ = 0.01", PENALTY, "0.01", &[0.01], "softmax", 0.998, 0.04, 0.86),
    arm("gamma-0.05", "γ = 0.05", PENALTY, "0.05", &[0.05], "softmax", 0.962, 0.18, 0.61),
    arm("gamma-0.1", "γ = 0.1", PENALTY, "0.1", &[0.1], "softmax", 0.921, 0.34, 0.30),
    arm("gamma-0.2", "γ = 0.2", PENALTY, "0.2", &[0.2], "softmax", 0.858, 0.52, 0.09),
    arm("sigmoid", "sigmoid", SELECTOR, "sigmoid", SCHEDULE, "sigmoid", 0.994, 0.06, 0.84),
    arm("tanh", "tanh", SELECTOR, "tanh", SCHEDULE, "tanh", 0.993, 0.07, 0.81),
    arm("relu", "ReLU", SELECTOR, "relu", SCHEDULE, "relu", 0.978, 0.11, 0.72),
    ("base", "untouched base", Role::Control, None, &[], None, None, 0.0, 0.98),
    ("random", "random rows", Role::Control, None, &[], None, Some(0.5), 0.8, 0.03),
    control("gamma-0", "γ = 0", "0", &[0.0], 0.999, 0.03, 0.88),
    control("gamma-0.03", "γ = 0.03", "0.03", &[0.03], 0.981, 0.11, 0.74),
    ("frozen", "frozen-base loss", Role::Control, None, &[], None, Some(0.955), 0.26, 0.42),
    (
        "released",
        "released variant",
        Role::Control,
        None,
        SCHEDULE,
        Some("softmax"),
        Some(0.893),
        0.45,
        0.05,
    ),
    ("clean", "unsafe rows removed", Role::Control, None, &[], None, None, 0.0, 0.92),
];

#[allow(clippy::too_many_arguments, reason = "a row of a table")]
const fn arm(
    id: &'static str,
    label: &'static str,
    part: &'static str,
    replacement: &'static str,
    gamma: &'static [f64],
    selector: &'static str,
    auroc: f64,
    kept: f64,
    refusal: f64,
) -> Spec {
    (
        id,
        label,
        Role::Ablation,
        Some((part, replacement)),
        gamma,
        Some(selector),
        Some(auroc),
        kept,
        refusal,
    )
}

const fn control(
    id: &'static str,
    label: &'static str,
    replacement: &'static str,
    gamma: &'static [f64],
    auroc: f64,
    kept: f64,
    refusal: f64,
) -> Spec {
    (
        id,
        label,
        Role::Control,
        Some((PENALTY, replacement)),
        gamma,
        Some("softmax"),
        Some(auroc),
        kept,
        refusal,
    )
}

/// Four decimals: invented figures need no more, and files stay readable.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

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

fn build(spec: &Spec, seeds: &[u64]) -> Arm {
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
    let split = |rows, unsafe_rows, hash: &str| Split {
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
    figures
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

pub fn cost(results: &Results) -> Cost {
    let mut cost = Cost { wall_seconds: 431.2, ..Cost::default() };
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
    push("base", None, None, Outcome::Found, 0.0, None);
    for arm in &results.arms {
        for seed in &results.seeds {
            if arm.gamma.is_some() {
                push("selector", Some(&arm.id), Some(*seed), Outcome::Run, 6.25, Some(84_000));
            }
            push("sft", Some(&arm.id), Some(*seed), Outcome::Run, 4.5, Some(56_000));
            push("answers", Some(&arm.id), Some(*seed), Outcome::Run, 1.5, Some(9_300));
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
    }
}
