//! Each kernel against its definition in f64, forward and backward. Gradients
//! are central differences of the definition, so that no formula of the crate
//! is used twice.

#![cfg(feature = "flex")]

mod common;

#[path = "kernels/cached.rs"]
mod cached;

use burn::tensor::{Device, Tensor};
use common::call::{Call, kernels, shapes, stems};
use common::{
    assert_close, assert_within, differences, draws, leaf, norm, reference, tensor, values,
};
use proptest::prelude::*;
use seal_device::AttentionShape;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn rms_norm(n in 1usize..6, d in 1usize..70, seed: u64, scale in 0.05f64..20.0) {
        let (x, w, c) = (draws(seed, n * d, scale), draws(!seed, d, 1.0), draws(seed ^ 1, n * d, 1.0));
        let eps = 1e-5;
        let (xt, wt) = (leaf(&x, [n, d]), leaf(&w, [d]));
        let y = kernels().rms_norm(xt.clone(), wt.clone(), eps);
        assert_close("y", &values(y.clone()), &reference::rms_norm(&x, &w, eps));
        let g = (y * tensor(&c, [n, d], &xt.device())).sum().backward();
        let dx = differences(&x, &c, |x| reference::rms_norm(x, &w, eps));
        let dw = differences(&w, &c, |w| reference::rms_norm(&x, w, eps));
        // dx is what is left of w c / rms after its projection on x is taken
        // off: with one column next to nothing.
        let terms = norm(&c.iter().zip(w.iter().cycle()).map(|(c, w)| c * w).collect::<Vec<_>>());
        let rms = x.chunks(d).map(|x| norm(x) / (d as f64).sqrt()).fold(f64::INFINITY, f64::min);
        assert_within("dx", &values(xt.grad(&g).unwrap()), &dx, terms / rms.max(eps.sqrt()));
        assert_close("dw", &values(wt.grad(&g).unwrap()), &dw);
    }

    #[test]
    fn swiglu(n in 1usize..5, f in 1usize..70, seed: u64, scale in 0.05f64..20.0) {
        let draws = |i| draws(seed ^ i, n * f, scale);
        let (gate, up, c) = (draws(1), draws(2), draws(3));
        let (gt, ut) = (leaf(&gate, [n, f]), leaf(&up, [n, f]));
        let y = kernels().swiglu(gt.clone(), ut.clone());
        assert_close("y", &values(y.clone()), &reference::swiglu(&gate, &up));
        let g = (y * tensor(&c, [n, f], &gt.device())).sum().backward();
        let dgate = differences(&gate, &c, |x| reference::swiglu(x, &up));
        let dup = differences(&up, &c, |x| reference::swiglu(&gate, x));
        assert_close("dgate", &values(gt.grad(&g).unwrap()), &dgate);
        assert_close("dup", &values(ut.grad(&g).unwrap()), &dup);
    }

    #[test]
    fn nll(m in 1usize..6, v in 2usize..70, seed: u64, scale in 0.05f64..8.0) {
        let (x, c) = (draws(seed, m * v, scale), draws(!seed, m, 1.0));
        let targets: Vec<u32> = (0..m as u64).map(|i| ((seed ^ i) % v as u64) as u32).collect();
        let xt = leaf(&x, [m, v]);
        let y = kernels().nll(xt.clone(), targets.clone());
        assert_within("y", &values(y.clone()), &reference::nll(&x, v, &targets), norm(&x));
        let g = (y * tensor(&c, [m], &xt.device())).sum().backward();
        let dx = differences(&x, &c, |x| reference::nll(x, v, &targets));
        assert_within("dx", &values(xt.grad(&g).unwrap()), &dx, norm(&c));
    }
}

#[test]
fn attention() {
    for shape in shapes() {
        check_attention(&Call::new(&shape, 1.0));
    }
}

#[test]
fn attention_of_rows_that_begin_alike() {
    for (shape, window) in stems().into_iter().zip([None, Some(4), Some(18), None, Some(30)]) {
        check_attention(&Call::new(&AttentionShape { window, ..shape }, 1.0));
    }
}

#[test]
fn attention_in_a_window() {
    for (shape, window) in shapes().into_iter().zip([2, 1, 3, 100, 8]) {
        let shape = AttentionShape { window: Some(window), ..shape };
        check_attention(&Call::new(&shape, 1.0));
    }
}

#[test]
fn attention_with_partly_rotated_heads() {
    for (shape, dims) in shapes().into_iter().zip([2, 4, 2, 8, 4]) {
        let shape = AttentionShape { window: Some(4), ..shape };
        check_attention(&Call::new(&shape, 1.0).rotating(dims));
    }
}

#[test]
fn attention_of_another_scale() {
    for shape in shapes() {
        let shape = AttentionShape { scale: Some(0.4), ..shape };
        check_attention(&Call::new(&shape, 1.0));
    }
}

/// Output and gradients against the definition.
fn check_attention(call: &Call) {
    let shape = &call.shape;
    let leaves = call.leaves();
    let y = call.run(leaves.clone());
    let want = call.reference(0, &call.inputs[0]);
    assert_close(&format!("{shape:?}"), &values(y.clone()), &want);
    let c = draws(4, want.len(), 1.0);
    let g = (y.clone() * tensor(&c, y.dims(), &y.device())).sum().backward();
    for (i, (leaf, x)) in leaves.iter().zip(&call.inputs).enumerate() {
        let want = differences(x, &c, |x| call.reference(i, x));
        assert_close(&format!("{shape:?} input {i}"), &values(leaf.grad(&g).unwrap()), &want);
    }
}

#[test]
fn what_stands_in_the_padding_reaches_nothing() {
    for shape in shapes() {
        let clean = Call::new(&shape, 1.0);
        let mut dirty = Call::new(&shape, 1.0);
        for (i, input) in dirty.inputs.iter_mut().enumerate() {
            clean.padding(i).into_iter().for_each(|at| input[at] = f64::NAN);
        }
        let run = |call: &Call| {
            let leaves = call.leaves();
            let y = call.run(leaves.clone());
            let g = y.clone().sum().backward();
            (values(y), leaves.map(|leaf| values(leaf.grad(&g).unwrap())))
        };
        let (y, gradients) = run(&dirty);
        assert!((&y, &gradients) == (&run(&clean).0, &run(&clean).1), "{shape:?}");
        assert!(clean.padding(0).len() >= 2 * shape.head_dim);
        assert!(clean.padding(0).iter().all(|at| y[*at] == 0.0), "{shape:?}");
        for (i, gradient) in gradients.iter().enumerate() {
            assert!(clean.padding(i).iter().all(|at| gradient[*at] == 0.0), "{shape:?} {i}");
        }
    }
}

#[test]
#[should_panic(expected = "a row outside the 7 tokens")]
fn a_row_beyond_the_tokens_is_refused() {
    let shape = AttentionShape { lengths: vec![5], starts: vec![0], ..shapes()[0].clone() };
    let mut call = Call::new(&shape, 1.0);
    call.shape.starts = vec![3];
    call.run(call.leaves());
}

#[test]
fn extreme_scores_and_logits_keep_their_precision() {
    // Scores reach +-80 and beyond, where a softmax without its maximum taken
    // off overflows f32.
    let shape =
        AttentionShape { positions: 19, lengths: vec![19], starts: vec![0], ..shapes()[0].clone() };
    let call = Call::new(&shape, 8.0);
    let leaves = call.leaves();
    let y = call.run(leaves.clone());
    let want = call.reference(0, &call.inputs[0]);
    // Scores of 100 are known to 1e-5 only, and so are their exponentials.
    let distance =
        values(y.clone()).iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(distance < 1e-3, "{distance}");
    let g = y.sum().backward();
    for leaf in leaves {
        assert!(values(leaf.grad(&g).unwrap()).iter().all(|x| x.is_finite()));
    }

    let logits = [80.0, -80.0, 0.0, 80.0, 1e4, -1e4, 88.5, 88.0, -80.0, -80.0, -80.0, -80.0];
    let targets = [1, 0, 3];
    let x = leaf(&logits, [3, 4]);
    let y = kernels().nll(x.clone(), targets.to_vec());
    assert_close("nll", &values(y.clone()), &reference::nll(&logits, 4, &targets));
    let dx = differences(&logits, &[1.0; 3], |x| reference::nll(x, 4, &targets));
    assert_close("dx", &values(x.grad(&y.sum().backward()).unwrap()), &dx);

    let gate = [-200.0, -88.0, -87.0, 87.0, 88.0, 200.0];
    let g = leaf(&gate, [1, 6]);
    let y = kernels().swiglu(g.clone(), leaf(&[1.0; 6], [1, 6]));
    assert_close("swiglu", &values(y.clone()), &reference::swiglu(&gate, &[1.0; 6]));
    assert!(values(g.grad(&y.sum().backward()).unwrap()).iter().all(|x| x.is_finite()));
}

#[test]
fn not_a_number_stays_one() {
    let nan = f64::NAN;
    let is_nan = |x: Tensor<2>| values(x).iter().map(|x| x.is_nan()).collect::<Vec<_>>();
    let x = [1.0, nan, 2.0, 3.0];
    let ones = leaf(&[1.0; 4], [2, 2]);
    let normalised = kernels().rms_norm(leaf(&x, [2, 2]), leaf(&[1.0; 2], [2]), 1e-5);
    assert_eq!(is_nan(normalised), [true, true, false, false]);
    assert_eq!(
        is_nan(kernels().swiglu(leaf(&x, [2, 2]), ones.clone())),
        [false, true, false, false]
    );
    assert_eq!(is_nan(kernels().swiglu(ones, leaf(&x, [2, 2]))), [false, true, false, false]);
    let logits = leaf(&x, [2, 2]);
    let losses = kernels().nll(logits.clone(), vec![0, 0]);
    assert_eq!(is_nan(losses.clone().unsqueeze()), [true, false]);
    let gradient = logits.grad(&losses.sum().backward()).unwrap();
    assert_eq!(is_nan(gradient), [true, true, false, false]);

    // Position 2 of 4, one head of size 2, two tokens of no row after: a query taints itself, a key or a
    // value every position that sees it.
    let shape = AttentionShape {
        heads: 1,
        kv_heads: 1,
        head_dim: 2,
        positions: 4,
        window: None,
        scale: None,
        lengths: vec![4],
        starts: vec![0],
        stem: false,
    };
    for (input, tainted) in [(0, 2..3), (1, 2..4), (2, 2..4)] {
        let mut call = Call::new(&shape, 1.0);
        call.inputs[input][2 * 2] = nan;
        let got = is_nan(call.run(call.leaves()));
        let rows: Vec<bool> = got.chunks(2).map(|row| row.contains(&true)).collect();
        assert_eq!(rows, (0..6).map(|t| tainted.contains(&t)).collect::<Vec<_>>(), "{input}");
    }
}

#[test]
fn frozen_inputs_get_no_gradient_and_change_none() {
    let (x, w) = (draws(1, 6, 1.0), draws(2, 3, 1.0));
    let device = Device::flex().autodiff();
    let (xt, wt) = (leaf(&x, [2, 3]), leaf(&w, [3]));
    let (frozen_x, frozen_w) = (tensor(&x, [2, 3], &device), tensor(&w, [3], &device));
    let both = kernels().rms_norm(xt.clone(), wt.clone(), 1e-5).sum().backward();
    let only_x = kernels().rms_norm(xt.clone(), frozen_w.clone(), 1e-5).sum().backward();
    assert_eq!(values(xt.grad(&only_x).unwrap()), values(xt.grad(&both).unwrap()));
    assert!(frozen_w.grad(&only_x).is_none());
    let only_w = kernels().rms_norm(frozen_x.clone(), wt.clone(), 1e-5).sum().backward();
    assert_eq!(values(wt.grad(&only_w).unwrap()), values(wt.grad(&both).unwrap()));
    assert!(frozen_x.grad(&only_w).is_none());

    let call = Call::new(&shapes()[0], 1.0);
    let [q, k, v] = call.leaves();
    let all = call.run([q.clone(), k.clone(), v.clone()]).sum().backward();
    let off = |x: &Tensor<2>| Tensor::<2>::from_data(x.clone().into_data(), &device);
    let only_k = call.run([off(&q), k.clone(), off(&v)]).sum().backward();
    assert_eq!(values(k.grad(&only_k).unwrap()), values(k.grad(&all).unwrap()));
    assert!(q.grad(&only_k).is_none() && v.grad(&only_k).is_none());
}

#[test]
fn results_are_the_same_off_the_tape_and_from_strided_inputs() {
    let call = Call::new(&shapes()[0], 1.0);
    let on = call.leaves();
    let off = on.clone().map(|x| x.inner());
    assert_eq!(values(call.run(on)), values(call.run(off)));

    let x = draws(1, 15, 1.0);
    let strided = tensor(&x, [5, 3], &Device::flex()).transpose();
    let packed = Tensor::<2>::from_data(strided.clone().into_data(), &Device::flex());
    let w = tensor(&draws(2, 5, 1.0), [5], &Device::flex());
    let normalised = |x: &Tensor<2>| values(kernels().rms_norm(x.clone(), w.clone(), 1e-5));
    assert_eq!(normalised(&strided), normalised(&packed));
    let loss = |x: &Tensor<2>| values(kernels().nll(x.clone(), vec![4, 0, 2]));
    assert_eq!(loss(&strided), loss(&packed));
    let gate = |x: &Tensor<2>| values(kernels().swiglu(x.clone(), packed.clone()));
    assert_eq!(gate(&strided), gate(&packed));
}

#[test]
#[should_panic(expected = "outside the vocabulary")]
fn a_target_outside_the_vocabulary_is_refused() {
    kernels().nll(leaf(&[0.0; 4], [1, 4]), vec![4]);
}
