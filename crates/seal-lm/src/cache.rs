//! Keys and values of sequences that grow by a token at a time.

use std::sync::Arc;

use burn::tensor::activation::softmax;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use crate::Lm;
use crate::attention::{causal, repeat_kv, split};
use crate::block_forward::BlockContext;
use crate::layout::Layout;
use crate::plan::AttentionPlan;
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
    ropes: Arc<[Rope]>,
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
            ropes: Arc::clone(model.trunk.ropes()),
        };
        let hidden = cache.run_all(model);
        (cache, hidden)
    }

    /// Adds a token to each sequence; returns its hidden states `[B, D]`.
    pub(crate) fn step(&mut self, model: &Lm, next: &[u32]) -> Tensor<2> {
        // Past its original context a sequence is another one to the model, from
        // its first token on: transformers drops the cache there, too.
        let crosses = |t: &Vec<u32>| {
            self.ropes.iter().any(|rope| rope.is_long(t.len() + 1) && !rope.is_long(t.len()))
        };
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
        let (trunk, device, rows) = (&model.trunk, model.device(), self.tokens.len());
        let tokens: Vec<&[u32]> = self.tokens.iter().map(Vec::as_slice).collect();
        let layout = Layout::of_rows(&tokens, false);
        self.lengths.clone_from(&layout.lengths);
        self.width = layout.width;
        self.step = 0;
        let pass = trunk.position_pass(&layout, None);
        let tables: Vec<_> = pass.rows.rotary.iter().map(|rotary| rotary.spread()).collect();
        self.blocks.clear();
        let mut h = trunk.embed(&layout.tokens);
        for (i, block) in trunk.layers.iter().enumerate() {
            let plan = &block.plan.attention;
            h = block.forward(h, &pass.run(i, trunk.layers.len()), |q, k, v| {
                let (cos, sin) = tables[plan.rotary].clone();
                let keys = rotate(split(k.clone(), rows, plan.kv_heads), cos, sin);
                let values = split(v.clone(), rows, plan.kv_heads);
                let room = [rows, plan.kv_heads, self.room, plan.head_dim];
                let zeros = Tensor::zeros(room, (&device, keys.dtype()));
                self.blocks.push(KeysValues {
                    keys: Tensor::cat(vec![keys, zeros.clone()], 2),
                    values: Tensor::cat(vec![values, zeros], 2),
                });
                causal(q, k, v, &pass.rows, plan)
            });
        }
        trunk.normalise(h)
    }

    fn run_last(&mut self, model: &Lm) -> Tensor<2> {
        let (trunk, device, rows) = (&model.trunk, model.device(), self.tokens.len());
        let tables = |rope: &Rope| {
            let positions = self.tokens.iter().map(|t| (t.len() - 1, rope.is_long(t.len())));
            let (cos, sin) = rope.tables(positions, &device);
            let half = cos.dims()[1];
            [cos, sin].map(|x| x.reshape([rows, 1, 1, half]))
        };
        let tables: Vec<_> = self.ropes.iter().map(tables).collect();
        let at = self.width + self.step;
        let size = self.blocks.first().map_or(0, |c| c.keys.dims()[2]);
        let mut masks = Masks::default();
        let ids: Vec<i32> = self.tokens.iter().map(|t| t[t.len() - 1] as i32).collect();
        let mut h = trunk.embed(&ids);
        for (i, block) in trunk.layers.iter().enumerate() {
            let plan = &block.plan.attention;
            let mask = masks.of(plan, || self.mask(size, plan, &device));
            let cache = &mut self.blocks[i];
            let run = BlockContext {
                kernels: trunk.kernels(),
                gpu: trunk.gpu(),
                layer: i,
                dropout: None,
                needed: None,
                needed_dropout: None,
                packed: None,
            };
            h = block.forward(h, &run, |q, k, v| {
                let [cos, sin] = &tables[plan.rotary];
                let q = rotate(split(q, rows, plan.heads), cos.clone(), sin.clone());
                let k = rotate(split(k, rows, plan.kv_heads), cos.clone(), sin.clone());
                let v = split(v, rows, plan.kv_heads);
                let slot = [0..rows, 0..plan.kv_heads, at..at + 1, 0..plan.head_dim];
                // Taken out, so that the cache is written in place.
                let empty = || Tensor::zeros([1, 1, 1, 1], &device);
                let keys = std::mem::replace(&mut cache.keys, empty());
                let values = std::mem::replace(&mut cache.values, empty());
                cache.keys = keys.slice_assign(slot.clone(), k);
                cache.values = values.slice_assign(slot, v);
                let groups = plan.heads / plan.kv_heads;
                let keys = repeat_kv(cache.keys.clone(), groups);
                let products = q.matmul(keys.swap_dims(2, 3)).cast(FloatDType::F32);
                let weights = softmax(plan.scores(products) + mask, 3).cast(cache.values.dtype());
                let attended = weights.matmul(repeat_kv(cache.values.clone(), groups));
                attended.swap_dims(1, 2).reshape([rows, plan.query_width()])
            });
        }
        self.step += 1;
        trunk.normalise(h)
    }

    /// `[B, 1, 1, S]`: minus infinity where the newest token of a row sees none.
    fn mask(&self, size: usize, plan: &AttentionPlan, device: &Device) -> Tensor<4> {
        let rows = self.lengths.len();
        let mut values = vec![f32::NEG_INFINITY; rows * size];
        for (row, len) in values.chunks_exact_mut(size).zip(&self.lengths) {
            let newest = len + self.step;
            let slots = (0..*len).chain(self.width..=self.width + self.step);
            for (position, slot) in slots.enumerate() {
                if plan.sees(newest, position) {
                    row[slot] = 0.0;
                }
            }
        }
        Tensor::from_data(TensorData::new(values, [rows, 1, 1, size]), device)
    }
}

/// Masks of a step, shared by the blocks with the same window.
#[derive(Default)]
struct Masks(Vec<(Option<usize>, Tensor<4>)>);

impl Masks {
    fn of(&mut self, plan: &AttentionPlan, make: impl FnOnce() -> Tensor<4>) -> Tensor<4> {
        if let Some((_, mask)) = self.0.iter().find(|(window, _)| *window == plan.window) {
            return mask.clone();
        }
        let mask = make();
        self.0.push((plan.window, mask.clone()));
        mask
    }
}
