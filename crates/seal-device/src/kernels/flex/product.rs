//! Matrix products as operations of Burn's flex backend.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use super::super::product::{Matrix, add_product, product};
use super::{Flat, tensor};

/// The operations, for dispatch.
#[backend_extension(Flex, Autodiff)]
pub(super) trait Products: Backend {
    fn seal_product(x: FloatTensor<Self>, w: FloatTensor<Self>) -> FloatTensor<Self>;
    fn seal_add_product(
        start: FloatTensor<Self>,
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

pub(in super::super) fn matmul(x: Tensor<2>, w: Tensor<2>) -> Tensor<2> {
    let y = <Dispatch as Products>::seal_product(x.into_dispatch(), w.into_dispatch());
    Tensor::from_dispatch(y)
}

pub(in super::super) fn matmul_add(start: Tensor<2>, x: Tensor<2>, w: Tensor<2>) -> Tensor<2> {
    let ([rows, columns], [n, k], [inner, m]) = (start.dims(), x.dims(), w.dims());
    assert!(
        k == inner && m == columns && (rows == n || rows == 1),
        "[{rows}, {columns}] + [{n}, {k}] [{inner}, {m}]"
    );
    let (start, x, w) = (start.into_dispatch(), x.into_dispatch(), w.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Products>::seal_add_product(start, x, w))
}

/// `x` as a matrix where it lies. Views of a kind that a linear layer does not
/// meet, such as those of negative strides, are copied first.
fn with_matrix<R>(x: &FlexTensor, f: impl FnOnce(Matrix<'_>) -> R) -> R {
    let layout = x.layout();
    let shape: Vec<usize> = layout.shape().iter().copied().collect();
    let &[rows, columns] = shape.as_slice() else { panic!("a matrix has two sizes: {shape:?}") };
    let strides: Option<Vec<usize>> =
        layout.strides().iter().map(|s| usize::try_from(*s).ok()).collect();
    match strides.as_deref() {
        Some(&[row, column]) if row == 1 || column == 1 => {
            let values = &x.storage::<f32>()[layout.start_offset()..];
            f(Matrix::new(values, [rows, columns], [row, column]))
        }
        _ => f(Matrix::new(Flat::of(x).slice(), [rows, columns], [columns, 1])),
    }
}

fn multiply(x: &FlexTensor, w: &FlexTensor) -> FlexTensor {
    with_matrix(x, |x| with_matrix(w, |w| tensor(product(x, w), &[x.shape()[0], w.shape()[1]])))
}

/// `start` is a row, or as many as x has.
fn multiply_add(start: FlexTensor, x: &FlexTensor, w: &FlexTensor) -> FlexTensor {
    let rows = x.layout().shape()[0];
    let mut sum = match start.layout().shape()[0] == rows {
        true => start.to_contiguous(),
        false => {
            let row = Flat::of(&start);
            tensor(row.slice().repeat(rows), &[rows, row.slice().len()])
        }
    };
    drop(start);
    with_matrix(x, |x| with_matrix(w, |w| add_product(x, w, sum.storage_mut::<f32>())));
    sum
}

impl Products for Flex {
    fn seal_product(x: FlexTensor, w: FlexTensor) -> FlexTensor {
        multiply(&x, &w)
    }

    fn seal_add_product(start: FlexTensor, x: FlexTensor, w: FlexTensor) -> FlexTensor {
        multiply_add(start, &x, &w)
    }
}

/// Gradients of the factors, where they are asked for.
fn backward(
    dy: &FlexTensor,
    x: Option<&FlexTensor>,
    w: Option<&FlexTensor>,
) -> [Option<FlexTensor>; 2] {
    let turned = |a: &FlexTensor| a.transpose(0, 1);
    [w.map(|w| multiply(dy, &turned(w))), x.map(|x| multiply(&turned(x), dy))]
}

#[derive(Debug)]
struct Product;

impl Backward<Flex, 2> for Product {
    /// The factors, each where the other's gradient is asked for.
    type State = (Option<FlexTensor>, Option<FlexTensor>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let (x, w) = ops.state;
        let results = backward(&dy, x.as_ref(), w.as_ref());
        for (parent, grad) in ops.parents.into_iter().zip(results) {
            if let (Some(parent), Some(grad)) = (parent, grad) {
                grads.register::<Flex>(parent.id, grad);
            }
        }
    }
}

#[derive(Debug)]
struct AddProduct;

impl Backward<Flex, 3> for AddProduct {
    /// The factors, and whether the start is a row.
    type State = (Option<FlexTensor>, Option<FlexTensor>, bool);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let (x, w, row) = ops.state;
        let [start, x_parent, w_parent] = ops.parents;
        let results = backward(&dy, x.as_ref(), w.as_ref());
        for (parent, grad) in [x_parent, w_parent].into_iter().zip(results) {
            if let (Some(parent), Some(grad)) = (parent, grad) {
                grads.register::<Flex>(parent.id, grad);
            }
        }
        if let Some(parent) = start {
            let grad = if row { sum_of_rows(&dy) } else { dy };
            grads.register::<Flex>(parent.id, grad);
        }
    }
}

/// `[1, m]` of `[n, m]`.
fn sum_of_rows(x: &FlexTensor) -> FlexTensor {
    let x = Flat::of(x);
    let columns = x.shape()[1];
    let mut sum = vec![0f32; columns];
    for row in x.slice().chunks_exact(columns) {
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    tensor(sum, &[1, columns])
}

impl<C: CheckpointStrategy> Products for Autodiff<Flex, C> {
    fn seal_product(x: FloatTensor<Self>, w: FloatTensor<Self>) -> FloatTensor<Self> {
        let tracked = (x.is_tracked(), w.is_tracked());
        let [(x, x_node), (w, w_node)] = [x, w].map(|x| x.into_parts());
        let prepared = Product.prepare::<C>([x_node, w_node]).compute_bound().stateful();
        let y = multiply(&x, &w);
        match prepared {
            OpsKind::Tracked(prep) => {
                prep.finish((tracked.1.then_some(x), tracked.0.then_some(w)), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn seal_add_product(
        start: FloatTensor<Self>,
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let tracked = (x.is_tracked(), w.is_tracked());
        let [(start, node), (x, x_node), (w, w_node)] = [start, x, w].map(|x| x.into_parts());
        let prepared = AddProduct.prepare::<C>([node, x_node, w_node]).compute_bound().stateful();
        let row = start.layout().shape()[0] != x.layout().shape()[0];
        let y = multiply_add(start, &x, &w);
        match prepared {
            OpsKind::Tracked(prep) => {
                prep.finish((tracked.1.then_some(x), tracked.0.then_some(w), row), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}
