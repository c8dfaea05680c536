//! DSIR against the authors' package (`tests/reference/dsir.py`), and what must
//! hold of it whatever the texts are.

use proptest::prelude::*;
use rand::seq::SliceRandom;
use seal_rows::RowId;
use seal_rows::seed::rng;
use seal_select::{
    DSIR_EXCLUDED, Dsir, DsirSettings, DsirWeights, SelectError, dsir_omega, gumbel_noise, rank,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    raw: Vec<Text>,
    target: Vec<Text>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Once(String),
    Repeated(String, usize),
}

#[derive(Deserialize)]
struct Case {
    settings: DsirSettings,
    log_weights: Vec<f64>,
    long_enough: Vec<bool>,
    /// One number for each row that is long enough.
    noise: Vec<f64>,
    chosen: Vec<usize>,
    top: Vec<usize>,
}

const SHORT: DsirSettings = DsirSettings {
    ngrams: 2,
    buckets: 10_000,
    min_tokens: 0,
    words: seal_select::WordRule::Unicode,
};

fn ids(n: usize) -> Vec<RowId> {
    (0..n).map(|i| RowId::of(&i.to_string(), "", 0)).collect()
}

/// The `count` best rows, in file order.
fn best(omega: &[f64], count: usize) -> Vec<usize> {
    let mut best = rank(&ids(omega.len()), omega, 0).unwrap()[..count].to_vec();
    best.sort_unstable();
    best
}

#[test]
fn weights_and_chosen_rows_agree_with_the_package() {
    let golden: Golden = serde_json::from_str(include_str!("golden/dsir.json")).unwrap();
    let spell = |texts: Vec<Text>| -> Vec<String> {
        let one = |text| match text {
            Text::Once(text) => text,
            Text::Repeated(text, times) => text.repeat(times),
        };
        texts.into_iter().map(one).collect()
    };
    let (raw, target) = (spell(golden.raw), spell(golden.target));
    assert_eq!(golden.cases.len(), 8);
    for case in golden.cases {
        let settings = case.settings;
        let (_, weights) = Dsir::fit_and_weigh(settings, &raw, &target).unwrap();
        assert_eq!(weights.long_enough, case.long_enough, "{settings:?}");
        assert_eq!(weights.log_weights.len(), case.log_weights.len());
        for (row, (ours, theirs)) in weights.log_weights.iter().zip(&case.log_weights).enumerate() {
            assert!((ours - theirs).abs() < 1e-6, "{settings:?} row {row}: {ours} {theirs}");
        }

        let mut drawn = case.noise.iter();
        let noise: Vec<f64> = case
            .long_enough
            .iter()
            .map(|l| if *l { *drawn.next().unwrap() } else { 0.0 })
            .collect();
        let omega = weights.resample(&noise).unwrap();
        assert_eq!(best(&omega, case.chosen.len()), case.chosen, "{settings:?}");
        let omega = weights.resample(&vec![0.0; raw.len()]).unwrap();
        assert_eq!(best(&omega, case.top.len()), case.top, "{settings:?}");
    }
}

/// Short rows over a few words, some blank.
fn rows(n: usize, seed: u64) -> Vec<String> {
    use rand::RngExt;
    let mut draw = rng(&["rows".into(), seed.into()]);
    let words =
        ["Soup", "stock", "salt,", "sell", "Буря", "pot!", "cafe\u{301}", "3.5", "  ", "the"];
    (0..n)
        .map(|_| {
            let words: Vec<&str> = (0..draw.random_range(0..12usize))
                .map(|_| words[draw.random_range(0..words.len())])
                .collect();
            words.join(" ")
        })
        .collect()
}

#[test]
fn the_thread_count_does_not_change_a_bit() {
    let (rows, target) = (rows(5000, 1), rows(300, 2));
    let ids = ids(rows.len());
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let omega = pool.install(|| dsir_omega(SHORT, &ids, &rows, &target[..200], 5).unwrap());
        omega.into_iter().map(f64::to_bits).collect::<Vec<u64>>()
    };
    let one = on(1);
    assert_eq!(on(2), one);
    assert_eq!(on(7), one);
}

#[test]
fn the_order_of_rows_does_not_change_a_bit() {
    let (rows, mut target) = (rows(3000, 3), rows(100, 4));
    let ids = ids(rows.len());
    let omega = dsir_omega(SHORT, &ids, &rows, &target, 9).unwrap();

    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.shuffle(&mut rng(&["order".into()]));
    target.reverse();
    let moved_rows: Vec<&str> = order.iter().map(|i| rows[*i].as_str()).collect();
    let moved_ids: Vec<RowId> = order.iter().map(|i| ids[*i]).collect();
    let moved = dsir_omega(SHORT, &moved_ids, &moved_rows, &target, 9).unwrap();
    assert!(order.iter().zip(&moved).all(|(i, w)| omega[*i].to_bits() == w.to_bits()));
}

#[test]
fn fitting_then_weighing_is_the_same_as_both_at_once() {
    let (rows, target) = (rows(2000, 6), rows(50, 7));
    let (at_once, weights) = Dsir::fit_and_weigh(SHORT, &rows, &target).unwrap();
    let fitted = Dsir::fit(SHORT, &rows, &target).unwrap();
    assert_eq!(fitted, at_once);
    assert_eq!(fitted.weigh(&rows), weights);
    assert_eq!(fitted.weigh(&rows[1000..]).log_weights, weights.log_weights[1000..]);
    assert!(fitted.weigh::<&str>(&[]).log_weights.is_empty());
}

#[test]
fn rows_are_drawn_in_proportion_to_their_weights() {
    // Weights 1, 2 and 5; the fourth row is too short to be chosen.
    let weights = DsirWeights {
        log_weights: [1f64, 2.0, 5.0, 1e9].map(f64::ln).to_vec(),
        long_enough: vec![true, true, true, false],
    };
    let (ids, draws) = (ids(4), 20_000);
    let mut first = [0u32; 4];
    let mut second_after_third = [0u32; 4];
    for seed in 0..draws {
        let omega = weights.resample(&gumbel_noise(&ids, seed)).unwrap();
        let order = rank(&ids, &omega, seed).unwrap();
        first[order[0]] += 1;
        if order[0] == 2 {
            second_after_third[order[1]] += 1;
        }
        assert_eq!((order[3], omega[3]), (3, DSIR_EXCLUDED));
    }
    // Four standard deviations or more, of 65 at most.
    for (count, weight) in first.iter().zip([1.0, 2.0, 5.0]) {
        assert!((f64::from(*count) - draws as f64 * weight / 8.0).abs() < 280.0, "{first:?}");
    }
    // Without replacement: what is left is drawn in the same proportion.
    let left = f64::from(first[2]);
    let share = f64::from(second_after_third[1]) / left;
    assert!((share - 2.0 / 3.0).abs() < 0.02, "{share}");
}

#[test]
fn noise_belongs_to_the_row() {
    let ids = ids(20_000);
    let noise = gumbel_noise(&ids, 3);
    assert_eq!(gumbel_noise(&ids[500..], 3), noise[500..]);
    assert_ne!(gumbel_noise(&ids, 4), noise);
    // Mean 0.5772 (Euler's constant), standard deviation 1.283.
    let mean = noise.iter().sum::<f64>() / noise.len() as f64;
    let var = noise.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / noise.len() as f64;
    assert!((mean - 0.5772).abs() < 0.04, "{mean}");
    assert!((var.sqrt() - 1.2825).abs() < 0.05, "{var}");
}

#[test]
fn what_cannot_be_fitted_or_drawn_is_refused() {
    let fit =
        |raw: &[&str], target: &[&str]| Dsir::fit(SHORT, raw, target).unwrap_err().to_string();
    insta::assert_snapshot!(fit(&[""], &["a"]), @"the raw data of DSIR has no words: give it at least one text that is not blank");
    insta::assert_snapshot!(fit(&["a"], &[]), @"the target of DSIR has no words: give it at least one text that is not blank");

    let long = DsirSettings::default();
    let omega = dsir_omega(long, &ids(1), &["too short"], &["short"], 0);
    insta::assert_snapshot!(omega.unwrap_err(), @"no row has the tokens that DSIR's `min_tokens` asks for: lower it, 0 keeps all rows");
    let lengths = dsir_omega(SHORT, &ids(2), &["one"], &["short"], 0);
    assert!(matches!(lengths, Err(SelectError::LengthMismatch { .. })));
    assert!(Dsir::fit(DsirSettings { buckets: 0, ..SHORT }, &["a"], &["a"]).is_err());

    let weights = DsirWeights { log_weights: vec![0.0], long_enough: vec![true] };
    assert!(weights.resample(&[]).is_err());
    assert!(weights.resample(&[f64::NAN]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_text_in_the_target_raises_its_own_weight(seed in 0u64..10_000, row in 0usize..40) {
        let (rows, mut target) = (rows(40, seed), rows(20, seed + 1));
        let before = Dsir::fit_and_weigh(SHORT, &rows, &target);
        prop_assume!(before.is_ok());
        let before = before.unwrap().1.log_weights[row];
        target.extend(std::iter::repeat_n(rows[row].clone(), 200));
        let after = Dsir::fit_and_weigh(SHORT, &rows, &target).unwrap().1.log_weights[row];
        // The target nears the row's own distribution, which is the most
        // probable one for the row.
        prop_assert!(after >= before - 1e-9, "{:?}: {} to {}", rows[row], before, after);
    }

    #[test]
    fn single_words_weigh_as_much_together_as_apart(seed in 0u64..10_000) {
        let (rows, target) = (rows(30, seed), rows(30, seed + 1));
        let fitted = Dsir::fit(DsirSettings { ngrams: 1, ..SHORT }, &rows, &target);
        prop_assume!(fitted.is_ok());
        let fitted = fitted.unwrap();
        let apart: f64 = fitted.weigh(&rows).log_weights.iter().sum();
        let together = fitted.weigh(&[rows.join("\n")]).log_weights[0];
        prop_assert!((apart - together).abs() < 1e-9 * (1.0 + apart.abs()));
    }

    #[test]
    fn case_and_spacing_weigh_nothing(text in "[ -~]{0,60}") {
        let fitted = Dsir::fit(SHORT, &["some raw text. and more, it's"], &["a target"]).unwrap();
        let shouted = text.to_uppercase().replace(' ', " \t\n ");
        prop_assert_eq!(fitted.weigh(&[text]), fitted.weigh(&[shouted]));
    }

    #[test]
    fn equal_sets_weigh_nothing(texts in prop::collection::vec(any::<String>(), 1..8)) {
        if let Ok((_, weights)) = Dsir::fit_and_weigh(SHORT, &texts, &texts) {
            prop_assert!(weights.log_weights.iter().all(|w| *w == 0.0));
        }
    }
}
