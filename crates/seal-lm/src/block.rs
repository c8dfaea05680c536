//! The weights of one block of a model.

use std::sync::Arc;

use burn::module::Module;

use crate::Linear;
use crate::linear::last_part;
use crate::norm::Norm;
use crate::plan::{BlockPlan, JointOrder};

/// One block: attention, and the feed-forward layer after it or beside it.
#[derive(Module, Debug)]
pub struct Block {
    /// Before attention.
    pub input_layernorm: Norm,
    /// Queries, keys and values.
    pub projections: Projections,
    /// Of each query head, where there is one.
    pub query_norm: Option<Norm>,
    /// Of each key head, where there is one.
    pub key_norm: Option<Norm>,
    /// Output of attention.
    pub output: Linear,
    /// Of the output of attention, where there is one.
    pub attention_output_norm: Option<Norm>,
    /// Before the feed-forward layer.
    pub post_attention_layernorm: Norm,
    /// The feed-forward layer.
    pub feed_forward: FeedForward,
    /// Of the output of the feed-forward layer, where there is one.
    pub feed_forward_output_norm: Option<Norm>,
    #[module(skip)]
    pub(crate) plan: Arc<BlockPlan>,
}

/// Layers that make queries, keys and values.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a handle a weight; there are as many as blocks")]
pub enum Projections {
    /// One each.
    Separate(SeparateQkv),
    /// One for all.
    Joint(JointQkv),
}

/// Queries, keys and values from one layer.
#[derive(Module, Debug)]
pub struct JointQkv {
    /// All three.
    pub qkv_proj: Linear,
    #[module(skip)]
    pub(crate) order: JointOrder,
}

/// Queries, keys and values from a layer each.
#[derive(Module, Debug)]
pub struct SeparateQkv {
    /// Queries.
    pub q_proj: Linear,
    /// Keys.
    pub k_proj: Linear,
    /// Values.
    pub v_proj: Linear,
}

/// The feed-forward layer.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a handle a weight; there are as many as blocks")]
pub enum FeedForward {
    /// Gate and input from a layer each (SwiGLU, Shazeer 2020).
    Gated(GatedMlp),
    /// Gate and input from one layer, in this order.
    JointGated(JointGated),
    /// No gate.
    Plain(PlainMlp),
}

/// A gated feed-forward layer.
#[derive(Module, Debug)]
pub struct GatedMlp {
    /// Gate.
    pub gate_proj: Linear,
    /// Input.
    pub up_proj: Linear,
    /// Output.
    pub down_proj: Linear,
}

/// A gated feed-forward layer of two matrices.
#[derive(Module, Debug)]
pub struct JointGated {
    /// Gate, then input.
    pub gate_up_proj: Linear,
    /// Output.
    pub down_proj: Linear,
}

/// A feed-forward layer without gate.
#[derive(Module, Debug)]
pub struct PlainMlp {
    /// Input.
    pub up: Linear,
    /// Output.
    pub down: Linear,
}

impl Block {
    /// The linear layers with their Hugging Face paths inside the block.
    pub fn linears(&self) -> Vec<(&'static str, &Linear)> {
        let mut layers: Vec<&Linear> = match &self.projections {
            Projections::Separate(x) => vec![&x.q_proj, &x.k_proj, &x.v_proj],
            Projections::Joint(x) => vec![&x.qkv_proj],
        };
        layers.push(&self.output);
        match &self.feed_forward {
            FeedForward::Gated(x) => layers.extend([&x.gate_proj, &x.up_proj, &x.down_proj]),
            FeedForward::JointGated(x) => layers.extend([&x.gate_up_proj, &x.down_proj]),
            FeedForward::Plain(x) => layers.extend([&x.up, &x.down]),
        }
        layers.into_iter().map(|linear| (linear.path, linear)).collect()
    }

    /// As [`Block::linears`], to be changed.
    pub fn linears_mut(&mut self) -> Vec<(&'static str, &mut Linear)> {
        let mut layers: Vec<&mut Linear> = match &mut self.projections {
            Projections::Separate(x) => vec![&mut x.q_proj, &mut x.k_proj, &mut x.v_proj],
            Projections::Joint(x) => vec![&mut x.qkv_proj],
        };
        layers.push(&mut self.output);
        match &mut self.feed_forward {
            FeedForward::Gated(x) => {
                layers.extend([&mut x.gate_proj, &mut x.up_proj, &mut x.down_proj]);
            }
            FeedForward::JointGated(x) => layers.extend([&mut x.gate_up_proj, &mut x.down_proj]),
            FeedForward::Plain(x) => layers.extend([&mut x.up, &mut x.down]),
        }
        layers.into_iter().map(|linear| (linear.path, linear)).collect()
    }

    /// The normalisations in the order of the forward pass.
    pub fn norms(&self) -> Vec<&Norm> {
        let mut out = vec![&self.input_layernorm];
        out.extend(self.query_norm.iter().chain(&self.key_norm).chain(&self.attention_output_norm));
        out.push(&self.post_attention_layernorm);
        out.extend(&self.feed_forward_output_norm);
        out
    }

    /// The linear layer whose path inside the block, or the last part of it, is
    /// `name`.
    pub fn linear(&self, name: &str) -> Option<&Linear> {
        self.linears().into_iter().find(|(path, _)| is_layer(path, name)).map(|(_, l)| l)
    }

    /// As [`Block::linear`], to be changed.
    pub fn linear_mut(&mut self, name: &str) -> Option<&mut Linear> {
        self.linears_mut().into_iter().find(|(path, _)| is_layer(path, name)).map(|(_, l)| l)
    }
}

fn is_layer(path: &str, name: &str) -> bool {
    path == name || last_part(path) == name
}
