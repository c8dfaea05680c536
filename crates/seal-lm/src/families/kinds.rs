//! Models whose blocks are of a few kinds: with the window or without it, with positions or
//! without them.

use std::sync::Arc;

use crate::plan::{AttentionPlan, BlockPlan, Blocks, NormPlan, Plan, RotaryPlan, TensorNames};
use crate::{Architecture, LayerType, LmConfig, RopeScaling};

/// What tells kinds of blocks apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct BlockKind {
    /// Whether attention has the window.
    slides: bool,
    /// Whether queries and keys turn with the position.
    turns: bool,
}

impl BlockKind {
    /// Of block `i`.
    fn of(a: &Architecture, i: usize) -> Self {
        let slides = match a.layer_types.get(i) {
            Some(kind) => *kind == LayerType::SlidingAttention,
            None => a.sliding_window.is_some(),
        };
        Self { slides, turns: a.no_rope_layers.get(i) != Some(&0) }
    }
}

/// A model of the blocks that `block` makes around each kind of attention.
pub(super) fn plan(
    c: &LmConfig,
    names: TensorNames,
    block: impl Fn(AttentionPlan) -> BlockPlan,
    norm: NormPlan,
) -> Plan {
    let a = &c.architecture;
    let mut rotary = Vec::new();
    let mut set_of = |kind: BlockKind| {
        let set = match (kind.turns, a.rope_local_base_freq) {
            (false, _) => RotaryPlan { dims: 0, theta: 1.0, scaling: RopeScaling::Default },
            (true, Some(theta)) if kind.slides => {
                RotaryPlan { dims: c.rotary_dim(), theta, scaling: RopeScaling::Default }
            }
            (true, _) => global(c),
        };
        rotary.iter().position(|known| *known == set).unwrap_or_else(|| {
            rotary.push(set);
            rotary.len() - 1
        })
    };
    let described = a.layer_types.len().max(a.no_rope_layers.len());
    let (mut kinds, mut blocks, mut pattern) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..described.min(c.num_hidden_layers).max(1) {
        let kind = BlockKind::of(a, i);
        let known = kinds.iter().position(|known| *known == kind);
        pattern.push(known.unwrap_or(kinds.len()));
        if known.is_none() {
            let window = a.sliding_window.filter(|_| kind.slides);
            let attention = AttentionPlan { window, rotary: set_of(kind), ..attention(c) };
            blocks.push(Arc::new(block(attention)));
            kinds.push(kind);
        }
    }
    let blocks = Blocks { count: c.num_hidden_layers, kinds: blocks, pattern };
    model_plan(c, names, rotary, blocks, norm)
}

/// A model of blocks that are all alike, with one rotary set.
pub(super) fn of_alike(c: &LmConfig, names: TensorNames, block: BlockPlan, norm: NormPlan) -> Plan {
    model_plan(c, names, vec![global(c)], Blocks::alike(c.num_hidden_layers, block), norm)
}

/// Heads as the settings have them, turned by the first rotary set.
pub(super) fn attention(c: &LmConfig) -> AttentionPlan {
    let a = &c.architecture;
    AttentionPlan {
        heads: c.num_attention_heads,
        kv_heads: c.num_key_value_heads,
        head_dim: c.head_dim(),
        window: a.sliding_window,
        rotary: 0,
        scale: a.query_pre_attn_scalar.map(|scalar| 1.0 / scalar.sqrt()),
        soft_cap: a.attn_logit_softcapping,
    }
}

fn global(c: &LmConfig) -> RotaryPlan {
    let scaling = c.architecture.rope_scaling.clone();
    RotaryPlan { dims: c.rotary_dim(), theta: c.rope_theta, scaling }
}

fn model_plan(
    c: &LmConfig,
    names: TensorNames,
    rotary: Vec<RotaryPlan>,
    blocks: Blocks,
    norm: NormPlan,
) -> Plan {
    Plan {
        vocab_size: c.vocab_size,
        width: c.hidden_size,
        names,
        tied: c.tie_word_embeddings,
        rotary,
        blocks,
        norm,
        embedding_scale: None,
        logit_cap: c.architecture.final_logit_softcapping,
    }
}
