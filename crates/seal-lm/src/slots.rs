//! Slots in which prompts take turns: one that is free takes the next prompt.
//!
//! Every number of a token follows from its sequence alone, in an order of sums that does not
//! depend on the other slots or on how many tokens come at once ([`seal_device`]'s packed products
//! and cached attention). So a sequence may begin with a copy of what another one has stored of the
//! same tokens, and an answer is the same bit by bit whatever its neighbours.

use burn::tensor::Tensor;
use seal_device::{AttentionShape, KeysValues};

use crate::Lm;
use crate::block_forward::BlockContext;
use crate::needed::Needed;
use crate::packed::PackedModel;
use crate::rope::Rope;

/// Tokens that pass through the model at once, at most, but for one of every sequence: what is
/// kept of them for a moment does not grow with the prompts.
const PASS: usize = 1024;

/// Tokens that a pass must save before a sequence waits for another one to have run them: a pass
/// over few tokens takes as long as reading the weights.
const WORTH: usize = 24;

/// Sequences side by side with what the model keeps of them.
pub(crate) struct Slots<'m> {
    model: &'m Lm,
    packed: &'m PackedModel,
    slots: Vec<Slot>,
}

/// A sequence.
struct Slot {
    /// Prompt and answer so far. Those of an answer that has ended stay until a prompt needs the
    /// slot.
    tokens: Vec<u32>,
    /// Number of them that were run.
    run: usize,
    /// Of each block, the keys and values of the tokens that were run.
    stored: Vec<KeysValues>,
    /// Of each rotary set, whether it turns by the long frequencies.
    long: Vec<bool>,
    /// Whether nothing was copied to it yet.
    fresh: bool,
    /// Whether its tokens are to be run.
    active: bool,
}

impl<'m> Slots<'m> {
    pub(crate) fn new(model: &'m Lm, packed: &'m PackedModel, slots: usize) -> Self {
        let slot = || Slot {
            tokens: Vec::new(),
            run: 0,
            stored: (model.trunk.layers.iter().map(|block| &block.plan.attention))
                .map(|plan| KeysValues::new(plan.kv_heads, plan.head_dim))
                .collect(),
            long: Vec::new(),
            fresh: false,
            active: false,
        };
        Self { model, packed, slots: (0..slots).map(|_| slot()).collect() }
    }

    /// A slot without a sequence.
    pub(crate) fn free(&self) -> Option<usize> {
        self.slots.iter().position(|slot| !slot.active)
    }

    /// Starts a sequence in a free slot. There is room for an answer of up to `most` tokens from the
    /// beginning: it would be moved at its first token otherwise.
    pub(crate) fn start(&mut self, slot: usize, prompt: &[u32], most: usize) {
        let long = self.long(prompt.len());
        let source = self.copy_source(prompt, &long);
        let context = self.model.config().max_position_embeddings;
        let room = prompt.len().saturating_add(most).min(context);
        self.slots[slot].stored.iter_mut().for_each(|stored| stored.reserve(room));
        let (from, n) = source.unwrap_or((slot, 0));
        if from == slot {
            self.slots[slot].keep(n);
        } else {
            let [to, from] = pair(&mut self.slots, slot, from);
            for (to, from) in to.stored.iter_mut().zip(&from.stored) {
                to.copy_from(from, n);
            }
            to.run = n;
        }
        let slot = &mut self.slots[slot];
        slot.tokens = prompt.to_vec();
        (slot.long, slot.active, slot.fresh) = (long, true, true);
    }

    /// The slot that has run most of the first tokens of `prompt`, and how many; the last one must
    /// be run for its state.
    fn copy_source(&self, prompt: &[u32], long: &[bool]) -> Option<(usize, usize)> {
        let shared = |slot: &Slot| match slot.long == long {
            true => shared(&slot.tokens[..slot.run], &prompt[..prompt.len() - 1]),
            false => 0,
        };
        let all = self.slots.iter().map(shared).enumerate();
        all.filter(|(_, n)| *n > 0).max_by_key(|(i, n)| (*n, std::cmp::Reverse(*i)))
    }

    /// Ends the sequence of a slot.
    pub(crate) fn end(&mut self, slot: usize) {
        self.slots[slot].active = false;
    }

    /// Adds a token to a sequence.
    pub(crate) fn push(&mut self, slot: usize, token: u32) {
        let long = self.long(self.slots[slot].tokens.len() + 1);
        let slot = &mut self.slots[slot];
        slot.tokens.push(token);
        // Past its original context a sequence is another one to the model, from
        // its first token on: transformers drops the cache there, too.
        if slot.long != long {
            slot.keep(0);
            slot.long = long;
        }
    }

    /// Runs tokens of the sequences; returns those slots of which all tokens were run, and the
    /// logits `[n, V]` after the last token of each.
    pub(crate) fn pass(&mut self) -> (Vec<usize>, Tensor<2>) {
        let takes = loop {
            let takes = self.takes();
            let whole = |(slot, n): &(usize, usize)| {
                self.slots[*slot].run + n == self.slots[*slot].tokens.len()
            };
            if takes.iter().any(whole) {
                break takes;
            }
            // Long prompts take several passes.
            self.forward(&takes);
        };
        let hidden = self.forward(&takes);
        let done: Vec<usize> = (0..takes.len())
            .filter(|i| self.slots[takes[*i].0].run == self.slots[takes[*i].0].tokens.len())
            .collect();
        let device = self.model.device();
        let at = Needed::of(done.iter().map(|i| *i as i32).collect(), &device);
        let logits = self.packed.logits(self.model, at.pick(hidden));
        (done.into_iter().map(|i| takes[i].0).collect(), logits)
    }

    /// Slots to run, with the number of their next tokens.
    fn takes(&mut self) -> Vec<(usize, usize)> {
        let waiting = self.waiting();
        let mut room = PASS;
        let mut takes = Vec::new();
        for (i, slot) in self.slots.iter_mut().enumerate() {
            if !slot.active || waiting.contains(&i) {
                continue;
            }
            slot.fresh = false;
            let n = (slot.tokens.len() - slot.run).min(room.max(1));
            room = room.saturating_sub(n);
            takes.push((i, n));
        }
        takes
    }

    /// Slots that have not begun, and whose first tokens other slots are about to run: they wait
    /// for that and copy it.
    fn waiting(&mut self) -> Vec<usize> {
        let is_under_way =
            |slot: &Slot| slot.active && !slot.fresh && slot.tokens.len() - slot.run > 1;
        let mut leaders: Vec<usize> =
            (0..self.slots.len()).filter(|i| is_under_way(&self.slots[*i])).collect();
        let (mut saved, mut waiting) = (0, Vec::new());
        for i in 0..self.slots.len() {
            let slot = &self.slots[i];
            if !slot.active || !slot.fresh {
                continue;
            }
            let (tokens, long) = (slot.tokens.clone(), slot.long.clone());
            // What has been run since it was started.
            if let Some((from, n)) = self.copy_source(&tokens, &long)
                && n > self.slots[i].run
            {
                let [to, from] = pair(&mut self.slots, i, from);
                for (to, from) in to.stored.iter_mut().zip(&from.stored) {
                    to.copy_from(from, n);
                }
                to.run = n;
            }
            let slot = &self.slots[i];
            let of = |leader: &usize| {
                let leader = &self.slots[*leader];
                match leader.long == slot.long {
                    true => shared(&leader.tokens, &slot.tokens[..slot.tokens.len() - 1]),
                    false => 0,
                }
            };
            let most = leaders.iter().map(of).max().unwrap_or(0);
            if most > slot.run {
                saved += most - slot.run;
                waiting.push(i);
            } else {
                leaders.push(i);
            }
        }
        if saved < WORTH { Vec::new() } else { waiting }
    }

    /// Runs the next tokens of slots; returns the state of the last one of each, `[n, D]`.
    fn forward(&mut self, takes: &[(usize, usize)]) -> Tensor<2> {
        let (trunk, device) = (&self.model.trunk, self.model.device());
        let lengths: Vec<usize> = takes.iter().map(|(_, n)| *n).collect();
        let starts = AttentionShape::packed(&lengths);
        let next = |(i, n): &(usize, usize)| {
            let slot = &self.slots[*i];
            slot.tokens[slot.run..slot.run + n].iter().map(|t| *t as i32).collect::<Vec<_>>()
        };
        let tokens: Vec<i32> = takes.iter().flat_map(next).collect();
        let tables = |(set, rope): (usize, &Rope)| {
            let turns = takes.iter().flat_map(|(i, n)| {
                let slot = &self.slots[*i];
                (slot.run..slot.run + n).map(move |position| (position, slot.long[set]))
            });
            rope.tables(turns.collect::<Vec<_>>().into_iter(), &device)
        };
        let tables: Vec<_> = trunk.ropes().iter().enumerate().map(tables).collect();
        let last = starts.iter().zip(&lengths).map(|(start, n)| (start + n - 1) as i32);
        let needed = Needed::of(last.collect(), &device);
        let mut h = trunk.embed(&tokens);
        for (i, block) in trunk.layers.iter().enumerate() {
            let plan = &block.plan.attention;
            let run = BlockContext {
                kernels: Some(self.packed.kernels()),
                gpu: None,
                layer: i,
                dropout: None,
                needed: (i + 1 == trunk.layers.len()).then_some(&needed),
                needed_dropout: None,
                packed: Some(self.packed.block(i)),
            };
            let shape = AttentionShape {
                heads: plan.heads,
                kv_heads: plan.kv_heads,
                head_dim: plan.head_dim,
                positions: tokens.len(),
                window: plan.window,
                scale: plan.scale.map(|scale| scale as f32),
                lengths: lengths.clone(),
                starts: starts.clone(),
                stem: false,
            };
            h = block.forward(h, &run, |q, k, v| {
                let mut stored: Vec<&mut KeysValues> = Vec::with_capacity(takes.len());
                for (slot, of) in self.slots.iter_mut().enumerate() {
                    if takes.iter().any(|(taken, _)| *taken == slot) {
                        stored.push(&mut of.stored[i]);
                    }
                }
                let tables = tables[plan.rotary].clone();
                self.packed.kernels().cached_attention([q, k, v], tables, &shape, &mut stored)
            });
        }
        for (i, n) in takes {
            self.slots[*i].run += n;
        }
        trunk.normalise(h)
    }

    /// Of each rotary set, whether a sequence of `len` tokens turns by its long frequencies.
    fn long(&self, len: usize) -> Vec<bool> {
        self.model.trunk.ropes().iter().map(|rope| rope.is_long(len)).collect()
    }
}

impl Slot {
    /// Keeps what was stored of the first `n` tokens.
    fn keep(&mut self, n: usize) {
        self.stored.iter_mut().for_each(|stored| stored.truncate(n));
        self.run = n;
    }
}

/// Number of first tokens that two sequences share.
fn shared(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Two slots, the first to be changed.
fn pair(slots: &mut [Slot], to: usize, from: usize) -> [&mut Slot; 2] {
    slots.get_disjoint_mut([to, from]).expect("two slots")
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
