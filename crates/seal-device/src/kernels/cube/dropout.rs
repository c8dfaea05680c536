//! Dropout whose masks are made where they are used.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, backend_extension};
use burn::tensor::Int;
use burn_cubecl::CubeBackend;
use cubecl::calculate_cube_count_elemwise;
use cubecl::prelude::*;

use super::{flat, room};
use crate::mask::Dropout;
use crate::threefry::PARITY;

/// The operation, for dispatch.
#[backend_extension(Cube, Autodiff)]
trait DropoutOnCube: Backend {
    fn seal_dropout_on_cube(
        x: FloatTensor<Self>,
        table: IntTensor<Self>,
        dropout: Dropout,
    ) -> FloatTensor<Self>;
}

/// `x` `[n, width]` without the elements that `dropout` drops; `table` `[n, 3]` has the key of
/// each token's row and its place there.
pub(crate) fn dropout(
    x: burn::tensor::Tensor<2>,
    table: burn::Tensor<2, Int>,
    dropout: Dropout,
) -> burn::Tensor<2> {
    let (x, table) = (x.into_dispatch(), table.into_dispatch());
    burn::tensor::Tensor::from_dispatch(<Dispatch as DropoutOnCube>::seal_dropout_on_cube(
        x, table, dropout,
    ))
}

#[cube]
fn turned(x: u32, #[comptime] by: u32) -> u32 {
    (x << by) | (x >> (32 - by))
}

/// The two words of Threefry's state.
#[derive(CubeType)]
struct Words {
    a: u32,
    b: u32,
}

/// Four rounds of Threefry, as `threefry2x32` has them, and the key after them.
#[cube]
fn rounds(words: Words, #[comptime] turns: [u32; 4], key_a: u32, key_b: u32) -> Words {
    let a0 = words.a + words.b;
    let b0 = turned(words.b, turns[0]) ^ a0;
    let a1 = a0 + b0;
    let b1 = turned(b0, turns[1]) ^ a1;
    let a2 = a1 + b1;
    let b2 = turned(b1, turns[2]) ^ a2;
    let a3 = a2 + b2;
    let b3 = turned(b2, turns[3]) ^ a3;
    Words { a: a3 + key_a, b: b3 + key_b }
}

/// One unit makes the two elements of a pair of columns.
#[cube(launch)]
fn dropout_kernel<F: Float>(
    x: &Tensor<F>,
    table: &Tensor<i32>,
    y: &mut Tensor<F>,
    tokens: u32,
    width: u32,
    layer: u32,
    threshold: u32,
    keep: f32,
    #[define(F)] _dtype: ElemType,
) {
    let pairs = width.div_ceil(2);
    let unit = ABSOLUTE_POS as u32;
    let token = unit / pairs;
    if token >= tokens {
        terminate!();
    }
    let pair = unit % pairs;
    let at = token as usize * 3;
    let k0 = u32::reinterpret(table[at]);
    let k1 = u32::reinterpret(table[at + 1]);
    let k2 = k0 ^ k1 ^ PARITY;
    let place = u32::reinterpret(table[at + 2]);
    let words = Words { a: place * pairs + pair + k0, b: layer + k1 };
    let words = rounds(words, [13u32, 15, 26, 6], k1, k2 + 1);
    let words = rounds(words, [17u32, 29, 16, 24], k2, k0 + 2);
    let words = rounds(words, [13u32, 15, 26, 6], k0, k1 + 3);
    let words = rounds(words, [17u32, 29, 16, 24], k1, k2 + 4);
    let words = rounds(words, [13u32, 15, 26, 6], k2, k0 + 5);
    let first = token as usize * width as usize + pair as usize * 2;
    let kept = F::cast_from(keep);
    let none = F::new(0.0);
    y[first] = x[first] * select(words.a < threshold, none, kept);
    if pair * 2 + 1 < width {
        y[first + 1] = x[first + 1] * select(words.b < threshold, none, kept);
    }
}

impl DropoutOnCube for CubeBackend {
    fn seal_dropout_on_cube(
        x: FloatTensor<Self>,
        table: IntTensor<Self>,
        dropout: Dropout,
    ) -> FloatTensor<Self> {
        let (x, table) = (flat(x), flat(table));
        let [tokens, width] = [x.meta.shape()[0], x.meta.shape()[1]];
        let y = room(&x, [tokens, width], x.dtype);
        let units = tokens * width.div_ceil(2);
        if units == 0 {
            return y;
        }
        let client = x.client.clone();
        let dim = CubeDim::new(&client, units);
        let count = calculate_cube_count_elemwise(&client, units, dim);
        dropout_kernel::launch(
            &client,
            count,
            dim,
            x.clone().into_tensor_arg(),
            table.into_tensor_arg(),
            y.clone().into_tensor_arg(),
            tokens as u32,
            width as u32,
            dropout.layer,
            dropout.threshold(),
            dropout.keep(),
            dtype_to_storage_type(x.dtype),
        );
        y
    }
}

#[derive(Debug)]
struct Dropped;

impl Backward<CubeBackend, 1> for Dropped {
    type State = (IntTensor<CubeBackend>, Dropout);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<CubeBackend>(&ops.node);
        let (table, dropout) = ops.state;
        let [parent] = ops.parents;
        if let Some(parent) = parent {
            let dx = CubeBackend::seal_dropout_on_cube(dy, table, dropout);
            grads.register::<CubeBackend>(parent.id, dx);
        }
    }
}

impl<C: CheckpointStrategy> DropoutOnCube for Autodiff<CubeBackend, C> {
    fn seal_dropout_on_cube(
        x: FloatTensor<Self>,
        table: IntTensor<Self>,
        dropout: Dropout,
    ) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let prepared = Dropped.prepare::<C>([node]).compute_bound().stateful();
        let y = CubeBackend::seal_dropout_on_cube(x, table.clone(), dropout);
        match prepared {
            OpsKind::Tracked(prep) => prep.finish((table, dropout), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}
