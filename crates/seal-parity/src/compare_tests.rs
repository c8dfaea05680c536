use super::*;

fn numbers(values: &[f64]) -> Found {
    let mut found = Found::default();
    found.numbers("losses", values.to_vec());
    found
}

fn chosen(tokens: &[u32], gaps: &[f64]) -> Found {
    let mut found = Found::default();
    found.chosen("answer", tokens.to_vec(), gaps.to_vec());
    found
}

fn off(found: &Found, reference: &Found) -> Result<f64, String> {
    largest(found, reference, Precision::F32).map(|largest| largest.difference)
}

#[test]
fn one_wrong_number_of_many_shows() {
    let right = vec![1.0; 1000];
    let mut wrong = right.clone();
    wrong[7] = 2.0;
    assert!(off(&numbers(&wrong), &numbers(&right)).unwrap() > 3e-2);
    assert_eq!(off(&numbers(&right), &numbers(&right)), Ok(0.0));
}

#[test]
fn what_is_no_number_or_not_there_is_no_small_difference() {
    let right = numbers(&[1.0, 2.0]);
    assert_eq!(off(&numbers(&[1.0, f64::NAN]), &right), Err("losses: number 1 is NaN".into()));
    let none = off(&right, &numbers(&[f64::NAN, 2.0])).unwrap_err();
    assert_eq!(none, "losses: number 0 of the reference is NaN");
    assert_eq!(off(&numbers(&[1.0]), &right), Err("losses: 1 numbers, not 2".into()));
    assert!(off(&Found::default(), &right).is_err());
    assert!(off(&Found::default(), &Found::default()).is_err());
    assert!(off(&chosen(&[1, 2], &[]), &right).is_err());
}

#[test]
fn a_vector_that_is_zero_but_for_rounding_is_held_against_the_others() {
    let group = |zero: f64| {
        let mut found = Found::default();
        found.group("gradient", vec![("a".into(), vec![1.0]), ("b".into(), vec![zero])]);
        found
    };
    assert!(off(&group(1e-9), &group(2e-9)).unwrap() < 1e-5);
    assert!(off(&group(1e-2), &group(0.0)).unwrap() > 1.0);
}

#[test]
fn tokens_count_up_to_the_first_tie() {
    let right = chosen(&[3, 4, 5, 6], &[1.0, 0.5, 1e-4, 1.0]);
    assert_eq!(off(&chosen(&[3, 4, 9, 9, 9], &[]), &right), Ok(0.0));
    assert_eq!(off(&chosen(&[3, 9, 5, 6], &[]), &right), Ok(0.5));
    let tie = chosen(&[3], &[1e-4]);
    assert!(off(&tie, &tie).unwrap_err().contains("nothing to compare"));
    assert!(off(&chosen(&[3], &[]), &chosen(&[3, 4], &[])).is_err());
}

#[test]
fn bits_tell_runs_apart_that_no_comparison_does() {
    assert!(same_bits(&numbers(&[0.0]), &numbers(&[0.0])));
    assert!(!same_bits(&numbers(&[0.0]), &numbers(&[-0.0])));
    assert!(!same_bits(&chosen(&[1], &[]), &chosen(&[2], &[])));
}
