//! Weights of causal attention, and the gradient of its scores; both off the tape.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::DType;
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::reduce::{THREADS, cube_a_row, max_of_row, sum_of_row};
use super::{flat, room};
use crate::kernels::seen::SeenKeys;

/// The operations, for dispatch.
#[backend_extension(Cube)]
trait SoftmaxOnCube: Backend {
    fn seal_causal_softmax(
        products: FloatTensor<Self>,
        seen: SeenKeys,
        scale: f32,
        dtype: DType,
    ) -> FloatTensor<Self>;

    fn seal_softmax_gradient(
        weights: FloatTensor<Self>,
        dweights: FloatTensor<Self>,
        scale: f32,
        dtype: DType,
    ) -> FloatTensor<Self>;
}

/// See [`crate::GpuKernels::causal_softmax`].
pub(crate) fn causal_softmax(
    products: burn::tensor::Tensor<4>,
    seen: SeenKeys,
    scale: f64,
    dtype: DType,
) -> burn::tensor::Tensor<4> {
    let products = products.into_dispatch();
    let weights =
        <Dispatch as SoftmaxOnCube>::seal_causal_softmax(products, seen, scale as f32, dtype);
    burn::tensor::Tensor::from_dispatch(weights)
}

/// See [`crate::GpuKernels::softmax_gradient`].
pub(crate) fn softmax_gradient(
    weights: burn::tensor::Tensor<4>,
    dweights: burn::tensor::Tensor<4>,
    scale: f64,
    dtype: DType,
) -> burn::tensor::Tensor<4> {
    let (weights, dweights) = (weights.into_dispatch(), dweights.into_dispatch());
    let gradient =
        <Dispatch as SoftmaxOnCube>::seal_softmax_gradient(weights, dweights, scale as f32, dtype);
    burn::tensor::Tensor::from_dispatch(gradient)
}

/// A row a cube. A row of queries sees the keys `from..to`.
#[cube(launch)]
fn softmax_kernel<F: Float, W: Float>(
    products: &Tensor<F>,
    weights: &mut Tensor<W>,
    rows: u32,
    keys: u32,
    queries: u32,
    first_query: u32,
    first_key: u32,
    window: u32,
    scale: f32,
    #[define(F, W)] _dtypes: [ElemType; 2],
) {
    let row = CUBE_POS as usize;
    if row >= rows as usize {
        terminate!();
    }
    let keys = keys as usize;
    let start = row * keys;
    // Positions in the row of tokens; keys before the first are seen by none of these queries.
    let query = first_query + (row as u32) % queries;
    let to = (query + 1 - first_key) as usize;
    let mut from = 0usize;
    if query + 1 > first_key + window {
        from = (query + 1 - first_key - window) as usize;
    }
    let mut part = f32::new(-3.0e38f32);
    let mut i = from + UNIT_POS as usize;
    while i < to {
        part = max(part, f32::cast_from(products[start + i]) * scale);
        i += THREADS;
    }
    let most = max_of_row(part);
    let mut part = 0.0f32;
    let mut i = from + UNIT_POS as usize;
    while i < to {
        part += (f32::cast_from(products[start + i]) * scale - most).exp();
        i += THREADS;
    }
    let sum = sum_of_row(part);
    let mut i = UNIT_POS as usize;
    while i < keys {
        let seen = i >= from && i < to;
        let mut weight = 0.0f32;
        if seen {
            weight = (f32::cast_from(products[start + i]) * scale - most).exp() / sum;
        }
        weights[start + i] = W::cast_from(weight);
        i += THREADS;
    }
}

/// The gradient of products: `scale p (dp - sum(p dp))`. A row a cube.
#[cube(launch)]
fn gradient_kernel<F: Float, W: Float, G: Float>(
    weights: &Tensor<W>,
    dweights: &Tensor<F>,
    gradient: &mut Tensor<G>,
    rows: u32,
    keys: u32,
    scale: f32,
    #[define(F, W, G)] _dtypes: [ElemType; 3],
) {
    let row = CUBE_POS as usize;
    if row >= rows as usize {
        terminate!();
    }
    let keys = keys as usize;
    let start = row * keys;
    let mut part = 0.0f32;
    let mut i = UNIT_POS as usize;
    while i < keys {
        part += f32::cast_from(weights[start + i]) * f32::cast_from(dweights[start + i]);
        i += THREADS;
    }
    let sum = sum_of_row(part);
    let mut i = UNIT_POS as usize;
    while i < keys {
        let p = f32::cast_from(weights[start + i]);
        let dp = f32::cast_from(dweights[start + i]);
        gradient[start + i] = G::cast_from(p * (dp - sum) * scale);
        i += THREADS;
    }
}

/// Rows and columns of a tensor whose last dimension are keys.
fn rows_and_keys(x: &CubeTensor) -> ([usize; 4], usize, usize) {
    let shape = [0, 1, 2, 3].map(|i| x.meta.shape()[i]);
    (shape, shape[0] * shape[1] * shape[2], shape[3])
}

impl SoftmaxOnCube for CubeBackend {
    fn seal_causal_softmax(
        products: CubeTensor,
        seen: SeenKeys,
        scale: f32,
        dtype: DType,
    ) -> CubeTensor {
        let products = flat(products);
        let (shape, rows, keys) = rows_and_keys(&products);
        let weights = room(&products, shape, dtype);
        if rows * keys > 0 {
            softmax_kernel::launch(
                &products.client.clone(),
                cube_a_row(rows),
                CubeDim::new_1d(THREADS as u32),
                products.clone().into_tensor_arg(),
                weights.clone().into_tensor_arg(),
                rows as u32,
                keys as u32,
                seen.queries as u32,
                seen.first_query as u32,
                seen.first_key as u32,
                // No row is as long.
                seen.window.map_or(1 << 30, |window| window.min(1 << 30) as u32),
                scale,
                [products.dtype, dtype].map(dtype_to_storage_type),
            );
        }
        weights
    }

    fn seal_softmax_gradient(
        weights: CubeTensor,
        dweights: CubeTensor,
        scale: f32,
        dtype: DType,
    ) -> CubeTensor {
        let (weights, dweights) = (flat(weights), flat(dweights));
        let (shape, rows, keys) = rows_and_keys(&weights);
        let gradient = room(&weights, shape, dtype);
        if rows * keys > 0 {
            let dtypes = [dweights.dtype, weights.dtype, dtype].map(dtype_to_storage_type);
            gradient_kernel::launch(
                &weights.client.clone(),
                cube_a_row(rows),
                CubeDim::new_1d(THREADS as u32),
                weights.into_tensor_arg(),
                dweights.into_tensor_arg(),
                gradient.clone().into_tensor_arg(),
                rows as u32,
                keys as u32,
                scale,
                dtypes,
            );
        }
        gradient
    }
}
