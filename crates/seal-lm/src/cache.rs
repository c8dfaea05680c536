//! Keys and values of sequences that grow by a token at a time.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use seal_device::kernels::AttentionShape;

use crate::Lm;
use crate::attention::{Heads, causal, repeat_kv, split};
use crate::block::Run;
use crate::model::{Needed, Pass};
use crate::rope::{Rope, rotate};

/// Sequences side by side with what the model keeps of them.
pub(crate) struct Cache {
    blocks: Vec<KeysValues>,
    /// All tokens of each sequence so far.
    tokens: Vec<Vec<u32>>,
    /// Tokens of each sequence that were run together, before the first step.
    lengths: Vec<usize>,
    /// Slots for them; steps follow from there.
    width: usize,
    /// Steps since.
    step: usize,
    /// Steps for which there is room.
    room: usize,
    rope: Rope,
}

/// Of one block, `[B, kv_heads, S, d]`, keys rotated.
struct KeysValues {
    keys: Tensor<4>,
    values: Tensor<4>,
}

impl Cache {
    /// Runs `prompts`, none of them empty; returns the cache, with room for
    /// `room` steps, and the hidden state of each last token, `[B, D]`.
    pub(crate) fn start(model: &Lm, prompts: &[&[u32]], room: usize) -> (Self, Tensor<2>) {
        let mut cache = Self {
            blocks: Vec::new(),
            tokens: prompts.iter().map(|p| p.to_vec()).collect(),
            lengths: Vec::new(),
            width: 0,
            step: 0,
            room,
            rope: Rope::of(model.config()),
        };
        let hidden = cache.run_all(model);
        (cache, hidden)
    }

    /// Adds a token to each sequence; returns its hidden states `[B, D]`.
    pub(crate) fn step(&mut self, model: &Lm, next: &[u32]) -> Tensor<2> {
        // Past its original context a sequence is another one to the model, from
        // its first token on: transformers drops the cache there, too.
        let crosses = |t: &Vec<u32>| self.rope.is_long(t.len() + 1) && !self.rope.is_long(t.len());
        let start_over = self.tokens.iter().any(crosses);
        for (tokens, next) in self.tokens.iter_mut().zip(next) {
            tokens.push(*next);
        }
        match start_over {
            true => {
                // A tensor without slots is none that every backend takes.
                self.room = self.room.saturating_sub(self.step + 1).max(1);
                self.run_all(model)
            }
            false => self.run_last(model),
        }
    }

    fn run_all(&mut self, model: &Lm) -> Tensor<2> {
        let device = model.device();
        let (rows, heads) = (self.tokens.len(), model.heads());
        self.lengths = self.tokens.iter().map(Vec::len).collect();
        self.width = self.lengths.iter().copied().max().unwrap_or(0);
        self.step = 0;
        let width = self.width;
        let mut ids = vec![0i32; rows * width];
        for (tokens, slots) in self.tokens.iter().zip(ids.chunks_exact_mut(width)) {
            for (slot, token) in slots.iter_mut().zip(tokens) {
                *slot = *token as i32;
            }
        }
        let rotary = self.rope.of_rows(&self.lengths, width, &device);
        let (cos, sin) = rotary.spread();
        let starts = AttentionShape::padded(rows, width);
        let (lengths, ops) = (&self.lengths, model.ops());
        let chunks = Default::default();
        let last: Vec<i32> =
            lengths.iter().enumerate().map(|(b, len)| (b * width + len - 1) as i32).collect();
        let needed = Some(Needed::of(last, vec![1; rows], &device));
        let pass = Pass { lengths, starts: &starts, rotary, dropout: None, ops, chunks, needed };
        let room = [rows, heads.kv_heads, self.room, heads.dim];
        self.blocks.clear();
        let mut h = model.embed(&ids);
        for (i, block) in model.layers.iter().enumerate() {
            h = block.forward(h, &pass.run(model, i), |q, k, v| {
                let keys = split(k.clone(), rows, heads.kv_heads);
                let keys = rotate(keys, cos.clone(), sin.clone());
                let values = split(v.clone(), rows, heads.kv_heads);
                let zeros = Tensor::zeros(room, (&device, keys.dtype()));
                self.blocks.push(KeysValues {
                    keys: Tensor::cat(vec![keys, zeros.clone()], 2),
                    values: Tensor::cat(vec![values, zeros], 2),
                });
                causal(q, k, v, &pass, heads)
            });
        }
        model.normalise(h)
    }

    fn run_last(&mut self, model: &Lm) -> Tensor<2> {
        let (device, heads) = (model.device(), model.heads());
        let (rows, groups) = (self.tokens.len(), heads.heads / heads.kv_heads);
        let positions = self.tokens.iter().map(|t| (t.len() - 1, self.rope.is_long(t.len())));
        let (cos, sin) = self.rope.tables(positions, &device);
        let table = |x: Tensor<2>| {
            let half = x.dims()[1];
            x.reshape([rows, 1, 1, half])
        };
        let (cos, sin) = (table(cos), table(sin));
        let at = self.width + self.step;
        let size = self.blocks.first().map_or(0, |c| c.keys.dims()[2]);
        let mask = self.mask(size, heads, &device);
        let ids: Vec<i32> = self.tokens.iter().map(|t| t[t.len() - 1] as i32).collect();
        let mut h = model.embed(&ids);
        for (i, (block, cache)) in model.layers.iter().zip(&mut self.blocks).enumerate() {
            let (config, ops) = (model.config(), model.ops());
            let run = Run { config, ops, layer: i, dropout: None, needed: None };
            h = block.forward(h, &run, |q, k, v| {
                let q = rotate(split(q, rows, heads.heads), cos.clone(), sin.clone());
                let k = rotate(split(k, rows, heads.kv_heads), cos.clone(), sin.clone());
                let v = split(v, rows, heads.kv_heads);
                let slot = [0..rows, 0..heads.kv_heads, at..at + 1, 0..heads.dim];
                // Taken out, so that the cache is written in place.
                let empty = || Tensor::zeros([1, 1, 1, 1], &device);
                let keys = std::mem::replace(&mut cache.keys, empty());
                let values = std::mem::replace(&mut cache.values, empty());
                cache.keys = keys.slice_assign(slot.clone(), k);
                cache.values = values.slice_assign(slot, v);
                let keys = repeat_kv(cache.keys.clone(), groups);
                let scores = q.matmul(keys.swap_dims(2, 3)).cast(FloatDType::F32);
                let scores = scores.mul_scalar(heads.scale()) + mask.clone();
                let weights = softmax(scores, 3).cast(cache.values.dtype());
                let attended = weights.matmul(repeat_kv(cache.values.clone(), groups));
                attended.swap_dims(1, 2).reshape([rows, heads.heads * heads.dim])
            });
        }
        self.step += 1;
        model.normalise(h)
    }

    /// `[B, 1, 1, S]`: minus infinity where the newest token of a row sees none.
    fn mask(&self, size: usize, heads: Heads, device: &Device) -> Tensor<4> {
        let rows = self.lengths.len();
        let mut values = vec![f32::NEG_INFINITY; rows * size];
        for (row, len) in values.chunks_exact_mut(size).zip(&self.lengths) {
            let newest = len + self.step;
            let slots = (0..*len).chain(self.width..=self.width + self.step);
            for (position, slot) in slots.enumerate() {
                if heads.sees(newest, position) {
                    row[slot] = 0.0;
                }
            }
        }
        Tensor::from_data(TensorData::new(values, [rows, 1, 1, size]), device)
    }
}
