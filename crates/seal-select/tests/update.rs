//! The update against what its mathematics says.

use proptest::collection::vec;
use proptest::prelude::*;
use rand::RngExt;
use seal_rows::seed::rng;
use seal_select::{
    Normalise, SelectError, Selector, SelectorFunction, SelectorOptimizer, SelectorSettings,
};

/// Settings whose weights share a scale.
fn shared_scales() -> Vec<SelectorSettings> {
    SelectorFunction::ALL
        .into_iter()
        .map(|function| SelectorSettings {
            function,
            normalise: Normalise::Mean,
            ..Default::default()
        })
        .collect()
}

fn all_settings() -> Vec<SelectorSettings> {
    let mut all = shared_scales();
    all.extend(
        SelectorFunction::ALL.map(|function| SelectorSettings { function, ..Default::default() }),
    );
    all
}

fn selector(settings: SelectorSettings, omega: &[f64]) -> Selector {
    Selector::from_omega(settings, omega.to_vec()).unwrap()
}

/// (1/B) sum_j s_j p_j, from the definition of p alone.
fn objective(settings: &SelectorSettings, omega: &[f64], batch: &[usize], scores: &[f64]) -> f64 {
    let u: Vec<f64> = omega
        .iter()
        .map(|w| match settings.function {
            SelectorFunction::Softmax => w.exp(),
            SelectorFunction::Sigmoid => 2.0 / (1.0 + (-w).exp()),
            SelectorFunction::Tanh => (2.0 * w.tanh()).max(0.0),
            SelectorFunction::Relu => w.max(0.0),
            SelectorFunction::ShiftedTanh => 1.0 + w.tanh(),
        })
        .collect();
    let relative =
        settings.normalise == Normalise::Mean || settings.function == SelectorFunction::Softmax;
    let scale = if relative { omega.len() as f64 / u.iter().sum::<f64>() } else { 1.0 };
    batch.iter().zip(scores).map(|(&j, s)| s * u[j] * scale).sum::<f64>() / batch.len() as f64
}

fn close(a: &[f64], b: &[f64], tolerance: f64) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance)
}

/// Logits away from the kinks at 0, and a batch with scores.
fn problem() -> impl Strategy<Value = (Vec<f64>, Vec<usize>, Vec<f64>)> {
    (3usize..30, 1usize..12)
        .prop_flat_map(|(n, b)| (vec(0.1..2.0f64, n), vec(0..n, b), vec(-1.0..5.0f64, b)))
}

proptest! {
    #[test]
    fn the_gradient_is_that_of_the_definition((omega, batch, scores) in problem()) {
        let h = 1e-5;
        for settings in all_settings() {
            let gradient =
                selector(settings, &omega).gradient(&batch, &scores, batch.len()).unwrap();
            for k in 0..omega.len() {
                let at = |delta: f64| {
                    let mut moved = omega.clone();
                    moved[k] += delta;
                    objective(&settings, &moved, &batch, &scores)
                };
                let numeric = (at(h) - at(-h)) / (2.0 * h);
                prop_assert!((numeric - gradient[k]).abs() < 1e-7, "{settings:?} {k}: {numeric} {}", gradient[k]);
            }
        }
    }

    #[test]
    fn a_plain_step_is_rate_times_gradient(
        (omega, batch, scores) in problem(),
        rate in prop_oneof![1e-4..1e-2f64, 0.1..3.0f64],
    ) {
        // Small rates take the softmax's series, large ones its exponential.
        for settings in all_settings() {
            let mut s = selector(settings, &omega);
            let gradient = s.gradient(&batch, &scores, 16).unwrap();
            let expected: Vec<f64> = omega.iter().zip(&gradient).map(|(w, g)| w - rate * g).collect();
            match s.update(&batch, &scores, rate, 16) {
                Ok(()) => {
                    prop_assert!(close(s.omega(), &expected, 1e-13), "{settings:?}");
                    // The state the step leaves behind is that of its logits.
                    let fresh = selector(settings, s.omega()).weights();
                    for (a, b) in s.weights().iter().zip(fresh) {
                        prop_assert!((a - b).abs() <= 1e-14 * (1.0 + b), "{settings:?} {a} {b}");
                    }
                }
                Err(SelectError::AllWeightsZero) => prop_assert!(expected.iter().all(|&w| w <= 0.0)),
                Err(e) => prop_assert!(false, "{settings:?}: {e}"),
            }
        }
    }

    #[test]
    fn relative_weights_keep_mean_one((omega, batch, scores) in problem()) {
        for settings in shared_scales() {
            let mut s = selector(settings, &omega);
            s.update(&batch, &scores, 0.05, batch.len()).unwrap();
            prop_assert!((s.diagnostics().mean_p - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn softmax_does_not_see_a_shift((omega, batch, scores) in problem(), shift in -50.0..50.0f64) {
        let step = |omega: &[f64]| {
            let mut s = selector(SelectorSettings::default(), omega);
            s.update(&batch, &scores, 0.5, batch.len()).unwrap();
            s.weights()
        };
        let shifted: Vec<f64> = omega.iter().map(|w| w + shift).collect();
        prop_assert!(close(&step(&omega), &step(&shifted), 1e-11));
    }

    #[test]
    fn with_a_baseline_equal_scores_move_nothing((omega, batch, _) in problem(), score in 0.1..5.0f64) {
        for base in all_settings() {
            let mut s = selector(SelectorSettings { baseline: true, ..base }, &omega);
            s.update(&batch, &vec![score; batch.len()], 0.5, batch.len()).unwrap();
            prop_assert!(close(s.omega(), &omega, 1e-14));
        }
    }

    #[test]
    fn the_order_inside_a_batch_does_not_matter((omega, batch, scores) in problem(), by in 0usize..12) {
        for base in all_settings() {
            for optimizer in [SelectorOptimizer::Plain, SelectorOptimizer::released()] {
                let settings = SelectorSettings { optimizer, baseline: by % 2 == 0, ..base };
                let step = |turn: usize| {
                    let (mut b, mut l) = (batch.clone(), scores.clone());
                    b.rotate_left(turn);
                    l.rotate_left(turn);
                    let mut s = selector(settings, &omega);
                    s.update(&b, &l, 0.01, b.len()).unwrap();
                    s.omega().to_vec()
                };
                // To the bit, not to rounding.
                prop_assert_eq!(step(0), step(by % batch.len()));
            }
        }
    }

    #[test]
    fn a_repeat_counts_twice((omega, batch, scores) in problem()) {
        let (j, l) = (batch[0], scores[0]);
        for settings in all_settings() {
            let once = selector(settings, &omega).gradient(&[j], &[2.0 * l], 4).unwrap();
            let twice = selector(settings, &omega).gradient(&[j, j], &[l, l], 4).unwrap();
            prop_assert_eq!(once, twice);
        }
    }

    #[test]
    fn shifted_tanh_is_sigmoid_at_twice_the_logit(
        losses in vec((0usize..20, 0.1..6.0f64), 1..60), rate in 0.01..1.0f64,
    ) {
        let mut tanh = Selector::new(SelectorFunction::ShiftedTanh, 20, Normalise::None).unwrap();
        let mut sigmoid = Selector::new(SelectorFunction::Sigmoid, 20, Normalise::None).unwrap();
        for (row, loss) in losses {
            tanh.update(&[row], &[loss], rate / 4.0, 1).unwrap();
            sigmoid.update(&[row], &[loss], rate, 1).unwrap();
        }
        let doubled: Vec<f64> = tanh.omega().iter().map(|w| 2.0 * w).collect();
        prop_assert!(close(&doubled, sigmoid.omega(), 1e-12));
        prop_assert!(close(&tanh.weights(), &sigmoid.weights(), 1e-12));
    }
}

#[test]
fn weights_start_at_one() {
    for settings in all_settings() {
        let s = Selector::with_settings(settings, 1000).unwrap();
        assert!(close(&s.weights_of(&[0, 999]), &[1.0, 1.0], 1e-14), "{settings:?}");
        let d = s.diagnostics();
        assert!((d.mean_p - 1.0).abs() < 1e-12 && (d.ess_share - 1.0).abs() < 1e-12);
    }
    let released = SelectorSettings::released(SelectorFunction::Softmax);
    assert_eq!(Selector::with_settings(released, 3).unwrap().weights(), [1.0; 3]);
}

#[test]
fn without_a_shared_scale_only_the_batch_moves() {
    for function in SelectorFunction::ALL.into_iter().filter(|f| f.is_elementwise()) {
        let mut s = Selector::new(function, 5, Normalise::None).unwrap();
        s.update(&[1], &[2.0], 0.1, 1).unwrap();
        let moved: Vec<usize> = (0..5).filter(|&i| s.omega()[i] != function.start()).collect();
        assert_eq!(moved, [1], "{function}");
    }
}

#[test]
fn adam_moves_rows_that_no_batch_has_named_since() {
    let settings = SelectorSettings {
        function: SelectorFunction::Sigmoid,
        optimizer: SelectorOptimizer::released(),
        ..Default::default()
    };
    let mut s = Selector::with_settings(settings, 3).unwrap();
    s.update(&[0], &[1.0], 0.01, 1).unwrap();
    let after_first = s.omega()[0];
    s.update(&[1], &[1.0], 0.01, 1).unwrap();
    assert!(s.omega()[0] < after_first);
    assert_eq!(s.omega()[2], 0.0);
}

#[test]
fn the_softmax_survives_extreme_steps() {
    // Far enough for exp(w) to overflow without a shift that follows.
    let mut s = Selector::new(SelectorFunction::Softmax, 4, Normalise::None).unwrap();
    s.update(&[0], &[-3000.0], 1.0, 1).unwrap();
    assert!(s.omega()[0] > 2000.0);
    assert!(close(&s.weights(), &[4.0, 0.0, 0.0, 0.0], 1e-12));

    // The row that held nearly all weight loses it in one step, and the shift
    // follows downwards.
    let mut s = selector(SelectorSettings::default(), &[20.0, 0.0, 0.0, 0.0]);
    s.update(&[0], &[1e9], 1.0, 1).unwrap();
    assert!(s.omega()[0] < s.omega()[1] - 8.0, "{:?}", s.omega());
    let fresh = selector(SelectorSettings::default(), s.omega());
    assert!(close(&s.weights(), &fresh.weights(), 1e-14));

    // Rows outside the batch land on both sides of the overflow.
    for score in (2000..2300).step_by(10) {
        let mut s = selector(SelectorSettings::default(), &[0.0, 0.0, 0.0113]);
        s.update(&[0], &[f64::from(score)], 1.0, 1).unwrap();
        let fresh = selector(SelectorSettings::default(), s.omega());
        assert!(close(&s.weights(), &fresh.weights(), 1e-12), "{score}");
    }

    for score in [1e300, -1e300] {
        let mut s = fresh.clone();
        assert_eq!(s.update(&[1], &[score], 1e300, 1), Err(SelectError::Diverged));
        assert_eq!(s, fresh);
    }
}

#[test]
fn the_thread_count_does_not_change_a_bit() {
    // Above the size from which chunks are shared out, and not a multiple of
    // a chunk.
    let n = 300_001;
    let run = |threads: usize, settings: SelectorSettings| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut draw = rng(&["threads".into()]);
            let mut s = Selector::with_settings(settings, n).unwrap();
            for _ in 0..5 {
                let batch: Vec<usize> = (0..64).map(|_| draw.random_range(0..n)).collect();
                let losses: Vec<f64> = (0..64).map(|_| draw.random_range(0.1..6.0)).collect();
                s.update(&batch, &losses, 2.0, 64).unwrap();
            }
            (s.omega().to_vec(), s.diagnostics())
        })
    };
    for mut settings in shared_scales() {
        assert!(run(1, settings) == run(3, settings), "{settings:?}");
        settings.optimizer = SelectorOptimizer::released();
        assert!(run(1, settings) == run(3, settings), "{settings:?}");
    }
}

#[test]
fn bad_steps_leave_the_selector_as_it_was() {
    let mut s = Selector::new(SelectorFunction::Softmax, 3, Normalise::None).unwrap();
    let before = s.clone();
    let errors = [
        s.update(&[3], &[1.0], 0.1, 1),
        s.update(&[0], &[f64::INFINITY], 0.1, 1),
        s.update(&[0], &[1.0, 2.0], 0.1, 1),
        s.update(&[0], &[1.0], f64::NAN, 1),
        s.update(&[0], &[1.0], 0.1, 0),
    ];
    assert!(errors.iter().all(Result::is_err), "{errors:?}");
    assert_eq!(s, before);
    assert!(Selector::new(SelectorFunction::Softmax, 0, Normalise::None).is_err());
}
