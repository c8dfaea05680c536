//! A study small enough to work out by hand, and random ones.

mod by_hand;
mod judges;
mod plots;
mod properties;
mod refused;

use std::collections::BTreeMap;

use seal_judge::{Assessment, JudgeKind};
use seal_report::{Data, EpochTrace, Role};
use seal_rows::RowId;
use seal_select::SelectorRow;

use super::*;

/// Id of the arm that is the ceiling.
const NO_UNSAFE: &str = "no-unsafe";

/// The id of a prompt or row of this name.
fn id(name: &str) -> RowId {
    RowId::of(name, "", 0)
}

fn scored(name: &str, value: Option<f64>) -> Assessment {
    Assessment { value, ..Assessment::unscored(id(name), None) }
}

/// A harmful request: 2 for a refusal, 0 for compliance.
fn request(name: &str, category: &str, value: f64) -> Assessment {
    let refused = value == 2.0;
    Assessment {
        value: Some(value),
        correct: Some(refused),
        refusal: Some(refused),
        harm: Some(value == 0.0),
        ..Assessment::unscored(id(name), Some(category.to_owned()))
    }
}

fn arm(id: &str, role: Role, part: Option<&str>) -> ArmFacts {
    ArmFacts {
        id: id.to_owned(),
        label: id.to_uppercase(),
        role,
        ablation: None,
        ablated_part: part.map(str::to_owned),
        replacement: part.map(|_| id.to_owned()),
        gamma: None,
        selector: None,
        cells: Vec::new(),
    }
}

fn cell(seed: u64, tests: impl IntoIterator<Item = (&'static str, Vec<Assessment>)>) -> CellFacts {
    let tests = tests.into_iter().map(|(name, all)| (name.to_owned(), Evidence::Assessments(all)));
    let tests = tests.collect();
    CellFacts {
        seed,
        tests,
        selection: None,
        pairs: BTreeMap::new(),
        also: BTreeMap::new(),
        unasked: BTreeMap::new(),
    }
}

/// A selection of rows named 0, 1, ...: logit, weight and whether it is kept.
fn selection(keep_fraction: f64, rows: &[(f64, Option<f64>, bool)]) -> SelectionFacts {
    let row = |(i, (omega, p, kept)): (usize, &(f64, Option<f64>, bool))| SelectorRow {
        id: id(&i.to_string()),
        omega: *omega,
        p: *p,
        rank: 1 + rows.iter().filter(|other| other.0 > *omega).count(),
        kept: *kept,
    };
    let rows = rows.iter().enumerate().map(row).collect();
    SelectionFacts { keep_fraction, ranked: true, rows, trace: Vec::new() }
}

/// The assessments of a cell, to change.
fn assessments<'a>(cell: &'a mut CellFacts, test: &str) -> &'a mut Vec<Assessment> {
    match cell.tests.get_mut(test) {
        Some(Evidence::Assessments(all)) => all,
        _ => panic!("no assessments on {test}"),
    }
}

fn test(judge: JudgeKind, names: &[&str]) -> TestFacts {
    TestFacts {
        judge: TestJudge::Single(judge),
        tie: judge.default_tie(),
        judging: None,
        assessing: None,
        also: BTreeMap::new(),
        prompts: names.iter().map(|n| id(n)).collect(),
    }
}

/// Four harmful requests judged by the oracle, two answers by likelihood, two
/// seeds, five arms of which one lacks a seed.
fn by_hand_study() -> StudyFacts {
    let hexphi = |values: [f64; 4]| -> Vec<Assessment> {
        let of = [("h0", "a"), ("h1", "a"), ("h2", "b"), ("h3", "b")];
        of.into_iter().zip(values).map(|((name, c), value)| request(name, c, value)).collect()
    };
    let slimorca = |a: f64, b: f64| vec![scored("s0", Some(a)), scored("s1", Some(b))];
    let both =
        |h: [f64; 4], s: (f64, f64)| [("hexphi", hexphi(h)), ("slimorca", slimorca(s.0, s.1))];

    let mut reference = arm("standard-sft", Role::Reference, None);
    reference.cells = [5, 9].map(|seed| cell(seed, both([0.0; 4], (-1.0, -1.0)))).into();

    let mut seal = arm("seal", Role::Seal, None);
    seal.gamma = Some(vec![0.0, 0.03]);
    seal.selector = Some("softmax".to_owned());
    seal.cells = vec![
        cell(5, both([2.0, 2.0, 2.0, 0.0], (-0.5, -1.005))),
        cell(9, both([2.0, 2.0, 0.0, 0.0], (-0.5, -1.005))),
    ];
    // The answer to h3 was lost.
    assessments(&mut seal.cells[1], "hexphi").pop();
    let logits = [-2.0, -1.0, 0.0, 1.0, 2.0];
    let weights = [0.5, 0.5, 1.0, 1.5, 1.5];
    let rows = |logits: [f64; 5], kept: [bool; 5]| {
        [0, 1, 2, 3, 4].map(|i| (logits[i], Some(weights[i]), kept[i]))
    };
    let epoch = |epoch: u32, gamma_eff: f64| EpochTrace {
        epoch,
        gamma_eff: Some(gamma_eff),
        clamped: Some(0.25),
        dead: Some(0.0),
        ..EpochTrace::default()
    };
    for cell in &mut seal.cells {
        let mut chosen = selection(0.8, &rows(logits, [false, true, true, true, true]));
        chosen.trace = vec![epoch(1, 0.5), epoch(2, 0.0625)];
        cell.selection = Some(chosen);
    }

    let mut strong = arm("gamma-0.05", Role::Ablation, Some("penalty strength"));
    strong.cells = [5, 9].map(|seed| cell(seed, both([2.0; 4], (-2.0, -2.0)))).into();
    let other = rows([-2.0, 1.5, 0.0, 1.0, 2.0], [false, true, false, true, true]);
    strong.cells[0].selection = Some(selection(0.6, &other));
    strong.cells[1].selection =
        Some(selection(0.6, &rows(logits, [false, false, true, true, true])));

    let mut relu = arm("relu", Role::Ablation, Some("selector function"));
    relu.cells = vec![cell(5, both([0.0; 4], (-1.0, f64::NAN)))];

    let mut clean = arm(NO_UNSAFE, Role::Ceiling, None);
    clean.cells = [5, 9].map(|seed| cell(seed, both([2.0; 4], (-1.0, -1.5)))).into();
    for cell in &mut clean.cells {
        let mut chosen = selection(0.6, &rows(logits, [false, false, true, true, true]));
        chosen.ranked = false;
        chosen.rows.iter_mut().for_each(|row| row.p = None);
        cell.selection = Some(chosen);
    }

    StudyFacts {
        name: "by hand".to_owned(),
        quick: false,
        seeds: vec![5, 9],
        reference: "standard-sft".to_owned(),
        tests: BTreeMap::from([
            ("hexphi".to_owned(), test(JudgeKind::Oracle, &["h0", "h1", "h2", "h3"])),
            ("slimorca".to_owned(), test(JudgeKind::AnswerLikelihood, &["s0", "s1"])),
        ]),
        data: Data::default(),
        is_unsafe: (0..5).map(|i| (id(&i.to_string()), i < 2)).collect(),
        arms: vec![reference, seal, strong, relu, clean],
    }
}
