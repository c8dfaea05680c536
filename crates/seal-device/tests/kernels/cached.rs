//! Attention over stored keys and values against its definition in f64.

use burn::tensor::{Device, Tensor};
use seal_device::{AttentionShape, KeysValues};

use crate::common::call::{Call, kernels, shapes};
use crate::common::{assert_close, reference, tensor, values};

/// Output of the tokens of all rows of `call`, row after row, that come in pieces: up to `sizes[i]`
/// tokens of each row in turn, the last size again and again.
fn in_pieces(call: &Call, sizes: &[usize]) -> Vec<Vec<f64>> {
    let (s, device) = (&call.shape, Device::flex());
    let half = call.angles.len() / s.positions;
    let mut stored = vec![KeysValues::new(s.kv_heads, s.head_dim); s.lengths.len()];
    let mut out = vec![Vec::new(); s.lengths.len()];
    let mut sizes = sizes.iter().copied();
    let mut size = 1;
    while let Some(most) = s.lengths.iter().zip(&stored).map(|(n, kv)| n - kv.len()).max()
        && most > 0
    {
        size = sizes.next().unwrap_or(size);
        let pieces: Vec<(usize, usize, usize)> = (0..stored.len())
            .map(|b| (b, stored[b].len(), size.min(s.lengths[b] - stored[b].len())))
            .filter(|(_, _, n)| *n > 0)
            .collect();
        let lengths: Vec<usize> = pieces.iter().map(|(_, _, n)| *n).collect();
        let count = lengths.iter().sum();
        let tokens = || {
            let of = |(b, from, n): &(usize, usize, usize)| {
                let b = *b;
                (*from..from + n).map(move |t| (b, t))
            };
            pieces.iter().flat_map(of)
        };
        let rows = |x: &[f64], width: usize| -> Tensor<2> {
            let row = |(b, t): (usize, usize)| x[(s.starts[b] + t) * width..][..width].to_vec();
            tensor(&tokens().flat_map(row).collect::<Vec<f64>>(), [count, width], &device)
        };
        let [q, k, v] = call.inputs.each_ref();
        let kv = s.kv_heads * s.head_dim;
        let turns = |f: fn(f64) -> f64| -> Tensor<2> {
            let row = |(_, t): (usize, usize)| {
                call.angles[t * half..][..half].iter().map(|a| f(*a)).collect::<Vec<_>>()
            };
            tensor(&tokens().flat_map(row).collect::<Vec<f64>>(), [count, half], &device)
        };
        let shape = AttentionShape {
            positions: count,
            starts: AttentionShape::packed(&lengths),
            lengths,
            ..s.clone()
        };
        let mut of_pieces: Vec<&mut KeysValues> = (stored.iter_mut().enumerate())
            .filter(|(b, _)| pieces.iter().any(|(of, _, _)| of == b))
            .map(|(_, kv)| kv)
            .collect();
        let width = s.heads * s.head_dim;
        let y = kernels().cached_attention(
            [rows(q, width), rows(k, kv), rows(v, kv)],
            (turns(f64::cos), turns(f64::sin)),
            &shape,
            &mut of_pieces,
        );
        for ((b, _), y) in tokens().zip(values(y).chunks(width)) {
            out[b].extend_from_slice(y);
        }
    }
    out
}

/// The definition, row after row.
fn defined(call: &Call) -> Vec<Vec<f64>> {
    let (s, [q, k, v]) = (&call.shape, call.inputs.each_ref());
    let all = reference::attention(q, k, v, &call.angles, s);
    let width = s.heads * s.head_dim;
    let row = |(start, n): (&usize, &usize)| all[start * width..(start + n) * width].to_vec();
    s.starts.iter().zip(&s.lengths).map(row).collect()
}

/// Whole rows, a token at a time, and pieces on both sides of a vector and a block of queries: as
/// defined, and the same bit by bit.
fn check(call: &Call) {
    let (want, whole) = (defined(call), in_pieces(call, &[usize::MAX]));
    for (row, (got, want)) in whole.iter().zip(&want).enumerate() {
        assert_close(&format!("{:?} row {row}", call.shape), got, want);
    }
    for sizes in [&[1][..], &[2, 1], &[3, 2, 1], &[17, 4], &[16, 1]] {
        assert!(in_pieces(call, sizes) == whole, "{sizes:?} {:?}", call.shape);
    }
}

#[test]
fn rows_in_pieces_are_as_defined() {
    for shape in shapes() {
        check(&Call::new(&shape, 1.0));
    }
}

#[test]
fn rows_in_pieces_with_windows_parts_of_heads_and_another_scale() {
    for (shape, window) in shapes().into_iter().zip([2, 1, 3, 100, 8]) {
        let shape = AttentionShape { window: Some(window), scale: Some(0.4), ..shape };
        check(&Call::new(&shape, 1.0).rotating(2));
    }
}

/// Room that is made before changes nothing, and tokens that were taken back leave no trace.
#[test]
fn room_and_tokens_that_were_taken_back_change_nothing() {
    let call = Call::new(&shapes()[4], 1.0);
    let (s, device) = (&call.shape, Device::flex());
    let n = s.lengths[0];
    let half = call.angles.len() / s.positions;
    let run = |stored: &mut KeysValues, from: usize, to: usize| {
        let rows = |x: &[f64], width: usize| {
            tensor(&x[from * width..to * width], [to - from, width], &device)
        };
        let turns = |f: fn(f64) -> f64| {
            let values: Vec<f64> =
                call.angles[from * half..to * half].iter().map(|a| f(*a)).collect();
            tensor(&values, [to - from, half], &device)
        };
        let (width, kv) = (s.heads * s.head_dim, s.kv_heads * s.head_dim);
        let [q, k, v] = call.inputs.each_ref();
        let shape = AttentionShape { positions: to - from, lengths: vec![to - from], ..s.clone() };
        let tables = (turns(f64::cos), turns(f64::sin));
        let qkv = [rows(q, width), rows(k, kv), rows(v, kv)];
        values(kernels().cached_attention(qkv, tables, &shape, &mut [stored]))
    };
    let mut plain = KeysValues::new(s.kv_heads, s.head_dim);
    let want = run(&mut plain, 0, n);
    let mut stored = KeysValues::new(s.kv_heads, s.head_dim);
    stored.reserve(n);
    let room = stored.room();
    assert!(room >= n && stored.is_empty());
    run(&mut stored, 0, n);
    stored.truncate(5);
    let mut copy = KeysValues::new(s.kv_heads, s.head_dim);
    copy.reserve(100);
    copy.copy_from(&stored, 5);
    let width = s.heads * s.head_dim;
    for stored in [&mut stored, &mut copy] {
        let from = stored.room();
        assert!(run(stored, 5, n) == want[5 * width..]);
        assert_eq!((stored.len(), stored.room()), (n, from));
    }
    assert_eq!(stored.room(), room);
}
