//! Calls of attention.

use burn::tensor::{Device, Tensor};
use seal_device::{AttentionShape, Kernels};

use super::{draws, leaf, reference, tensor};

/// Those of the CPU.
pub fn kernels() -> Kernels {
    Kernels::of(&Device::flex()).expect("compiled in")
}

/// Shapes with each grouping of heads, head sizes on both sides of the 16
/// lanes, and rows of unequal and odd lengths: padded, packed, and with gaps
/// and out of order.
pub fn shapes() -> Vec<AttentionShape> {
    let shape = |heads, kv_heads, head_dim, lengths: &[usize], starts: &[usize]| AttentionShape {
        heads,
        kv_heads,
        head_dim,
        positions: 1 + lengths.iter().max().unwrap(),
        window: None,
        scale: None,
        lengths: lengths.to_vec(),
        starts: starts.to_vec(),
        stem: false,
    };
    let padded = AttentionShape::padded(2, 7);
    assert_eq!(padded, [0, 7]);
    let packed = AttentionShape::packed(&[1, 5, 3]);
    assert_eq!(packed, [0, 1, 6]);
    vec![
        shape(4, 2, 8, &[7, 3], &padded),
        shape(4, 1, 16, &[1, 5, 3], &packed),
        shape(4, 4, 2, &[2, 4, 3], &[6, 0, 9]),
        shape(2, 1, 32, &[5, 6], &[1, 7]),
        shape(2, 2, 6, &[33], &[0]),
    ]
}

/// Shapes whose first row is the beginning of the others, on both sides of a block of queries.
pub fn stems() -> Vec<AttentionShape> {
    let lengths = [[5, 3, 1, 6], [8, 9, 2, 1], [17, 1, 16, 4], [1, 2, 3, 4], [19, 14, 7, 2]];
    let with_stem = |(shape, lengths): (AttentionShape, [usize; 4])| AttentionShape {
        positions: 1 + lengths[0] + lengths[1..].iter().max().unwrap(),
        starts: AttentionShape::packed(&lengths),
        lengths: lengths.to_vec(),
        stem: true,
        ..shape
    };
    shapes().into_iter().zip(lengths).map(with_stem).collect()
}

/// Inputs of a call, and the numbers they were made from.
pub struct Call {
    pub inputs: [Vec<f64>; 3],
    pub angles: Vec<f64>,
    pub shape: AttentionShape,
}

impl Call {
    /// With two tokens after the last row.
    pub fn new(shape: &AttentionShape, scale: f64) -> Self {
        let ends = shape.starts.iter().zip(&shape.lengths).map(|(start, len)| start + len);
        let n = (ends.max().unwrap() + 2) * shape.head_dim;
        let inputs = [
            draws(1, n * shape.heads, scale),
            draws(2, n * shape.kv_heads, scale),
            draws(3, n * shape.kv_heads, 1.0),
        ];
        let angles = reference::angles(shape.positions, shape.head_dim);
        Self { inputs, angles, shape: shape.clone() }
    }

    /// Rotates the first `dims` dimensions of each head only.
    pub fn rotating(self, dims: usize) -> Self {
        Self { angles: reference::angles(self.shape.positions, dims), ..self }
    }

    /// The inputs on the tape.
    pub fn leaves(&self) -> [Tensor<2>; 3] {
        let n = self.inputs[0].len() / (self.shape.heads * self.shape.head_dim);
        self.inputs.each_ref().map(|x| leaf(x, [n, x.len() / n]))
    }

    /// What the kernel makes of queries, keys and values.
    pub fn run(&self, [q, k, v]: [Tensor<2>; 3]) -> Tensor<2> {
        let table = |f: fn(f64) -> f64| {
            let values: Vec<f64> = self.angles.iter().map(|a| f(*a)).collect();
            tensor(
                &values,
                [self.shape.positions, values.len() / self.shape.positions],
                &q.device(),
            )
        };
        let (cos, sin) = (table(f64::cos), table(f64::sin));
        kernels().causal_attention(q, k, v, cos, sin, self.shape.clone())
    }

    /// The definition, with `x` as the input `which`.
    pub fn reference(&self, which: usize, x: &[f64]) -> Vec<f64> {
        let mut inputs = self.inputs.each_ref().map(Vec::as_slice);
        inputs[which] = x;
        reference::attention(inputs[0], inputs[1], inputs[2], &self.angles, &self.shape)
    }

    /// Flat places of the input `which` at tokens of no row.
    pub fn padding(&self, which: usize) -> Vec<usize> {
        let s = &self.shape;
        let width = s.head_dim * if which == 0 { s.heads } else { s.kv_heads };
        let rows = || s.starts.iter().zip(&s.lengths);
        let is_free =
            |token: &usize| !rows().any(|(start, len)| (*start..start + len).contains(token));
        let tokens = (0..self.inputs[which].len() / width).filter(is_free);
        tokens.flat_map(|token| token * width..(token + 1) * width).collect()
    }
}
