//! Studies with next to nothing in them get an honest interval or none.

use seal_stats::{
    DEFAULT_RESAMPLES, Interval, IntervalMethod, Level, Outcomes, Paired, paired, prompt_interval,
    study_interval, win_rate,
};

fn rates(prompts: usize, seeds: usize, cell: impl Fn(usize) -> Option<f64>) -> Outcomes {
    Outcomes::rates(prompts, seeds, (0..prompts * seeds).map(cell).collect()).unwrap()
}

fn mixed(index: usize) -> Option<f64> {
    Some([1.0, 0.5, 0.0, 1.0][index * 7 % 4])
}

fn prompt(outcomes: &Outcomes) -> Option<Interval> {
    prompt_interval(outcomes, Level::P95, DEFAULT_RESAMPLES, 0)
}

fn against_ties(outcomes: &Outcomes) -> Option<Paired> {
    let ties = rates(outcomes.prompts(), outcomes.seeds(), |_| Some(0.5));
    paired(outcomes, &ties, Level::P95).unwrap()
}

#[test]
fn all_alike_is_no_certainty() {
    for seeds in [1, 3] {
        for value in [0.0, 0.5, 1.0] {
            let outcomes = rates(300, seeds, |_| Some(value));
            let found = prompt(&outcomes).unwrap();
            assert_eq!(found.method, IntervalMethod::Wilson);
            assert!(found.lo <= value && value <= found.hi, "{found:?}");
            // About three prompts in 300 may be otherwise and go unseen.
            assert!((0.009..0.03).contains(&(found.hi - found.lo)), "{found:?}");
            if let Some(study) = study_interval(&outcomes, Level::P95) {
                assert!(study.lo <= value && value <= study.hi, "{study:?}");
                assert!((0.009..0.03).contains(&(study.hi - study.lo)), "{study:?}");
            } else {
                assert_eq!(seeds, 1);
            }
        }
    }
}

#[test]
fn equal_arms_of_ties_do_not_differ_but_might() {
    let found = against_ties(&rates(300, 3, |_| Some(0.5))).unwrap();
    assert_eq!((found.diff, found.p), (0.0, 1.0));
    assert!(found.lo < -0.005 && found.hi > 0.005 && found.detectable > 0.005, "{found:?}");
}

#[test]
fn one_prompt_says_nothing_about_others() {
    for seeds in [1, 3] {
        let outcomes = rates(1, seeds, mixed);
        assert_eq!(prompt(&outcomes), None);
        assert_eq!(study_interval(&outcomes, Level::P95), None);
        assert_eq!(against_ties(&outcomes), None);
        assert!(win_rate(&outcomes).mean.is_some());
    }
    // Nor do many of which one was judged.
    let judged = rates(300, 3, |index| mixed(index).filter(|_| index < 3));
    assert_eq!((prompt(&judged), study_interval(&judged, Level::P95)), (None, None));
}

#[test]
fn one_seed_says_nothing_about_others() {
    let outcomes = rates(300, 1, mixed);
    assert_eq!(prompt(&outcomes).unwrap().method, IntervalMethod::Bca);
    assert_eq!(study_interval(&outcomes, Level::P95), None);
    assert_eq!(against_ties(&outcomes), None);
    // Nor do three of which one was judged.
    let judged = rates(300, 3, |index| mixed(index).filter(|_| index % 3 == 1));
    assert!(prompt(&judged).is_some());
    assert_eq!(study_interval(&judged, Level::P95), None);
    assert_eq!(against_ties(&judged), None);
}

#[test]
fn without_verdicts_there_are_only_bounds() {
    for (prompts, seeds) in [(300, 3), (300, 1), (1, 1)] {
        let outcomes = rates(prompts, seeds, |_| None);
        assert_eq!((prompt(&outcomes), study_interval(&outcomes, Level::P95)), (None, None));
        assert_eq!(against_ties(&outcomes), None);
        let rate = win_rate(&outcomes);
        assert_eq!((rate.mean, rate.worst, rate.best), (None, Some(0.0), Some(1.0)));
    }
    for (prompts, seeds) in [(0, 3), (3, 0), (0, 0)] {
        let empty = rates(prompts, seeds, mixed);
        assert_eq!((prompt(&empty), study_interval(&empty, Level::P95)), (None, None));
        assert_eq!(against_ties(&empty), None);
    }
}

#[test]
fn prompt_interval_does_not_know_the_order_of_prompts() {
    let outcomes = rates(300, 3, mixed);
    let cells = outcomes.cells().iter().rev().copied().collect();
    assert_eq!(prompt(&outcomes), prompt(&Outcomes::rates(300, 3, cells).unwrap()));
}

#[test]
fn two_seeds_and_two_prompts_are_enough_for_a_wide_interval() {
    let study = study_interval(&rates(2, 2, mixed), Level::P95).unwrap();
    assert!(study.hi - study.lo > 0.7, "{study:?}");
}
