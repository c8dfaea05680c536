//! The gate of a SwiGLU block, forward and backward.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, backend_extension};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use cubecl::calculate_cube_count_elemwise;
use cubecl::prelude::*;

use super::{flat, room};

/// The operation, for dispatch.
#[backend_extension(Cube, Autodiff)]
trait GateOnCube: Backend {
    fn seal_swiglu_on_cube(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// `silu(gate) up`, both `[n, f]`. The gate is rounded to the format of the states before the
/// product, as transformers has it.
pub(crate) fn swiglu(gate: burn::tensor::Tensor<2>, up: burn::Tensor<2>) -> burn::Tensor<2> {
    let (gate, up) = (gate.into_dispatch(), up.into_dispatch());
    burn::tensor::Tensor::from_dispatch(<Dispatch as GateOnCube>::seal_swiglu_on_cube(gate, up))
}

#[cube]
fn sigmoid(x: f32) -> f32 {
    1.0f32 / (1.0f32 + (-x).exp())
}

#[cube(launch)]
fn forward_kernel<F: Float>(
    gate: &Tensor<F>,
    up: &Tensor<F>,
    y: &mut Tensor<F>,
    elements: u32,
    #[define(F)] _dtype: ElemType,
) {
    let at = ABSOLUTE_POS as usize;
    if at >= elements as usize {
        terminate!();
    }
    let g = f32::cast_from(gate[at]);
    y[at] = F::cast_from(g * sigmoid(g)) * up[at];
}

#[cube(launch)]
fn backward_kernel<F: Float>(
    gate: &Tensor<F>,
    up: &Tensor<F>,
    dy: &Tensor<F>,
    dgate: &mut Tensor<F>,
    dup: &mut Tensor<F>,
    elements: u32,
    #[define(F)] _dtype: ElemType,
) {
    let at = ABSOLUTE_POS as usize;
    if at >= elements as usize {
        terminate!();
    }
    let g = f32::cast_from(gate[at]);
    let d = f32::cast_from(dy[at]);
    let s = sigmoid(g);
    dup[at] = F::cast_from(d * g * s);
    dgate[at] = F::cast_from(d * f32::cast_from(up[at]) * s * (1.0f32 + g * (1.0f32 - s)));
}

fn shape(x: &CubeTensor) -> [usize; 2] {
    [x.meta.shape()[0], x.meta.shape()[1]]
}

impl GateOnCube for CubeBackend {
    fn seal_swiglu_on_cube(gate: CubeTensor, up: CubeTensor) -> CubeTensor {
        let (gate, up) = (flat(gate), flat(up));
        let [n, f] = shape(&gate);
        let y = room(&gate, [n, f], gate.dtype);
        if n * f > 0 {
            let dim = CubeDim::new(&gate.client, n * f);
            forward_kernel::launch(
                &gate.client.clone(),
                calculate_cube_count_elemwise(&gate.client, n * f, dim),
                dim,
                gate.clone().into_tensor_arg(),
                up.into_tensor_arg(),
                y.clone().into_tensor_arg(),
                (n * f) as u32,
                dtype_to_storage_type(gate.dtype),
            );
        }
        y
    }
}

#[derive(Debug)]
struct SwiGlu;

impl Backward<CubeBackend, 2> for SwiGlu {
    /// Gate and input.
    type State = [CubeTensor; 2];

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = flat(grads.consume::<CubeBackend>(&ops.node));
        let [gate, up] = ops.state.map(flat);
        let [n, f] = shape(&gate);
        let results = [room(&gate, [n, f], gate.dtype), room(&gate, [n, f], gate.dtype)];
        if n * f > 0 {
            let dim = CubeDim::new(&gate.client, n * f);
            backward_kernel::launch(
                &gate.client.clone(),
                calculate_cube_count_elemwise(&gate.client, n * f, dim),
                dim,
                gate.clone().into_tensor_arg(),
                up.into_tensor_arg(),
                dy.into_tensor_arg(),
                results[0].clone().into_tensor_arg(),
                results[1].clone().into_tensor_arg(),
                (n * f) as u32,
                dtype_to_storage_type(gate.dtype),
            );
        }
        for (parent, gradient) in ops.parents.into_iter().zip(results) {
            if let Some(parent) = parent {
                grads.register::<CubeBackend>(parent.id, gradient);
            }
        }
    }
}

impl<C: CheckpointStrategy> GateOnCube for Autodiff<CubeBackend, C> {
    fn seal_swiglu_on_cube(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((gate, gate_node), (up, up_node)) = (gate.into_parts(), up.into_parts());
        let prepared = SwiGlu.prepare::<C>([gate_node, up_node]).compute_bound().stateful();
        let y = CubeBackend::seal_swiglu_on_cube(gate.clone(), up.clone());
        match prepared {
            OpsKind::Tracked(prep) => prep.finish([gate, up], y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}
