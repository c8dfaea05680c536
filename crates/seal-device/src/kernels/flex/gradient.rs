//! The gradients of the kernels.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use super::super::attention::Inputs;
use super::super::shape::AttentionShape;
use super::super::{attention, gate, loss, norm};
use super::{Flat, Operations, layer_norm_forward, nll_forward, norm_forward, tensor};

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
        let (dx, dw) = norm::backward(x.slice(), w.slice(), &factors, dy.slice(), with_dw);
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
        let (dg, du) = gate::backward(g.slice(), u.slice(), dy.slice());
        for (parent, grad) in ops.parents.into_iter().zip([dg, du]) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, tensor(grad, &g.shape()));
            }
        }
    }
}

#[derive(Debug)]
struct LayerNorm;

impl Backward<Flex, 3> for LayerNorm {
    type State = (FlexTensor, FlexTensor, Arc<norm::NormStatistics>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = Flat::of(&grads.consume::<Flex>(&ops.node));
        let (x, w, moments) = ops.state;
        let (x, w) = (Flat::of(&x), Flat::of(&w));
        let [x_parent, w_parent, b_parent] = ops.parents;
        let with_gain = w_parent.is_some() || b_parent.is_some();
        let (dx, dw, db) =
            norm::layer_backward(x.slice(), w.slice(), &moments, dy.slice(), with_gain);
        if let Some(parent) = x_parent {
            grads.register::<Flex>(parent.id, tensor(dx, &x.shape()));
        }
        for (parent, grad) in [(w_parent, dw), (b_parent, db)] {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, tensor(grad, &w.shape()));
            }
        }
    }
}

#[derive(Debug)]
struct Gelu;

impl Backward<Flex, 1> for Gelu {
    type State = FlexTensor;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = Flat::of(&grads.consume::<Flex>(&ops.node));
        let x = Flat::of(&ops.state);
        let [parent] = ops.parents;
        if let Some(parent) = parent {
            let dx = gate::gelu_backward(x.slice(), dy.slice());
            grads.register::<Flex>(parent.id, tensor(dx, &x.shape()));
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
            let dx = loss::backward(x.slice(), v, &targets, &lse, dy.slice());
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
        let (dq, dk, dv) = attention::backward(inputs, &shape, dy.slice());
        let results = [(dq, q.shape()), (dk, k.shape()), (dv, v.shape())];
        for (parent, (grad, shape)) in ops.parents.into_iter().zip(results) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, tensor(grad, &shape));
            }
        }
    }
}

impl<C: CheckpointStrategy> Operations for Autodiff<Flex, C> {
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

    fn seal_layer_norm(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        b: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        let [(x, x_node), (w, w_node), (b, b_node)] = [x, w, b].map(|x| x.into_parts());
        let prepared = LayerNorm.prepare::<C>([x_node, w_node, b_node]).compute_bound().stateful();
        let (y, moments) = layer_norm_forward(&x, &w, &b, eps);
        match prepared {
            OpsKind::Tracked(prep) => prep.finish((x, w, Arc::new(moments)), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn seal_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let prepared = Gelu.prepare::<C>([node]).compute_bound().stateful();
        let y = Flex::seal_gelu(x.clone());
        match prepared {
            OpsKind::Tracked(prep) => prep.finish(x, y),
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
