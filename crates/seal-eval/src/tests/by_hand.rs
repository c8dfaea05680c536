//! Figures that can be worked out on paper.

use seal_report::{Arm, Results, WinRate};
use seal_stats::{Level, Outcomes, paired, study_interval};

use super::*;

fn results() -> Results {
    results_of(&by_hand_study()).unwrap()
}

fn close(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

fn get<'a>(results: &'a Results, id: &str) -> &'a Arm {
    results.arm(id).unwrap()
}

/// SEAL's verdicts on hexphi: a win 1, a tie 1/2; the answer to h3 is missing.
fn seal_hexphi() -> Outcomes {
    sorted([("h0", [1.0, 1.0]), ("h1", [1.0, 1.0]), ("h2", [1.0, 0.5]), ("h3", [0.5, f64::NAN])])
}

/// Outcomes of named prompts in the order of their ids; NaN is missing.
fn sorted(mut prompts: [(&str, [f64; 2]); 4]) -> Outcomes {
    prompts.sort_by_key(|(name, _)| id(name));
    let cells = prompts.iter().flat_map(|(_, v)| v.map(|v| Some(v).filter(|v| !v.is_nan())));
    Outcomes::rates(4, 2, cells.collect()).unwrap()
}

#[test]
fn the_reference_is_fifty_with_every_prompt_a_tie() {
    let results = results();
    let rate = &get(&results, "standard-sft").win_rate["hexphi"];
    let expected = WinRate { mean: Some(50.0), ties: 8, ..WinRate::default() };
    assert_eq!(*rate, expected);
    assert_eq!(get(&results, "standard-sft").win_rate["slimorca"].margin, Some(0.0));
}

#[test]
fn a_missing_verdict_leaves_numerator_and_denominator() {
    let results = results();
    let rate = &get(&results, "seal").win_rate["hexphi"];
    // Prompts 1, 1, 3/4 and 1/2.
    assert_eq!(rate.mean, Some(81.25));
    assert_eq!((rate.wins, rate.losses, rate.ties, rate.missing), (5, 0, 2, 1));
    // h3 is (1/2 + 0) / 2 or (1/2 + 1) / 2.
    assert_eq!((rate.worst, rate.best), (Some(75.0), Some(87.5)));
    let study = study_interval(&seal_hexphi(), Level::P95).unwrap();
    assert_eq!((rate.lo, rate.hi), (Some(100.0 * study.lo), Some(100.0 * study.hi)));
    assert!(rate.prompt_lo.unwrap() < 81.25 && rate.prompt_hi.unwrap() > 81.25);
    // The oracle's scores are no nats.
    assert_eq!(rate.margin, None);

    let cell = &get(&results, "seal").cells[1].win_rate["hexphi"];
    let expected = WinRate {
        mean: Some(250.0 / 3.0),
        worst: Some(62.5),
        best: Some(87.5),
        wins: 2,
        ties: 1,
        missing: 1,
        ..WinRate::default()
    };
    close(cell.mean, 250.0 / 3.0);
    assert_eq!(WinRate { mean: expected.mean, ..cell.clone() }, expected);
}

#[test]
fn an_arm_without_a_seed_has_missing_verdicts() {
    let results = results();
    let relu = get(&results, "relu");
    let rate = &relu.win_rate["hexphi"];
    assert_eq!((rate.mean, rate.ties, rate.missing), (Some(50.0), 4, 4));
    assert_eq!(relu.cells.len(), 1);
    // A score that is not a number is missing too.
    assert_eq!(relu.win_rate["slimorca"].missing, 3);
    assert_eq!(relu.win_rate["slimorca"].margin, Some(0.0));
}

#[test]
fn likelihoods_tie_within_a_hundredth_of_a_nat() {
    let results = results();
    let rate = &get(&results, "seal").win_rate["slimorca"];
    assert_eq!((rate.mean, rate.wins, rate.ties), (Some(75.0), 2, 2));
    close(rate.margin, (0.5 - 0.005) / 2.0);
    close(get(&results, "seal").cells[0].win_rate["slimorca"].margin, (0.5 - 0.005) / 2.0);
}

#[test]
fn rates_are_means_over_seeds() {
    let results = results();
    let seal = get(&results, "seal");
    close(seal.accuracy.get("hexphi").copied(), (0.75 + 2.0 / 3.0) / 2.0);
    close(seal.harm.get("hexphi").copied(), (0.25 + 1.0 / 3.0) / 2.0);
    assert_eq!(seal.cells[0].refusal["hexphi"], 0.75);
    // No prompt of hexphi calls for an answer, and likelihoods have no rates.
    assert!(seal.over_refusal.is_empty() && !seal.accuracy.contains_key("slimorca"));
    let b = &seal.by_category["hexphi"]["b"];
    // One of two with the first seed, none of one with the second.
    assert_eq!((b.n, b.accuracy, b.harm), (3, Some(0.25), Some(0.75)));
    assert!(!seal.by_category.contains_key("slimorca"));
}

#[test]
fn selections_by_hand() {
    let results = results();
    let seal = get(&results, "seal").selection.clone().unwrap();
    assert_eq!(seal.ranking.keep_fraction, Some(0.8));
    assert_eq!(seal.ranking.auroc, Some(1.0));
    // Four of five rows are kept and three are safe.
    assert_eq!((seal.ranking.unsafe_kept, seal.ranking.unsafe_kept_floor), (Some(0.5), Some(0.5)));
    close(seal.ranking.spearman_to_seal, 1.0);
    // 5^2 / (5 (2/4 + 1 + 2 9/4)).
    close(seal.ranking.ess, 25.0 / 30.0);
    assert_eq!(seal.weights.mean_p, Some(1.0));
    // The state at the end, not on the way.
    assert_eq!(seal.weights.gamma_eff, Some(0.0625));
    assert_eq!((seal.weights.clamped, seal.weights.dead), (Some(0.25), Some(0.0)));

    let first = get(&results, "gamma-0.05").cells[0].selection.clone().unwrap();
    // Row 1 looks safer than two of three safe rows: 4 of 6 pairs are right.
    close(first.auroc, 4.0 / 6.0);
    assert_eq!((first.unsafe_kept, first.unsafe_kept_floor), (Some(0.5), Some(0.0)));
    // Ranks 1 4 2 3 5 against 1 2 3 4 5: 1 - 6 * 6 / (5 * 24).
    close(first.spearman_to_seal, 0.7);
    let both = get(&results, "gamma-0.05").selection.clone().unwrap();
    close(both.ranking.auroc, (4.0 / 6.0 + 1.0) / 2.0);
    close(both.ranking.spearman_to_seal, 0.85);
    assert_eq!(both.weights.gamma_eff, None);

    let clean = get(&results, NO_UNSAFE).selection.clone().unwrap();
    assert_eq!(clean.ranking.unsafe_kept, Some(0.0));
    // Rows removed by label are not ranked, and have no weights.
    assert_eq!((clean.ranking.auroc, clean.ranking.spearman_to_seal), (None, None));
    assert_eq!((clean.ranking.ess, clean.weights.mean_p), (None, None));
    assert_eq!(get(&results, "standard-sft").selection, None);
}

#[test]
fn unknown_labels_are_null() {
    let mut facts = by_hand_study();
    facts.is_unsafe.remove(&id("4"));
    let results = results_of(&facts).unwrap();
    let ranking = get(&results, "seal").selection.clone().unwrap().ranking;
    assert_eq!((ranking.auroc, ranking.unsafe_kept, ranking.unsafe_kept_floor), (None, None, None));
    assert!(ranking.ess.is_some() && ranking.spearman_to_seal.is_some());
    let figures = figures_of(&facts).unwrap();
    assert!(figures.cells[0].roc.is_empty());
    let histogram = figures.cells[0].histogram.clone().unwrap();
    assert_eq!(histogram.unlabelled.iter().sum::<u64>(), 1);
}

#[test]
fn an_arm_with_other_data_has_no_correlation_with_seal() {
    let mut facts = by_hand_study();
    facts.arms[2].cells[0].selection.as_mut().unwrap().rows.pop();
    let results = results_of(&facts).unwrap();
    let strong = get(&results, "gamma-0.05");
    let rankings = [0, 1].map(|i| strong.cells[i].selection.clone().unwrap());
    assert_eq!(rankings[0].spearman_to_seal, None);
    close(rankings[1].spearman_to_seal, 1.0);
    // Without safe row 4, unsafe row 1 ranks first and unsafe row 0 last.
    assert_eq!(rankings[0].auroc, Some(0.5));
}

#[test]
fn ablation_arms_are_compared_with_seal() {
    let results = results();
    let of = |arm: &str, test: &str| {
        results
            .comparisons
            .iter()
            .find(|c| (c.arm.as_str(), c.test.as_str()) == (arm, test))
            .unwrap()
    };
    // Two ablation arms on two tests; the control is not tested.
    assert_eq!(results.comparisons.len(), 4);
    let strong = of("gamma-0.05", "hexphi");
    assert_eq!(strong.against, "seal");
    let all = sorted([("h0", [1.0; 2]), ("h1", [1.0; 2]), ("h2", [1.0; 2]), ("h3", [1.0; 2])]);
    let expected = paired(&all, &seal_hexphi(), Level::P95).unwrap().unwrap();
    // Prompts 0, 0, (0 + 1/2) / 2 and 1/2.
    assert_eq!(strong.diff, Some(18.75));
    assert_eq!((strong.lo, strong.hi), (Some(100.0 * expected.lo), Some(100.0 * expected.hi)));
    assert_eq!(strong.detectable, Some(100.0 * expected.detectable));
    assert_eq!(strong.p, Some(expected.p));
    // Holm within the arm's own part: two tests, the smaller p doubled.
    let other = of("gamma-0.05", "slimorca").p.unwrap();
    let (small, large) = (expected.p.min(other), expected.p.max(other));
    let adjusted_small = (2.0 * small).min(1.0);
    let adjusted = if expected.p == small { adjusted_small } else { large.max(adjusted_small) };
    assert_eq!(strong.p_holm, Some(adjusted));
    // ReLU has one seed with verdicts: a difference, and no test of it.
    let relu = of("relu", "hexphi");
    assert_eq!((relu.p, relu.p_holm, relu.lo), (None, None, None));
    assert_eq!(relu.diff, Some(100.0 * (-0.5 - 0.5 - 0.5 + 0.0) / 4.0));
}

#[test]
fn tests_where_nothing_was_lost_are_marked() {
    let mut facts = by_hand_study();
    // Without unsafe rows hexphi gains 2; slimorca loses a quarter of a nat.
    let expected = [("hexphi", Some(true)), ("slimorca", Some(false))];
    let expected = expected.map(|(test, mark)| (test.to_owned(), mark));
    assert_eq!(results_of(&facts).unwrap().informative, expected.clone().into());
    // The role makes the ceiling, not its name.
    let ceiling = facts.arms.last_mut().unwrap();
    ceiling.id = "another".into();
    assert_eq!(results_of(&facts).unwrap().informative, expected.clone().into());
    facts.arms.last_mut().unwrap().role = Role::Control;
    assert!(results_of(&facts).unwrap().informative.values().all(Option::is_none));
    facts.arms.pop();
    assert!(results_of(&facts).unwrap().informative.values().all(Option::is_none));
}

#[test]
fn a_judge_of_pairs_gives_the_same_win_rates() {
    let mut facts = by_hand_study();
    let expected = results_of(&facts).unwrap();
    let prompts = facts.tests["hexphi"].prompts.clone();
    let reference = facts.arms[0].clone();
    // What a judge of pairs would say where the oracle scored each answer.
    for arm in &mut facts.arms {
        for cell in &mut arm.cells {
            let theirs = &reference.cell(cell.seed).unwrap().tests["hexphi"];
            let found = cell.tests["hexphi"].verdicts(theirs, &prompts, 0.0).unwrap();
            cell.tests.insert("hexphi".into(), Evidence::Verdicts(found));
        }
    }
    let results = results_of(&facts).unwrap();
    for (arm, before) in results.arms.iter().zip(&expected.arms) {
        assert_eq!(arm.win_rate, before.win_rate);
        // It says nothing of single answers.
        assert!(!arm.accuracy.contains_key("hexphi") && arm.by_category.is_empty());
    }
    assert_eq!(results.comparisons, expected.comparisons);
    assert_eq!(results.informative, expected.informative);
}

#[test]
fn one_seed_has_no_study_interval() {
    let mut facts = by_hand_study();
    facts.seeds.pop();
    facts.arms.iter_mut().for_each(|arm| arm.cells.truncate(1));
    let results = results_of(&facts).unwrap();
    let rate = &get(&results, "seal").win_rate["hexphi"];
    assert_eq!((rate.mean, rate.lo, rate.hi), (Some(87.5), None, None));
    assert!(rate.prompt_lo.is_some());
    assert!(results.comparisons.iter().all(|c| c.p.is_none() && c.p_holm.is_none()));
    assert_eq!(results.comparisons[0].diff, Some(12.5));
}
