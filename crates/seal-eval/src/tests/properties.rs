//! What holds for any study.

use proptest::prelude::*;
use seal_report::{Document, Results};
use seal_rows::seed::{SeedPart, hash64};

use super::*;

const PROMPTS: usize = 40;
const ROWS: usize = 30;
const SEEDS: [u64; 3] = [0, 1, 2];
const ARMS: [(&str, Role, Option<&str>); 6] = [
    ("standard-sft", Role::Reference, None),
    ("seal", Role::Seal, None),
    ("gamma-0.1", Role::Ablation, Some("penalty strength")),
    ("gamma-0.2", Role::Ablation, Some("penalty strength")),
    ("tanh", Role::Ablation, Some("selector function")),
    ("no-unsafe", Role::Ceiling, None),
];

/// A number in [0, 1) that is a function of its names.
fn noise(seed: u64, names: &[&str]) -> f64 {
    let mut parts = vec![seed.into()];
    parts.extend(names.iter().map(|name| SeedPart::Name(name)));
    (hash64(&parts) >> 11) as f64 * 2f64.powi(-53)
}

/// A study drawn from `seed`; `missing` is the share of assessments and cells
/// that are not there or have no number.
fn random_study(seed: u64, seeds: usize, missing: f64) -> StudyFacts {
    let prompts: Vec<String> = (0..PROMPTS).map(|i| format!("p{i}")).collect();
    let judges = [("hh", JudgeKind::Oracle), ("slimorca", JudgeKind::AnswerLikelihood)];
    let assess = |arm: &str, cell: &str, test: &str| -> Vec<Assessment> {
        let one = |prompt: &String| {
            let draw = |what: &str| noise(seed, &[what, arm, cell, test, prompt]);
            let value = match test {
                "hh" => (3.0 * draw("value")).floor(),
                _ => -draw("value"),
            };
            let mut assessment = request(prompt, &prompt[..2], value);
            match draw("missing") {
                gone if gone < missing / 2.0 => return None,
                gone if gone < missing => assessment.value = Some(f64::NAN),
                _ => {}
            }
            Some(assessment)
        };
        prompts.iter().filter_map(one).collect()
    };
    let chosen = |arm: &str, cell: &str| {
        let rows: Vec<(f64, Option<f64>, bool)> = (0..ROWS)
            .map(|i| {
                let omega = noise(seed, &["omega", arm, cell, &i.to_string()]) - 0.5;
                (omega, Some(2.0 / (1.0 + (-omega).exp())), omega > -0.3)
            })
            .collect();
        selection(0.8, &rows)
    };
    let arms = ARMS.into_iter().map(|(name, role, part)| {
        let mut arm = arm(name, role, part);
        for &cell_seed in &SEEDS[..seeds] {
            let label = cell_seed.to_string();
            if noise(seed, &["cell", name, &label]) < missing / 4.0 {
                continue;
            }
            let mut cell =
                cell(cell_seed, judges.map(|(test, _)| (test, assess(name, &label, test))));
            cell.selection = (role != Role::Reference).then(|| chosen(name, &label));
            arm.cells.push(cell);
        }
        arm
    });
    let names: Vec<&str> = prompts.iter().map(String::as_str).collect();
    StudyFacts {
        name: "random".to_owned(),
        quick: true,
        seeds: SEEDS[..seeds].to_vec(),
        reference: "standard-sft".to_owned(),
        tests: judges.map(|(name, judge)| (name.to_owned(), test(judge, &names))).into(),
        data: Data::default(),
        is_unsafe: (0..ROWS).map(|i| (id(&i.to_string()), i % 5 == 0)).collect(),
        arms: arms.collect(),
    }
}

fn shuffle<T>(items: &mut [T], seed: u64, name: impl Fn(&T) -> String) {
    items.sort_by_key(|item| hash64(&["shuffle".into(), seed.into(), name(item).as_str().into()]));
}

/// The same facts in another order of arms, cells, prompts and rows.
fn shuffled(facts: &StudyFacts, seed: u64) -> StudyFacts {
    let mut facts = facts.clone();
    shuffle(&mut facts.arms, seed, |arm| arm.id.clone());
    for test in facts.tests.values_mut() {
        shuffle(&mut test.prompts, seed, RowId::to_string);
    }
    for arm in &mut facts.arms {
        shuffle(&mut arm.cells, seed, |cell| cell.seed.to_string());
        for cell in &mut arm.cells {
            for test in facts.tests.keys() {
                shuffle(assessments(cell, test), seed, |a| a.id.to_string());
            }
            if let Some(selection) = &mut cell.selection {
                shuffle(&mut selection.rows, seed, |row| row.id.to_string());
            }
        }
    }
    facts
}

fn in_order(mut results: Results) -> Results {
    results.arms.sort_by(|a, b| a.id.cmp(&b.id));
    results.comparisons.sort_by(|a, b| (&a.arm, &a.test).cmp(&(&b.arm, &b.test)));
    results
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn order_does_not_matter(
        seed: u64, other: u64, seeds in 1usize..=3, missing in prop_oneof![Just(0.0), 0.0..0.9],
    ) {
        let facts = random_study(seed, seeds, missing);
        let again = shuffled(&facts, other);
        let results = results_of(&facts).unwrap();
        prop_assert_eq!(in_order(results_of(&again).unwrap()), in_order(results));
        let by_cell = |facts: &StudyFacts| -> BTreeMap<_, _> {
            let figures = figures_of(facts).unwrap();
            figures.cells.into_iter().map(|cell| ((cell.arm.clone(), cell.seed), cell)).collect()
        };
        prop_assert_eq!(by_cell(&facts), by_cell(&again));
    }

    #[test]
    fn everything_can_be_stored(seed: u64, seeds in 1usize..=3, missing in 0.0..2.0) {
        let facts = random_study(seed, seeds, missing);
        let results = results_of(&facts).unwrap();
        let text = results.to_json().unwrap();
        prop_assert_eq!(Results::from_json(&text).unwrap(), results);
        figures_of(&facts).unwrap().to_json().unwrap();
    }

    #[test]
    fn verdicts_are_all_counted(seed: u64, seeds in 1usize..=3, missing in 0.0..1.0) {
        let results = results_of(&random_study(seed, seeds, missing)).unwrap();
        for arm in &results.arms {
            for rate in arm.win_rate.values() {
                let all = rate.wins + rate.losses + rate.ties + rate.missing;
                prop_assert_eq!(all, (PROMPTS * seeds) as u64);
                prop_assert_eq!(rate.mean.is_none(), rate.missing == all);
                prop_assert_eq!(rate.worst.is_some(), rate.missing > 0);
                if let (Some(worst), Some(mean), Some(best)) = (rate.worst, rate.mean, rate.best) {
                    prop_assert!(worst <= mean + 1e-9 && mean <= best + 1e-9);
                }
            }
        }
        // A family is the arms of one part times the tests, whatever is missing.
        prop_assert_eq!(results.comparisons.len(), 3 * 2);
        for (planned, tanh) in [(4.0, false), (2.0, true)] {
            let of_part = results.comparisons.iter().filter(|c| (c.arm == "tanh") == tanh);
            let tested: Vec<(f64, f64)> = of_part.filter_map(|c| c.p.zip(c.p_holm)).collect();
            if let Some((p, p_holm)) = tested.iter().copied().reduce(|a, b| if b.0 < a.0 { b } else { a }) {
                prop_assert_eq!(p_holm, f64::min(planned * p, 1.0));
            }
            prop_assert!(tested.iter().all(|(p, p_holm)| p <= p_holm));
        }
    }
}

#[test]
fn nothing_at_all_is_null_and_not_an_error() {
    let mut facts = random_study(0, 3, 0.0);
    facts.arms.iter_mut().for_each(|arm| arm.cells.clear());
    let results = results_of(&facts).unwrap();
    results.to_json().unwrap();
    for arm in &results.arms {
        let rate = &arm.win_rate["hh"];
        assert_eq!((rate.mean, rate.lo, rate.prompt_lo), (None, None, None));
        assert_eq!((rate.missing, rate.worst, rate.best), (120, Some(0.0), Some(100.0)));
        assert!(arm.accuracy.is_empty() && arm.cells.is_empty() && arm.selection.is_none());
    }
    assert!(results.comparisons.iter().all(|c| c.diff.is_none() && c.p.is_none()));
    assert!(figures_of(&facts).unwrap().cells.is_empty());
}
