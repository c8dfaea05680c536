//! What must hold for any verdicts, scores and weights.

use proptest::prelude::*;
use seal_stats::{
    Level, Outcomes, Scale, auroc, effective_sample_size, holm, holm_family, paired,
    prompt_interval, roc_curve, spearman, study_interval, win_rate,
};

/// Verdicts of up to 40 prompts by up to 4 seeds, some missing, often all alike.
fn outcomes() -> impl Strategy<Value = Outcomes> {
    (1_usize..40, 1_usize..5, 0_u32..4).prop_flat_map(|(prompts, seeds, kinds)| {
        let cell =
            (0..=kinds).prop_map(|kind| [Some(0.5), None, Some(1.0), Some(0.0)][kind as usize]);
        prop::collection::vec(cell, prompts * seeds)
            .prop_map(move |cells| Outcomes::rates(prompts, seeds, cells).unwrap())
    })
}

/// Two arms judged on the same prompts and seeds.
fn two_arms() -> impl Strategy<Value = (Outcomes, Outcomes)> {
    (2_usize..30, 2_usize..5).prop_flat_map(|(prompts, seeds)| {
        let cell = prop::sample::select(vec![Some(0.0), Some(0.5), Some(1.0), None]);
        let arm = prop::collection::vec(cell, prompts * seeds)
            .prop_map(move |cells| Outcomes::rates(prompts, seeds, cells).unwrap());
        (arm.clone(), arm)
    })
}

/// Wins become losses.
fn mirrored(outcomes: &Outcomes) -> Outcomes {
    let cells = outcomes.cells().iter().map(|cell| cell.map(|value| 1.0 - value)).collect();
    Outcomes::rates(outcomes.prompts(), outcomes.seeds(), cells).unwrap()
}

/// Prompts and seeds in reverse order.
fn reversed(outcomes: &Outcomes) -> Outcomes {
    let cells = outcomes.cells().iter().rev().copied().collect();
    Outcomes::rates(outcomes.prompts(), outcomes.seeds(), cells).unwrap()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

fn scores() -> impl Strategy<Value = Vec<(f64, bool)>> {
    prop::collection::vec(((-5_i32..5).prop_map(f64::from), any::<bool>()), 1..60)
}

proptest! {
    #[test]
    fn win_rate_lies_within_its_bounds(outcomes in outcomes()) {
        let rate = win_rate(&outcomes);
        let cells = outcomes.prompts() * outcomes.seeds();
        prop_assert_eq!(rate.wins + rate.losses + rate.ties + rate.missing, cells);
        let (worst, best) = (rate.worst.unwrap(), rate.best.unwrap());
        prop_assert!(0.0 <= worst && worst <= best && best <= 1.0);
        prop_assert_eq!(rate.mean.is_none(), rate.missing == cells);
        if let Some(mean) = rate.mean {
            prop_assert!(worst <= mean + 1e-12 && mean <= best + 1e-12);
        }
        if rate.missing == 0 {
            prop_assert_eq!((rate.worst, rate.best), (rate.mean, rate.mean));
        }
    }

    #[test]
    fn intervals_are_proper(outcomes in outcomes(), seed in any::<u64>()) {
        let mean = outcomes.mean();
        let prompt = prompt_interval(&outcomes, Level::P95, 400, seed);
        let judged = outcomes.prompt_means().len();
        prop_assert_eq!(prompt.is_some(), judged >= 2);
        if let Some(interval) = prompt {
            let mean = mean.unwrap();
            prop_assert!(0.0 <= interval.lo && interval.hi <= 1.0, "{:?}", interval);
            prop_assert!(interval.lo <= mean + 1e-9 && mean <= interval.hi + 1e-9, "{:?}", interval);
            prop_assert!(interval.lo < interval.hi, "{:?}", interval);
        }
        if let Some(study) = study_interval(&outcomes, Level::P95) {
            prop_assert!(0.0 <= study.lo && study.hi <= 1.0, "{:?}", study);
            prop_assert!(study.lo <= study.mean && study.mean <= study.hi, "{:?}", study);
            prop_assert!(study.lo < study.hi && study.se > 0.0, "{:?}", study);
            prop_assert!(near(study.mean, mean.unwrap()));
            prop_assert!(study.reach >= 1.95, "{:?}", study);
            prop_assert!(study.se.powi(2) >= study.var_prompt / judged as f64 - 1e-12);
        }
    }

    #[test]
    fn a_higher_level_is_wider(outcomes in outcomes()) {
        let at = |level| Level::new(level).unwrap();
        let ends = |level| study_interval(&outcomes, at(level)).map(|i| (i.lo, i.hi));
        if let (Some(narrow), Some(wide)) = (ends(0.8), ends(0.99)) {
            prop_assert!(wide.0 <= narrow.0 && narrow.1 <= wide.1, "{narrow:?} {wide:?}");
        }
        let ends = |level| prompt_interval(&outcomes, at(level), 400, 1).map(|i| (i.lo, i.hi));
        if let (Some(narrow), Some(wide)) = (ends(0.8), ends(0.99)) {
            prop_assert!(wide.0 <= narrow.0 && narrow.1 <= wide.1, "{narrow:?} {wide:?}");
        }
    }

    #[test]
    fn study_interval_has_no_favourites(outcomes in outcomes()) {
        let study = study_interval(&outcomes, Level::P95);
        let turned = study_interval(&mirrored(&outcomes), Level::P95);
        let shuffled = study_interval(&reversed(&outcomes), Level::P95);
        prop_assert_eq!(study.is_some(), turned.is_some());
        prop_assert_eq!(study.is_some(), shuffled.is_some());
        if let (Some(study), Some(turned), Some(shuffled)) = (study, turned, shuffled) {
            prop_assert!(near(study.lo, 1.0 - turned.hi) && near(study.hi, 1.0 - turned.lo));
            prop_assert!(near(study.se, turned.se) && near(study.se, shuffled.se));
            prop_assert!(near(study.lo, shuffled.lo) && near(study.hi, shuffled.hi));
        }
    }

    #[test]
    fn comparison_is_antisymmetric((a, b) in two_arms()) {
        let there = paired(&a, &b, Level::P95).unwrap();
        let back = paired(&b, &a, Level::P95).unwrap();
        prop_assert_eq!(there.is_some(), back.is_some());
        if let (Some(there), Some(back)) = (there, back) {
            prop_assert!(near(there.diff, -back.diff) && near(there.lo, -back.hi));
            prop_assert!(near(there.p, back.p) && near(there.detectable, back.detectable));
            prop_assert!(there.detectable > 0.0 && (0.0..=1.0).contains(&there.p));
            // The interval and the test must not contradict each other.
            let excludes_zero = there.lo > 1e-12 || there.hi < -1e-12;
            prop_assert!(!excludes_zero || there.p < 0.05 + 1e-9, "{there:?}");
            prop_assert!(excludes_zero || there.p > 0.05 - 1e-9, "{there:?}");
        }
    }

    #[test]
    fn an_arm_does_not_differ_from_itself((a, _) in two_arms()) {
        let same = a.minus(&a).unwrap();
        prop_assert_eq!(same.scale(), Scale::Difference);
        if let Some(found) = paired(&a, &a, Level::P95).unwrap() {
            prop_assert_eq!((found.diff, found.p), (0.0, 1.0));
            prop_assert!(found.lo < 0.0 && found.hi > 0.0);
        }
    }

    #[test]
    fn seeds_put_side_by_side_are_the_matrix(outcomes in outcomes()) {
        let columns: Vec<Outcomes> =
            (0..outcomes.seeds()).map(|s| outcomes.seed(s).unwrap()).collect();
        for (index, cell) in outcomes.cells().iter().enumerate() {
            let (prompt, seed) = (index / outcomes.seeds(), index % outcomes.seeds());
            prop_assert_eq!(columns[seed].cells()[prompt], *cell);
        }
        prop_assert!(outcomes.seed(outcomes.seeds()).is_err());
    }

    #[test]
    fn holm_only_raises_and_keeps_the_order(p in prop::collection::vec(0.0..=1.0, 1..20), extra in 0_usize..9) {
        let adjusted = holm_family(&p, p.len() + extra).unwrap();
        let alone = holm(&p).unwrap();
        for i in 0..p.len() {
            prop_assert!(p[i] <= alone[i] && alone[i] <= adjusted[i] && adjusted[i] <= 1.0);
            // Never beyond Bonferroni.
            prop_assert!(alone[i] <= (p[i] * p.len() as f64).min(1.0));
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
            }
        }
    }

    #[test]
    fn auroc_turns_with_the_score(rows in scores()) {
        let (scores, labels): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
        let area = auroc(&scores, &labels).unwrap();
        let one_class = labels.iter().all(|l| *l == labels[0]);
        prop_assert_eq!(area.is_none(), one_class);
        if let Some(area) = area {
            prop_assert!((0.0..=1.0).contains(&area));
            let negated: Vec<f64> = scores.iter().map(|s| -s).collect();
            prop_assert!(near(auroc(&negated, &labels).unwrap().unwrap(), 1.0 - area));
            let stretched: Vec<f64> = scores.iter().map(|s| s.exp()).collect();
            prop_assert_eq!(auroc(&stretched, &labels).unwrap(), Some(area));
        }
    }

    #[test]
    fn area_under_the_curve_is_the_auroc(rows in scores()) {
        let (scores, labels): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
        let full = roc_curve(&scores, &labels, usize::MAX).unwrap();
        prop_assert_eq!(full.is_some(), auroc(&scores, &labels).unwrap().is_some());
        let Some(full) = full else { return Ok(()) };
        let area: f64 = full
            .windows(2)
            .map(|w| {
                let height = (w[0].true_positive_rate + w[1].true_positive_rate) / 2.0;
                (w[1].false_positive_rate - w[0].false_positive_rate) * height
            })
            .sum();
        prop_assert!(near(area, auroc(&scores, &labels).unwrap().unwrap()));
        for points in 0..8 {
            let thinned = roc_curve(&scores, &labels, points).unwrap().unwrap();
            prop_assert!(thinned.len() <= points.max(2));
            prop_assert_eq!(thinned.first(), full.first());
            prop_assert_eq!(thinned.last(), full.last());
            prop_assert!(thinned.windows(2).all(|w| w[0].threshold > w[1].threshold));
        }
    }

    #[test]
    fn spearman_is_symmetric_and_bounded(pairs in prop::collection::vec((-9_i32..9, -9_i32..9), 0..40)) {
        let (a, b): (Vec<f64>, Vec<f64>) =
            pairs.into_iter().map(|(a, b)| (f64::from(a), f64::from(b))).unzip();
        let rho = spearman(&a, &b).unwrap();
        prop_assert_eq!(rho, spearman(&b, &a).unwrap());
        let negated: Vec<f64> = a.iter().map(|v| -v).collect();
        if let Some(rho) = rho {
            prop_assert!((-1.0..=1.0).contains(&rho));
            prop_assert!(near(spearman(&a, &a).unwrap().unwrap(), 1.0));
            prop_assert!(near(spearman(&negated, &b).unwrap().unwrap(), -rho));
        }
    }

    #[test]
    fn effective_size_ignores_scale_and_order(
        weights in prop::collection::vec(0.0..1e3_f64, 1..50), scale in 1e-6..1e6_f64,
    ) {
        let size = |w: Vec<f64>| effective_sample_size(w).unwrap();
        let found = size(weights.clone());
        prop_assert_eq!(found.is_none(), weights.iter().all(|w| *w == 0.0));
        if let Some(found) = found {
            prop_assert!((1.0..=weights.len() as f64).contains(&found.rows));
            let scaled = size(weights.iter().rev().map(|w| w * scale).collect()).unwrap();
            prop_assert!((scaled.rows / found.rows - 1.0).abs() < 1e-9);
        }
    }
}

#[test]
fn bad_input_is_named() {
    let message =
        |result: Result<Outcomes, seal_stats::StatsError>| result.unwrap_err().to_string();
    insta::assert_snapshot!(
        message(Outcomes::rates(2, 3, vec![None; 5])),
        @"outcomes of 2 prompts x 3 seeds need 6 cells, got 5; pass one cell per prompt and seed, missing verdicts as None"
    );
    insta::assert_snapshot!(
        message(Outcomes::rates(1, 2, vec![Some(0.5), Some(57.0)])),
        @"outcome 57 of prompt 0, seed 1 is outside [0, 1]; a win is 1, a tie 0.5, a loss 0, a missing verdict None"
    );
    assert!(Outcomes::rates(1, 1, vec![Some(f64::NAN)]).is_err());
    let (a, b) = (Outcomes::rates(1, 1, vec![None]), Outcomes::rates(1, 2, vec![None; 2]));
    insta::assert_snapshot!(
        message(a.unwrap().minus(&b.unwrap())),
        @"cannot pair 1 prompts x 1 seeds with 1 x 2; judge both arms on the same prompts and seeds"
    );
    assert!(spearman(&[1.0], &[1.0, 2.0]).is_err());
    assert!(auroc(&[f64::NAN, 1.0], &[true, false]).is_err());
}
