//! What generation computes, off the tape.

use burn::tensor::{Tensor, TensorData};

use super::super::attention::{Inputs, cached};
use super::super::keys_values::KeysValues;
use super::super::pack;
use super::super::packed::PackedMatrix;
use super::super::shape::{AttentionShape, LANES};

/// The numbers of `x`, row after row.
fn read(x: Tensor<2>) -> TensorData {
    x.into_data().convert::<f32>()
}

fn slice(x: &TensorData) -> &[f32] {
    x.as_slice().expect("converted to f32")
}

pub(in super::super) fn packed_product(x: Tensor<2>, w: &PackedMatrix) -> Tensor<2> {
    let ([n, k], device, [inner, m]) = (x.dims(), x.device(), w.shape());
    assert_eq!(k, inner, "[{n}, {k}] [{inner}, {m}]");
    let y = pack::product(slice(&read(x)), w);
    Tensor::from_data(TensorData::new(y, [n, m]), &device)
}

pub(in super::super) fn attention(
    [q, k, v]: [Tensor<2>; 3],
    (cos, sin): (Tensor<2>, Tensor<2>),
    shape: &AttentionShape,
    stored: &mut [&mut KeysValues],
) -> Tensor<2> {
    let ([n, width], device) = (q.dims(), q.device());
    let [kv, d] = [shape.kv_heads, shape.head_dim];
    assert_eq!(width, shape.heads * d, "queries");
    assert_eq!((k.dims(), v.dims()), ([n, kv * d], [n, kv * d]), "keys and values");
    assert!(cos.dims() == sin.dims() && cos.dims()[0] == n && shape.positions == n, "{shape:?}");
    assert!(2 * cos.dims()[1] <= d && shape.window != Some(0), "{shape:?}");
    assert_eq!(
        (shape.lengths.len(), shape.starts.len()),
        (stored.len(), stored.len()),
        "{shape:?}"
    );
    let ends = shape.starts.iter().zip(&shape.lengths).map(|(start, len)| start + len);
    assert!(ends.max().unwrap_or(0) <= n, "a row outside the {n} tokens: {shape:?}");
    let of_shape = |x: &KeysValues| {
        x.heads.len() == kv && x.heads.iter().all(|h| h.d == d.next_multiple_of(LANES))
    };
    assert!(stored.iter().all(|x| of_shape(x)), "stored keys and values of another shape");
    let [q, k, v, cos, sin] = [q, k, v, cos, sin].map(read);
    let inputs =
        Inputs { q: slice(&q), k: slice(&k), v: slice(&v), cos: slice(&cos), sin: slice(&sin) };
    let y = cached::forward(inputs, shape, stored);
    Tensor::from_data(TensorData::new(y, [n, width]), &device)
}
