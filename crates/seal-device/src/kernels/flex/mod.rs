//! The kernels as operations of Burn's flex backend.

pub(super) mod cached;
mod dropout;
mod gradient;
pub(super) mod product;

pub(crate) use dropout::dropout;

use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Tensor, TensorData};

use super::attention::Inputs;
use super::shape::AttentionShape;
use super::{attention, gate, loss, norm};

/// The operations, for dispatch.
#[backend_extension(Flex, Autodiff)]
trait Operations: Backend {
    fn seal_rms_norm(x: FloatTensor<Self>, w: FloatTensor<Self>, eps: f64) -> FloatTensor<Self>;
    fn seal_swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self>;
    fn seal_layer_norm(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        b: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self>;
    fn seal_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;
    fn seal_nll(logits: FloatTensor<Self>, targets: Vec<u32>) -> FloatTensor<Self>;
    fn seal_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        shape: AttentionShape,
    ) -> FloatTensor<Self>;
}

pub(super) fn rms_norm(x: Tensor<2>, w: Tensor<1>, eps: f64) -> Tensor<2> {
    let y = <Dispatch as Operations>::seal_rms_norm(x.into_dispatch(), w.into_dispatch(), eps);
    Tensor::from_dispatch(y)
}

pub(super) fn swiglu(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    let y = <Dispatch as Operations>::seal_swiglu(gate.into_dispatch(), up.into_dispatch());
    Tensor::from_dispatch(y)
}

pub(super) fn layer_norm(x: Tensor<2>, w: Tensor<1>, b: Tensor<1>, eps: f64) -> Tensor<2> {
    let (x, w, b) = (x.into_dispatch(), w.into_dispatch(), b.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Operations>::seal_layer_norm(x, w, b, eps))
}

pub(super) fn gelu(x: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Operations>::seal_gelu(x.into_dispatch()))
}

pub(super) fn nll(logits: Tensor<2>, targets: Vec<u32>) -> Tensor<1> {
    let [m, v] = logits.dims();
    assert_eq!(m, targets.len(), "one target a row of logits [{m}, {v}]");
    assert!(targets.iter().all(|t| (*t as usize) < v), "a target outside the vocabulary of {v}");
    Tensor::from_dispatch(<Dispatch as Operations>::seal_nll(logits.into_dispatch(), targets))
}

pub(super) fn causal_attention(
    q: Tensor<2>,
    k: Tensor<2>,
    v: Tensor<2>,
    cos: Tensor<2>,
    sin: Tensor<2>,
    shape: AttentionShape,
) -> Tensor<2> {
    let [tokens, _] = q.dims();
    let ends = shape.starts.iter().zip(&shape.lengths).map(|(start, len)| start + len);
    assert!(ends.max().unwrap_or(0) <= tokens, "a row outside the {tokens} tokens: {shape:?}");
    let rows = shape.lengths.iter().enumerate();
    assert!(
        rows.map(|(b, len)| shape.before(b) + len).all(|len| len <= shape.positions),
        "{shape:?}"
    );
    assert_eq!(shape.starts.len(), shape.lengths.len(), "one start a row");
    assert_eq!(q.dims(), [tokens, shape.heads * shape.head_dim], "queries");
    assert_eq!(k.dims(), [tokens, shape.kv_heads * shape.head_dim], "keys");
    assert_eq!(v.dims(), [tokens, shape.kv_heads * shape.head_dim], "values");
    let [positions, half] = cos.dims();
    assert!(positions == shape.positions && 2 * half <= shape.head_dim, "cosines {shape:?}");
    assert_eq!(sin.dims(), cos.dims(), "sines");
    assert!(shape.window != Some(0), "a token sees itself: {shape:?}");
    Tensor::from_dispatch(<Dispatch as Operations>::seal_attention(
        q.into_dispatch(),
        k.into_dispatch(),
        v.into_dispatch(),
        cos.into_dispatch(),
        sin.into_dispatch(),
        shape,
    ))
}

/// A tensor whose elements lie one after another.
struct Flat(FlexTensor);

impl Flat {
    fn of(x: &FlexTensor) -> Self {
        Self(x.to_contiguous())
    }

    fn slice(&self) -> &[f32] {
        self.0.as_slice().expect("contiguous: made so")
    }

    fn shape(&self) -> Vec<usize> {
        self.0.layout().shape().iter().copied().collect()
    }
}

fn tensor(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

fn norm_forward(x: &FlexTensor, w: &FlexTensor, eps: f64) -> (FlexTensor, Vec<f32>) {
    let (x, w) = (Flat::of(x), Flat::of(w));
    let (y, factors) = norm::forward(x.slice(), w.slice(), eps as f32);
    (tensor(y, &x.shape()), factors)
}

fn layer_norm_forward(
    x: &FlexTensor,
    w: &FlexTensor,
    b: &FlexTensor,
    eps: f64,
) -> (FlexTensor, norm::NormStatistics) {
    let (x, w, b) = (Flat::of(x), Flat::of(w), Flat::of(b));
    let (y, moments) = norm::layer_forward(x.slice(), w.slice(), b.slice(), eps as f32);
    (tensor(y, &x.shape()), moments)
}

fn nll_forward(logits: &FlexTensor, targets: &[u32]) -> (FlexTensor, Vec<f32>) {
    let x = Flat::of(logits);
    let v = x.shape()[1];
    let (y, lse) = loss::forward(x.slice(), v, targets);
    let m = y.len();
    (tensor(y, &[m]), lse)
}

impl Operations for Flex {
    fn seal_rms_norm(x: FlexTensor, w: FlexTensor, eps: f64) -> FlexTensor {
        norm_forward(&x, &w, eps).0
    }

    fn seal_swiglu(gate: FlexTensor, up: FlexTensor) -> FlexTensor {
        let (g, u) = (Flat::of(&gate), Flat::of(&up));
        let y = gate::forward(g.slice(), u.slice());
        tensor(y, &g.shape())
    }

    fn seal_layer_norm(x: FlexTensor, w: FlexTensor, b: FlexTensor, eps: f64) -> FlexTensor {
        layer_norm_forward(&x, &w, &b, eps).0
    }

    fn seal_gelu(x: FlexTensor) -> FlexTensor {
        let x = Flat::of(&x);
        tensor(gate::gelu_forward(x.slice()), &x.shape())
    }

    fn seal_nll(logits: FlexTensor, targets: Vec<u32>) -> FlexTensor {
        nll_forward(&logits, &targets).0
    }

    fn seal_attention(
        q: FlexTensor,
        k: FlexTensor,
        v: FlexTensor,
        cos: FlexTensor,
        sin: FlexTensor,
        shape: AttentionShape,
    ) -> FlexTensor {
        let [q, k, v, cos, sin] = [&q, &k, &v, &cos, &sin].map(Flat::of);
        let inputs =
            Inputs { q: q.slice(), k: k.slice(), v: v.slice(), cos: cos.slice(), sin: sin.slice() };
        let y = attention::forward(inputs, &shape);
        tensor(y, &q.shape())
    }
}
