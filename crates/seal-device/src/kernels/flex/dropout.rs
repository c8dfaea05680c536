//! Dropout as an operation of Burn's flex backend.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use super::super::dropout::apply;
use super::{Flat, tensor};
use crate::mask::Dropout;

/// Key and place of each token.
type Words = Arc<[[u32; 3]]>;

/// The operation, for dispatch.
#[backend_extension(Flex, Autodiff)]
trait DropoutOperation: Backend {
    fn seal_dropout(x: FloatTensor<Self>, words: Words, dropout: Dropout) -> FloatTensor<Self>;
}

/// `x` `[n, width]` of n tokens without the elements that `dropout` drops.
pub(crate) fn dropout(x: Tensor<2>, words: Words, dropout: Dropout) -> Tensor<2> {
    let x = x.into_dispatch();
    Tensor::from_dispatch(<Dispatch as DropoutOperation>::seal_dropout(x, words, dropout))
}

impl DropoutOperation for Flex {
    fn seal_dropout(x: FlexTensor, words: Words, dropout: Dropout) -> FlexTensor {
        let x = Flat::of(&x);
        let shape = x.shape();
        tensor(apply(x.slice(), &words, shape[1], dropout), &shape)
    }
}

#[derive(Debug)]
struct Dropped;

impl Backward<Flex, 1> for Dropped {
    type State = (Words, Dropout);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let (words, dropout) = ops.state;
        let [parent] = ops.parents;
        if let Some(parent) = parent {
            grads.register::<Flex>(parent.id, Flex::seal_dropout(dy, words, dropout));
        }
    }
}

impl<C: CheckpointStrategy> DropoutOperation for Autodiff<Flex, C> {
    fn seal_dropout(x: FloatTensor<Self>, words: Words, dropout: Dropout) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let prepared = Dropped.prepare::<C>([node]).compute_bound().stateful();
        let y = Flex::seal_dropout(x, Arc::clone(&words), dropout);
        match prepared {
            OpsKind::Tracked(prep) => prep.finish((words, dropout), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}
