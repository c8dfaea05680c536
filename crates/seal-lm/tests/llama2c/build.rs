//! Files in the formats of llama2.c, and its forward pass in f64.

use rand::RngExt;
use seal_data::seed;

/// Shape of a checkpoint.
#[derive(Clone, Copy)]
pub struct Shape {
    pub d: usize,
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub vocab: usize,
    pub context: usize,
    pub is_tied: bool,
}

pub const SHAPE: Shape = Shape {
    d: 24,
    hidden: 17,
    layers: 2,
    heads: 4,
    kv_heads: 2,
    vocab: 37,
    context: 20,
    is_tied: false,
};

/// A checkpoint: the numbers of the file, tensor after tensor.
pub struct Checkpoint {
    pub shape: Shape,
    pub tensors: Vec<Vec<f32>>,
}

impl Shape {
    fn head(&self) -> usize {
        self.d / self.heads
    }

    fn kv(&self) -> usize {
        self.kv_heads * self.head()
    }

    /// Lengths of the tensors, in their order.
    fn sizes(&self) -> Vec<usize> {
        let Self { d, hidden, layers: l, vocab, context, .. } = *self;
        let tables = context * self.head() / 2;
        let mut sizes = vec![
            vocab * d,
            l * d,
            l * d * d,
            l * d * self.kv(),
            l * d * self.kv(),
            l * d * d,
            l * d,
            l * d * hidden,
            l * d * hidden,
            l * d * hidden,
            d,
            tables,
            tables,
        ];
        sizes.extend((!self.is_tied).then_some(vocab * d));
        sizes
    }
}

impl Checkpoint {
    /// Random weights, true rotary tables.
    pub fn random(shape: Shape) -> Self {
        let mut rng = seed::rng(&["llama2c".into(), 1u64.into()]);
        let mut tensor = |n: usize| (0..n).map(|_| rng.random::<f32>() - 0.5).collect();
        let mut tensors: Vec<Vec<f32>> = shape.sizes().into_iter().map(&mut tensor).collect();
        for gains in [1, 6, 10] {
            tensors[gains].iter_mut().for_each(|x| *x += 1.0);
        }
        let half = shape.head() / 2;
        for i in 0..tensors[11].len() {
            let angle = (i / half) as f64 * frequency(i % half, shape.head());
            (tensors[11][i], tensors[12][i]) = (angle.cos() as f32, angle.sin() as f32);
        }
        Self { shape, tensors }
    }

    pub fn header(&self) -> [i32; 7] {
        let s = &self.shape;
        let vocab = s.vocab as i32 * if s.is_tied { 1 } else { -1 };
        let [d, hidden, layers, heads, kv, context] =
            [s.d, s.hidden, s.layers, s.heads, s.kv_heads, s.context].map(|x| x as i32);
        [d, hidden, layers, heads, kv, vocab, context]
    }

    pub fn bytes(&self) -> Vec<u8> {
        let header = self.header().into_iter().flat_map(i32::to_le_bytes);
        header.chain(self.tensors.iter().flatten().flat_map(|x| x.to_le_bytes())).collect()
    }

    /// The matrix `[out, in]` of `tensor` in block `layer`, times `x`.
    fn times(&self, tensor: usize, layer: usize, x: &[f64]) -> Vec<f64> {
        let blocks = if [0, 13].contains(&tensor) { 1 } else { self.shape.layers };
        let n = self.tensors[tensor].len() / blocks;
        let matrix = &self.tensors[tensor][layer * n..(layer + 1) * n];
        let dot = |row: &[f32]| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum();
        matrix.chunks_exact(x.len()).map(dot).collect()
    }

    fn norm(&self, tensor: usize, layer: usize, x: &[f64]) -> Vec<f64> {
        let d = self.shape.d;
        let gain = &self.tensors[tensor][layer * d..(layer + 1) * d];
        let mean = x.iter().map(|x| x * x).sum::<f64>() / d as f64;
        x.iter().zip(gain).map(|(x, g)| x * f64::from(*g) / (mean + 1e-5).sqrt()).collect()
    }

    /// Logits after each of `tokens`, as llama2.c computes them.
    pub fn logits(&self, tokens: &[u32]) -> Vec<Vec<f64>> {
        let Shape { d, heads, kv_heads, layers, is_tied, .. } = self.shape;
        let size = self.shape.head();
        let mut caches = vec![(Vec::new(), Vec::new()); layers];
        let mut out = Vec::new();
        for (position, token) in tokens.iter().enumerate() {
            let row = &self.tensors[0][*token as usize * d..(*token as usize + 1) * d];
            let mut x: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
            for (layer, (keys, values)) in caches.iter_mut().enumerate() {
                let h = self.norm(1, layer, &x);
                let q = turn(self.times(2, layer, &h), size, position);
                keys.push(turn(self.times(3, layer, &h), size, position));
                values.push(self.times(4, layer, &h));
                let mut mixed = vec![0.0; d];
                for head in 0..heads {
                    let (own, other) = (head * size, head / (heads / kv_heads) * size);
                    let score = |k: &Vec<f64>| {
                        let dot: f64 = (0..size).map(|i| q[own + i] * k[other + i]).sum();
                        (dot / (size as f64).sqrt()).exp()
                    };
                    let scores: Vec<f64> = keys.iter().map(score).collect();
                    let total: f64 = scores.iter().sum();
                    for (score, value) in scores.iter().zip(values.iter()) {
                        for i in 0..size {
                            mixed[own + i] += score / total * value[other + i];
                        }
                    }
                }
                add(&mut x, &self.times(5, layer, &mixed));
                let h = self.norm(6, layer, &x);
                let (gate, up) = (self.times(7, layer, &h), self.times(9, layer, &h));
                let gated = gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u);
                add(&mut x, &self.times(8, layer, &gated.collect::<Vec<_>>()));
            }
            out.push(self.times(if is_tied { 0 } else { 13 }, 0, &self.norm(10, 0, &x)));
        }
        out
    }
}

fn add(x: &mut [f64], y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

fn frequency(pair: usize, head: usize) -> f64 {
    10_000f64.powf(-2.0 * pair as f64 / head as f64)
}

/// Rotates pairs that lie side by side.
fn turn(mut x: Vec<f64>, head: usize, position: usize) -> Vec<f64> {
    for (i, pair) in x.chunks_exact_mut(2).enumerate() {
        let angle = position as f64 * frequency(i % (head / 2), head);
        let (a, b) = (pair[0], pair[1]);
        pair[0] = a * angle.cos() - b * angle.sin();
        pair[1] = a * angle.sin() + b * angle.cos();
    }
    x
}

/// A tokenizer file of the 259 fixed pieces and `text`.
pub fn tokenizer(text: &[(&str, f32)]) -> Vec<u8> {
    let fixed = ["<unk>", "\n<s>\n", "\n</s>\n"].map(str::to_owned).into_iter();
    let fixed = fixed.chain((0..256).map(|b| format!("<0x{b:02X}>"))).map(|p| (p, 0.0));
    let text = text.iter().map(|(p, s)| ((*p).to_owned(), *s));
    let mut bytes = 16i32.to_le_bytes().to_vec();
    for (piece, score) in fixed.chain(text) {
        bytes.extend(f32::to_le_bytes(score));
        bytes.extend((piece.len() as i32).to_le_bytes());
        bytes.extend(piece.as_bytes());
    }
    bytes
}
