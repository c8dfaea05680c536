//! 200 steps of each variant against PyTorch, which differentiates the
//! definition of the weights by itself: `tests/reference/selector.py`.

use seal_select::{Selector, SelectorSettings};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    rows: usize,
    nominal_batch: usize,
    batches: Vec<Batch>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Batch {
    rows: Vec<usize>,
    losses: Vec<f64>,
}

#[derive(Deserialize)]
struct Case {
    settings: SelectorSettings,
    rate: f64,
    omega: Vec<f64>,
    p: Vec<f64>,
}

#[test]
fn two_hundred_steps_agree_with_pytorch() {
    let golden: Golden = serde_json::from_str(include_str!("golden/selector.json")).unwrap();
    assert_eq!((golden.batches.len(), golden.cases.len()), (200, 11));
    for Case { settings, rate, omega, p } in golden.cases {
        let mut s = Selector::with_settings(settings, golden.rows).unwrap();
        for Batch { rows, losses } in &golden.batches {
            s.update(rows, losses, rate, golden.nominal_batch).unwrap();
        }
        let worst = |ours: &[f64], theirs: &[f64]| {
            assert_eq!(ours.len(), theirs.len());
            ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        let (omega, p) = (worst(s.omega(), &omega), worst(&s.weights(), &p));
        assert!(omega < 1e-9 && p < 1e-9, "{settings:?}: omega {omega:e}, p {p:e}");
    }
}
