//! RMS normalisation of rows, forward and backward.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, backend_extension};
use burn::tensor::DType;
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use cubecl::calculate_cube_count_elemwise;
use cubecl::prelude::*;

use super::reduce::{THREADS, cube_a_row, sum_of_row};
use super::{flat, room};

/// The operation, for dispatch.
#[backend_extension(Cube, Autodiff)]
trait NormOnCube: Backend {
    fn seal_rms_norm_on_cube(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self>;
}

/// Rows of `x` `[n, d]` divided by the root of their mean square and multiplied by `gain` `[d]`.
/// Sums are taken in f32. A gain in the format of `x` multiplies rounded rows, a gain in f32
/// multiplies before they are rounded, as transformers has it for Llama and for Gemma.
pub(crate) fn rms_norm(
    x: burn::tensor::Tensor<2>,
    gain: burn::Tensor<1>,
    eps: f64,
) -> burn::Tensor<2> {
    let (x, gain) = (x.into_dispatch(), gain.into_dispatch());
    burn::tensor::Tensor::from_dispatch(<Dispatch as NormOnCube>::seal_rms_norm_on_cube(
        x, gain, eps,
    ))
}

/// A row a cube.
#[cube(launch)]
fn forward_kernel<F: Float, G: Float>(
    x: &Tensor<F>,
    gain: &Tensor<G>,
    y: &mut Tensor<F>,
    factors: &mut Tensor<f32>,
    rows: u32,
    columns: u32,
    eps: f32,
    #[define(F, G)] _dtypes: [ElemType; 2],
) {
    let row = CUBE_POS as usize;
    if row >= rows as usize {
        terminate!();
    }
    let columns = columns as usize;
    let start = row * columns;
    let mut part = 0.0f32;
    let mut i = UNIT_POS as usize;
    while i < columns {
        let value = f32::cast_from(x[start + i]);
        part += value * value;
        i += THREADS;
    }
    let sum = sum_of_row(part);
    let factor = 1.0f32 / (sum / f32::cast_from(columns as u32) + eps).sqrt();
    if UNIT_POS == 0 {
        factors[row] = factor;
    }
    let mut i = UNIT_POS as usize;
    while i < columns {
        let value = f32::cast_from(x[start + i]) * factor;
        // Of two formats that are the same one, the product is the same either way.
        y[start + i] = F::cast_from(G::cast_from(value) * gain[i]);
        i += THREADS;
    }
}

/// The gradient of `x`: `r (g dy) - x r^3 / d sum(g dy x)`.
#[cube(launch)]
fn backward_kernel<F: Float, G: Float>(
    x: &Tensor<F>,
    gain: &Tensor<G>,
    factors: &Tensor<f32>,
    dy: &Tensor<F>,
    dx: &mut Tensor<F>,
    rows: u32,
    columns: u32,
    #[define(F, G)] _dtypes: [ElemType; 2],
) {
    let row = CUBE_POS as usize;
    if row >= rows as usize {
        terminate!();
    }
    let columns = columns as usize;
    let start = row * columns;
    let factor = factors[row];
    let mut part = 0.0f32;
    let mut i = UNIT_POS as usize;
    while i < columns {
        let through = f32::cast_from(gain[i]) * f32::cast_from(dy[start + i]);
        part += through * f32::cast_from(x[start + i]);
        i += THREADS;
    }
    let sum = sum_of_row(part);
    let shared = factor * factor * factor * sum / f32::cast_from(columns as u32);
    let mut i = UNIT_POS as usize;
    while i < columns {
        let through = f32::cast_from(gain[i]) * f32::cast_from(dy[start + i]);
        dx[start + i] = F::cast_from(through * factor - f32::cast_from(x[start + i]) * shared);
        i += THREADS;
    }
}

/// The gradient of the gain: a unit sums a column, row after row.
#[cube(launch)]
fn gain_kernel<F: Float, G: Float>(
    x: &Tensor<F>,
    factors: &Tensor<f32>,
    dy: &Tensor<F>,
    dgain: &mut Tensor<G>,
    rows: u32,
    columns: u32,
    #[define(F, G)] _dtypes: [ElemType; 2],
) {
    let column = ABSOLUTE_POS as usize;
    let columns = columns as usize;
    if column >= columns {
        terminate!();
    }
    let mut sum = 0.0f32;
    for row in 0..rows as usize {
        let at = row * columns + column;
        sum += f32::cast_from(dy[at]) * f32::cast_from(x[at]) * factors[row];
    }
    dgain[column] = G::cast_from(sum);
}

/// Normalised rows, and the factor `[n]` of each.
fn forward(x: &CubeTensor, gain: &CubeTensor, eps: f64) -> (CubeTensor, CubeTensor) {
    let [n, d] = [x.meta.shape()[0], x.meta.shape()[1]];
    let (y, factors) = (room(x, [n, d], x.dtype), room(x, [n], DType::F32));
    if n * d > 0 {
        forward_kernel::launch(
            &x.client,
            cube_a_row(n),
            CubeDim::new_1d(THREADS as u32),
            x.clone().into_tensor_arg(),
            gain.clone().into_tensor_arg(),
            y.clone().into_tensor_arg(),
            factors.clone().into_tensor_arg(),
            n as u32,
            d as u32,
            eps as f32,
            [dtype_to_storage_type(x.dtype), dtype_to_storage_type(gain.dtype)],
        );
    }
    (y, factors)
}

impl NormOnCube for CubeBackend {
    fn seal_rms_norm_on_cube(x: CubeTensor, gain: CubeTensor, eps: f64) -> CubeTensor {
        forward(&flat(x), &flat(gain), eps).0
    }
}

#[derive(Debug)]
struct RmsNorm;

impl Backward<CubeBackend, 2> for RmsNorm {
    /// `x`, its gain and the factors of its rows.
    type State = [CubeTensor; 3];

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = flat(grads.consume::<CubeBackend>(&ops.node));
        let [x, gain, factors] = ops.state;
        let [n, d] = [x.meta.shape()[0], x.meta.shape()[1]];
        let [x_parent, gain_parent] = ops.parents;
        let dtypes = || [dtype_to_storage_type(x.dtype), dtype_to_storage_type(gain.dtype)];
        if let Some(parent) = x_parent {
            let dx = room(&x, [n, d], x.dtype);
            if n * d > 0 {
                backward_kernel::launch(
                    &x.client,
                    cube_a_row(n),
                    CubeDim::new_1d(THREADS as u32),
                    x.clone().into_tensor_arg(),
                    gain.clone().into_tensor_arg(),
                    factors.clone().into_tensor_arg(),
                    dy.clone().into_tensor_arg(),
                    dx.clone().into_tensor_arg(),
                    n as u32,
                    d as u32,
                    dtypes(),
                );
            }
            grads.register::<CubeBackend>(parent.id, dx);
        }
        if let Some(parent) = gain_parent {
            let dgain = room(&gain, [d], gain.dtype);
            let dim = CubeDim::new(&x.client, d);
            gain_kernel::launch(
                &x.client,
                calculate_cube_count_elemwise(&x.client, d, dim),
                dim,
                x.clone().into_tensor_arg(),
                factors.into_tensor_arg(),
                dy.into_tensor_arg(),
                dgain.clone().into_tensor_arg(),
                n as u32,
                d as u32,
                dtypes(),
            );
            grads.register::<CubeBackend>(parent.id, dgain);
        }
    }
}

impl<C: CheckpointStrategy> NormOnCube for Autodiff<CubeBackend, C> {
    fn seal_rms_norm_on_cube(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        let ((x, x_node), (gain, gain_node)) = (x.into_parts(), gain.into_parts());
        let prepared = RmsNorm.prepare::<C>([x_node, gain_node]).compute_bound().stateful();
        let (x, gain) = (flat(x), flat(gain));
        let (y, factors) = forward(&x, &gain, eps);
        match prepared {
            OpsKind::Tracked(prep) => prep.finish([x, gain, factors], y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}
