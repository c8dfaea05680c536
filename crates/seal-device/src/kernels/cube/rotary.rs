//! Rotary positions with the change of layout around attention; off the tape.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use cubecl::calculate_cube_count_elemwise;
use cubecl::prelude::*;

use super::{flat, room};

/// The operations, for dispatch.
#[backend_extension(Cube)]
trait RotaryOnCube: Backend {
    fn seal_rotate_split(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self>;

    fn seal_rotate_back(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        dtype: burn::tensor::DType,
    ) -> FloatTensor<Self>;
}

/// See [`crate::GpuKernels::rotate_split`].
pub(crate) fn rotate_split(
    x: burn::tensor::Tensor<2>,
    (cos, sin): (burn::tensor::Tensor<2>, burn::tensor::Tensor<2>),
    heads: usize,
) -> burn::tensor::Tensor<4> {
    let (x, cos, sin) = (x.into_dispatch(), cos.into_dispatch(), sin.into_dispatch());
    let y = <Dispatch as RotaryOnCube>::seal_rotate_split(x, cos, sin, heads);
    burn::tensor::Tensor::from_dispatch(y)
}

/// See [`crate::GpuKernels::rotate_back`].
pub(crate) fn rotate_back(
    x: burn::tensor::Tensor<4>,
    (cos, sin): (burn::tensor::Tensor<2>, burn::tensor::Tensor<2>),
    dtype: burn::tensor::DType,
) -> burn::tensor::Tensor<2> {
    let (x, cos, sin) = (x.into_dispatch(), cos.into_dispatch(), sin.into_dispatch());
    let y = <Dispatch as RotaryOnCube>::seal_rotate_back(x, cos, sin, dtype);
    burn::tensor::Tensor::from_dispatch(y)
}

/// An element of a head, turned: dimension i of the first `2 half` is paired with i + half.
#[cube]
fn turned<F: Float>(
    x: &Tensor<F>,
    head: usize,
    i: usize,
    half: usize,
    cos: &Tensor<f32>,
    sin: &Tensor<f32>,
    table: usize,
    sign: f32,
) -> f32 {
    let own = f32::cast_from(x[head + i]);
    let mut y = own;
    if i < half {
        let pair = f32::cast_from(x[head + i + half]);
        y = own * cos[table + i] - pair * sign * sin[table + i];
    } else if i < 2 * half {
        let pair = f32::cast_from(x[head + i - half]);
        y = own * cos[table + i - half] + pair * sign * sin[table + i - half];
    }
    y
}

/// `[B T, heads d]` to `[B, heads, T, d]`, a unit an element of the result.
#[cube(launch)]
fn split_kernel<F: Float>(
    x: &Tensor<F>,
    cos: &Tensor<f32>,
    sin: &Tensor<f32>,
    y: &mut Tensor<F>,
    elements: u32,
    tokens: u32,
    heads: u32,
    width: u32,
    half: u32,
    #[define(F)] _dtype: ElemType,
) {
    let at = ABSOLUTE_POS as u32;
    if at >= elements {
        terminate!();
    }
    let i = at % width;
    let t = at / width % tokens;
    let h = at / width / tokens % heads;
    let b = at / width / tokens / heads;
    let head = ((b * tokens + t) * heads + h) as usize * width as usize;
    let (i, half) = (i as usize, half as usize);
    let table = t as usize * half;
    y[at as usize] = F::cast_from(turned(x, head, i, half, cos, sin, table, 1.0f32));
}

/// `[B, heads, T, d]` to `[B T, heads d]`, turned the other way.
#[cube(launch)]
fn back_kernel<F: Float, G: Float>(
    x: &Tensor<F>,
    cos: &Tensor<f32>,
    sin: &Tensor<f32>,
    y: &mut Tensor<G>,
    elements: u32,
    tokens: u32,
    heads: u32,
    width: u32,
    half: u32,
    #[define(F, G)] _dtypes: [ElemType; 2],
) {
    let at = ABSOLUTE_POS as u32;
    if at >= elements {
        terminate!();
    }
    let i = at % width;
    let h = at / width % heads;
    let t = at / width / heads % tokens;
    let b = at / width / heads / tokens;
    let head = ((b * heads + h) * tokens + t) as usize * width as usize;
    let (i, half) = (i as usize, half as usize);
    let table = t as usize * half;
    y[at as usize] = G::cast_from(turned(x, head, i, half, cos, sin, table, -1.0f32));
}

impl RotaryOnCube for CubeBackend {
    fn seal_rotate_split(
        x: CubeTensor,
        cos: CubeTensor,
        sin: CubeTensor,
        heads: usize,
    ) -> CubeTensor {
        let (x, cos, sin) = (flat(x), flat(cos), flat(sin));
        let [n, all] = [x.meta.shape()[0], x.meta.shape()[1]];
        let [tokens, half] = [cos.meta.shape()[0], cos.meta.shape()[1]];
        let width = all / heads;
        let y = room(&x, [n / tokens, heads, tokens, width], x.dtype);
        let dim = CubeDim::new(&x.client, n * all);
        split_kernel::launch(
            &x.client.clone(),
            calculate_cube_count_elemwise(&x.client, n * all, dim),
            dim,
            x.clone().into_tensor_arg(),
            cos.into_tensor_arg(),
            sin.into_tensor_arg(),
            y.clone().into_tensor_arg(),
            (n * all) as u32,
            tokens as u32,
            heads as u32,
            width as u32,
            half as u32,
            dtype_to_storage_type(x.dtype),
        );
        y
    }

    fn seal_rotate_back(
        x: CubeTensor,
        cos: CubeTensor,
        sin: CubeTensor,
        dtype: burn::tensor::DType,
    ) -> CubeTensor {
        let (x, cos, sin) = (flat(x), flat(cos), flat(sin));
        let [b, heads, tokens, width] = [0, 1, 2, 3].map(|i| x.meta.shape()[i]);
        let half = cos.meta.shape()[1];
        let y = room(&x, [b * tokens, heads * width], dtype);
        let elements = b * heads * tokens * width;
        let dim = CubeDim::new(&x.client, elements);
        back_kernel::launch(
            &x.client.clone(),
            calculate_cube_count_elemwise(&x.client, elements, dim),
            dim,
            x.clone().into_tensor_arg(),
            cos.into_tensor_arg(),
            sin.into_tensor_arg(),
            y.clone().into_tensor_arg(),
            elements as u32,
            tokens as u32,
            heads as u32,
            width as u32,
            half as u32,
            [x.dtype, dtype].map(dtype_to_storage_type),
        );
        y
    }
}
