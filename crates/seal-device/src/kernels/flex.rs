//! The kernels as operations of Burn's flex backend, with their gradients.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Tensor, TensorData};

use super::attention::Inputs;
use super::{AttentionShape, attention, gate, loss, norm};

/// The operations, for dispatch.
#[backend_extension(Flex, Autodiff)]
trait Kernels: Backend {
    fn seal_rms_norm(x: FloatTensor<Self>, w: FloatTensor<Self>, eps: f64) -> FloatTensor<Self>;
    fn seal_swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self>;
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
    let y = <Dispatch as Kernels>::seal_rms_norm(x.into_dispatch(), w.into_dispatch(), eps);
    Tensor::from_dispatch(y)
}

pub(super) fn swiglu(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    let y = <Dispatch as Kernels>::seal_swiglu(gate.into_dispatch(), up.into_dispatch());
    Tensor::from_dispatch(y)
}

pub(super) fn nll(logits: Tensor<2>, targets: Vec<u32>) -> Tensor<1> {
    let [m, v] = logits.dims();
    assert_eq!(m, targets.len(), "one target a row of logits [{m}, {v}]");
    assert!(targets.iter().all(|t| (*t as usize) < v), "a target outside the vocabulary of {v}");
    Tensor::from_dispatch(<Dispatch as Kernels>::seal_nll(logits.into_dispatch(), targets))
}

pub(super) fn causal_attention(
    q: Tensor<2>,
    k: Tensor<2>,
    v: Tensor<2>,
    cos: Tensor<2>,
    sin: Tensor<2>,
    shape: AttentionShape,
) -> Tensor<2> {
    let [rows, _] = q.dims();
    let ends = shape.starts.iter().zip(&shape.lengths).map(|(start, len)| start + len);
    assert!(ends.max().unwrap_or(0) <= rows, "a row outside the {rows} tokens: {shape:?}");
    assert!(shape.lengths.iter().all(|len| *len <= shape.positions), "{shape:?}");
    assert_eq!(shape.starts.len(), shape.lengths.len(), "one start a row");
    assert_eq!(q.dims(), [rows, shape.heads * shape.head_dim], "queries");
    assert_eq!(k.dims(), [rows, shape.kv_heads * shape.head_dim], "keys");
    assert_eq!(v.dims(), [rows, shape.kv_heads * shape.head_dim], "values");
    let [positions, half] = cos.dims();
    assert!(positions == shape.positions && 2 * half <= shape.head_dim, "cosines {shape:?}");
    assert_eq!(sin.dims(), cos.dims(), "sines");
    assert!(shape.window != Some(0), "a token sees itself: {shape:?}");
    Tensor::from_dispatch(<Dispatch as Kernels>::seal_attention(
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

/// Runs `f` with the widest vectors this machine has.
fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

fn norm_forward(x: &FlexTensor, w: &FlexTensor, eps: f64) -> (FlexTensor, Vec<f32>) {
    let (x, w) = (Flat::of(x), Flat::of(w));
    let (y, factors) = vectorised(
        #[inline(always)]
        || norm::forward(x.slice(), w.slice(), eps as f32),
    );
    (tensor(y, &x.shape()), factors)
}

fn nll_forward(logits: &FlexTensor, targets: &[u32]) -> (FlexTensor, Vec<f32>) {
    let x = Flat::of(logits);
    let v = x.shape()[1];
    let (y, lse) = vectorised(
        #[inline(always)]
        || loss::forward(x.slice(), v, targets),
    );
    let m = y.len();
    (tensor(y, &[m]), lse)
}

impl Kernels for Flex {
    fn seal_rms_norm(x: FlexTensor, w: FlexTensor, eps: f64) -> FlexTensor {
        norm_forward(&x, &w, eps).0
    }

    fn seal_swiglu(gate: FlexTensor, up: FlexTensor) -> FlexTensor {
        let (g, u) = (Flat::of(&gate), Flat::of(&up));
        let y = vectorised(
            #[inline(always)]
            || gate::forward(g.slice(), u.slice()),
        );
        tensor(y, &g.shape())
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
        let y = vectorised(
            #[inline(always)]
            || attention::forward(inputs, &shape),
        );
        tensor(y, &q.shape())
    }
}

#[derive(Debug)]
struct RmsNorm;

impl Backward<Flex, 2> for RmsNorm {
    type State = (FlexTensor, FlexTensor, Arc<[f32]>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = Flat::of(&grads.consume::<Flex>(&ops.node));
        let (x, w, factors) = ops.state;
        let (x, w) = (Flat::of(&x), Flat::of(&w));
        let [x_parent, w_parent] = ops.parents;
        let with_dw = w_parent.is_some();
        let (dx, dw) = vectorised(
            #[inline(always)]
            || norm::backward(x.slice(), w.slice(), &factors, dy.slice(), with_dw),
        );
        if let Some(parent) = x_parent {
            grads.register::<Flex>(parent.id, tensor(dx, &x.shape()));
        }
        if let Some(parent) = w_parent {
            grads.register::<Flex>(parent.id, tensor(dw, &w.shape()));
        }
    }
}

#[derive(Debug)]
struct SwiGlu;

impl Backward<Flex, 2> for SwiGlu {
    type State = (FlexTensor, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = Flat::of(&grads.consume::<Flex>(&ops.node));
        let (g, u) = (Flat::of(&ops.state.0), Flat::of(&ops.state.1));
        let (dg, du) = vectorised(
            #[inline(always)]
            || gate::backward(g.slice(), u.slice(), dy.slice()),
        );
        for (parent, grad) in ops.parents.into_iter().zip([dg, du]) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, tensor(grad, &g.shape()));
            }
        }
    }
}

#[derive(Debug)]
struct Nll;

impl Backward<Flex, 1> for Nll {
    type State = (FlexTensor, Arc<[u32]>, Arc<[f32]>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = Flat::of(&grads.consume::<Flex>(&ops.node));
        let (logits, targets, lse) = ops.state;
        let x = Flat::of(&logits);
        let v = x.shape()[1];
        let [parent] = ops.parents;
        if let Some(parent) = parent {
            let dx = vectorised(
                #[inline(always)]
                || loss::backward(x.slice(), v, &targets, &lse, dy.slice()),
            );
            grads.register::<Flex>(parent.id, tensor(dx, &x.shape()));
        }
    }
}

#[derive(Debug)]
struct Attention;

impl Backward<Flex, 3> for Attention {
    type State = ([FlexTensor; 5], AttentionShape);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = Flat::of(&grads.consume::<Flex>(&ops.node));
        let (inputs, shape) = ops.state;
        let [q, k, v, cos, sin] = inputs.each_ref().map(Flat::of);
        let inputs =
            Inputs { q: q.slice(), k: k.slice(), v: v.slice(), cos: cos.slice(), sin: sin.slice() };
        let (dq, dk, dv) = vectorised(
            #[inline(always)]
            || attention::backward(inputs, &shape, dy.slice()),
        );
        let results = [(dq, q.shape()), (dk, k.shape()), (dv, v.shape())];
        for (parent, (grad, shape)) in ops.parents.into_iter().zip(results) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, tensor(grad, &shape));
            }
        }
    }
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn seal_rms_norm(x: FloatTensor<Self>, w: FloatTensor<Self>, eps: f64) -> FloatTensor<Self> {
        let ((x, x_node), (w, w_node)) = (x.into_parts(), w.into_parts());
        let prepared = RmsNorm.prepare::<C>([x_node, w_node]).compute_bound().stateful();
        let (y, factors) = norm_forward(&x, &w, eps);
        match prepared {
            OpsKind::Tracked(prep) => prep.finish((x, w, factors.into()), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn seal_swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((gate, gate_node), (up, up_node)) = (gate.into_parts(), up.into_parts());
        let prepared = SwiGlu.prepare::<C>([gate_node, up_node]).compute_bound().stateful();
        let y = Flex::seal_swiglu(gate.clone(), up.clone());
        match prepared {
            OpsKind::Tracked(prep) => prep.finish((gate, up), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn seal_nll(logits: FloatTensor<Self>, targets: Vec<u32>) -> FloatTensor<Self> {
        let (logits, node) = logits.into_parts();
        let prepared = Nll.prepare::<C>([node]).compute_bound().stateful();
        let (y, lse) = nll_forward(&logits, &targets);
        match prepared {
            OpsKind::Tracked(prep) => prep.finish((logits, targets.into(), lse.into()), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn seal_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        shape: AttentionShape,
    ) -> FloatTensor<Self> {
        let [(q, q_node), (k, k_node), (v, v_node)] = [q, k, v].map(|x| x.into_parts());
        let (cos, sin) = (cos.into_primitive(), sin.into_primitive());
        let prepared = Attention.prepare::<C>([q_node, k_node, v_node]).compute_bound().stateful();
        let y = Flex::seal_attention(
            q.clone(),
            k.clone(),
            v.clone(),
            cos.clone(),
            sin.clone(),
            shape.clone(),
        );
        match prepared {
            OpsKind::Tracked(prep) => prep.finish(([q, k, v, cos, sin], shape), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}
