//! What each block of a model computes, and what its weights are called.
//!
//! A family writes a plan ([`crate::families`]); whatever builds, runs, stores or
//! reckons a model reads the plan and asks for no family.

use std::sync::Arc;

use crate::{Activation, RopeScaling};

/// A model.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Number of token ids, V.
    pub(crate) vocab_size: usize,
    /// Width of the residual stream, D.
    pub(crate) width: usize,
    pub(crate) names: TensorNames,
    /// Whether the output layer is the transposed embedding.
    pub(crate) tied: bool,
    /// Sets of rotary frequencies, which blocks choose from.
    pub(crate) rotary: Vec<RotaryPlan>,
    pub(crate) blocks: Blocks,
    /// The last normalisation.
    pub(crate) norm: NormPlan,
    /// Embeddings are multiplied by it.
    pub(crate) embedding_scale: Option<f64>,
    /// A logit z becomes `cap tanh(z / cap)`.
    pub(crate) logit_cap: Option<f64>,
}

/// The blocks of a model: a few kinds in a pattern that repeats, so that a plan
/// is as small as what is said of it, whatever number of blocks that is.
#[derive(Debug)]
pub(crate) struct Blocks {
    /// Number of blocks.
    pub(crate) count: usize,
    pub(crate) kinds: Vec<Arc<BlockPlan>>,
    /// Block i is of the kind `pattern[i % pattern.len()]`.
    pub(crate) pattern: Vec<usize>,
}

impl Blocks {
    /// `count` blocks that are all alike.
    pub(crate) fn alike(count: usize, block: BlockPlan) -> Self {
        Self { count, kinds: vec![Arc::new(block)], pattern: vec![0] }
    }

    /// The plan of block `i`.
    pub(crate) fn plan(&self, i: usize) -> &Arc<BlockPlan> {
        &self.kinds[self.pattern[i % self.pattern.len()]]
    }

    /// Every kind with the number of its blocks.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (&BlockPlan, usize)> {
        let (whole, rest) = (self.count / self.pattern.len(), self.count % self.pattern.len());
        self.kinds.iter().enumerate().map(move |(kind, plan)| {
            let within = |pattern: &[usize]| pattern.iter().filter(|k| **k == kind).count();
            (&**plan, whole * within(&self.pattern) + within(&self.pattern[..rest]))
        })
    }
}

/// Where the parts of a model are in its files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TensorNames {
    /// The blocks are `<layers>.0`, `<layers>.1`, ..
    pub(crate) layers: &'static str,
    pub(crate) embedding: &'static str,
    /// The output layer, where it is not the embedding.
    pub(crate) head: &'static str,
}

/// A set of rotary frequencies.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RotaryPlan {
    /// Leading dimensions of a head that turn with the position, even; 0 where
    /// no position is told.
    pub(crate) dims: usize,
    /// Base of the frequencies.
    pub(crate) theta: f64,
    pub(crate) scaling: RopeScaling,
}

/// One block.
#[derive(Debug)]
pub(crate) struct BlockPlan {
    /// Before attention.
    pub(crate) input_norm: NormPlan,
    pub(crate) projections: ProjectionPlan,
    /// Of each query head and each key head, before they turn.
    pub(crate) head_norms: Option<HeadNorms>,
    pub(crate) attention: AttentionPlan,
    /// Output of attention.
    pub(crate) output: LinearPlan,
    /// Of the output of attention, before it joins the stream.
    pub(crate) attention_output_norm: Option<NormPlan>,
    /// Before the feed-forward layer.
    pub(crate) feed_forward_norm: NormPlan,
    pub(crate) feed_forward: FeedForwardPlan,
    pub(crate) activation: Activation,
    /// Of the output of the feed-forward layer, before it joins the stream.
    pub(crate) feed_forward_output_norm: Option<NormPlan>,
    pub(crate) residual: Residual,
}

/// Which sums a block makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Residual {
    /// The feed-forward layer reads the sum of the stream and attention.
    Sequential,
    /// It reads the stream, beside attention.
    Parallel,
}

/// Attention of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttentionPlan {
    /// Query heads, a multiple of `kv_heads`.
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    /// Size of a head.
    pub(crate) head_dim: usize,
    /// Tokens that a token sees, itself included.
    pub(crate) window: Option<usize>,
    /// The set of [`Plan::rotary`] by which queries and keys turn.
    pub(crate) rotary: usize,
    /// Scores are multiplied by it; by `1 / sqrt(head_dim)` if `None`.
    pub(crate) scale: Option<f64>,
    /// A score s becomes `cap tanh(s / cap)`.
    pub(crate) soft_cap: Option<f64>,
}

impl AttentionPlan {
    /// Whether a query at position `query` sees the key at `key`.
    pub(crate) fn sees(&self, query: usize, key: usize) -> bool {
        key <= query && self.window.is_none_or(|window| query - key < window)
    }

    /// Scores are multiplied by it.
    pub(crate) fn score_scale(&self) -> f64 {
        self.scale.unwrap_or_else(|| 1.0 / (self.head_dim as f64).sqrt())
    }

    /// Width of all queries.
    pub(crate) fn query_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Width of all keys, and of all values.
    pub(crate) fn key_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }
}

/// A normalisation: RMS (Zhang and Sennrich 2019), or with `bias` that of layers
/// (Ba et al. 2016).
#[derive(Clone, Copy, Debug)]
pub(crate) struct NormPlan {
    /// Path inside the block, or inside the model.
    pub(crate) path: &'static str,
    pub(crate) width: usize,
    pub(crate) eps: f64,
    pub(crate) bias: bool,
    /// Whether states are multiplied by 1 + the weight, and not by the weight.
    pub(crate) offset: bool,
}

/// Normalisation of single heads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadNorms {
    pub(crate) queries: NormPlan,
    pub(crate) keys: NormPlan,
}

/// A linear layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinearPlan {
    /// Path inside the block.
    pub(crate) path: &'static str,
    /// `[in, out]`.
    pub(crate) shape: [usize; 2],
    pub(crate) bias: bool,
    /// Whether it writes to the residual stream.
    pub(crate) residual: bool,
}

/// Layers that make queries, keys and values.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ProjectionPlan {
    /// One each.
    Separate { q: LinearPlan, k: LinearPlan, v: LinearPlan },
    /// One for all.
    Joint { qkv: LinearPlan, order: JointOrder },
}

/// How one layer's outputs are dealt out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JointOrder {
    /// Query, key and value of the first head, then those of the next.
    ByHead,
    /// All queries, then all keys, then all values.
    ByKind,
}

/// Layers between two widths.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FeedForwardPlan {
    /// Gate and input from a layer each (SwiGLU, Shazeer 2020).
    Gated { gate: LinearPlan, up: LinearPlan, down: LinearPlan },
    /// Gate and input from one layer, in this order.
    JointGated { gate_up: LinearPlan, down: LinearPlan },
    /// No gate.
    Plain { up: LinearPlan, down: LinearPlan },
}

impl BlockPlan {
    /// The linear layers in the order of the forward pass.
    pub(crate) fn linears(&self) -> Vec<LinearPlan> {
        let mut out = match self.projections {
            ProjectionPlan::Separate { q, k, v } => vec![q, k, v],
            ProjectionPlan::Joint { qkv, .. } => vec![qkv],
        };
        out.push(self.output);
        match self.feed_forward {
            FeedForwardPlan::Gated { gate, up, down } => out.extend([gate, up, down]),
            FeedForwardPlan::JointGated { gate_up, down } => out.extend([gate_up, down]),
            FeedForwardPlan::Plain { up, down } => out.extend([up, down]),
        }
        out
    }

    /// The normalisations in the order of the forward pass.
    pub(crate) fn norms(&self) -> Vec<NormPlan> {
        let mut out = vec![self.input_norm];
        out.extend(self.head_norms.iter().flat_map(|norms| [norms.queries, norms.keys]));
        out.extend(self.attention_output_norm);
        out.push(self.feed_forward_norm);
        out.extend(self.feed_forward_output_norm);
        out
    }
}

impl Plan {
    /// Paths of all linear layers in the blocks.
    pub(crate) fn linear_paths(&self) -> impl Iterator<Item = String> {
        (0..self.blocks.count).flat_map(move |i| {
            let at = self.block_path(i);
            let of = |linear: LinearPlan| format!("{at}.{}", linear.path);
            self.blocks.plan(i).linears().into_iter().map(of).collect::<Vec<_>>()
        })
    }

    /// Path of block `i`.
    pub(crate) fn block_path(&self, i: usize) -> String {
        format!("{}.{i}", self.names.layers)
    }

    /// Every tensor of the model's files with its shape there; the tied output
    /// layer is none.
    pub(crate) fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut out = self.trunk_tensors();
        if !self.tied {
            let table = vec![self.vocab_size, self.width];
            out.push((format!("{}.weight", self.names.head), table));
        }
        out
    }

    /// As [`Plan::tensors`], without the output layer.
    pub(crate) fn trunk_tensors(&self) -> Vec<(String, Vec<usize>)> {
        let norm = |at: String, norm: NormPlan| {
            let bias = norm.bias.then(|| (format!("{at}.bias"), vec![norm.width]));
            std::iter::once((format!("{at}.weight"), vec![norm.width])).chain(bias)
        };
        let table = vec![self.vocab_size, self.width];
        let mut out = vec![(format!("{}.weight", self.names.embedding), table)];
        for i in 0..self.blocks.count {
            let (block, at) = (self.blocks.plan(i), self.block_path(i));
            for plan in block.norms() {
                out.extend(norm(format!("{at}.{}", plan.path), plan));
            }
            for LinearPlan { path, shape: [input, output], bias, .. } in block.linears() {
                out.push((format!("{at}.{path}.weight"), vec![output, input]));
                if bias {
                    out.push((format!("{at}.{path}.bias"), vec![output]));
                }
            }
        }
        out.extend(norm(self.norm.path.to_owned(), self.norm));
        out
    }
}
