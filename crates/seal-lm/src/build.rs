//! A model of a plan, with numbers from a source.

use std::sync::Arc;

use burn::module::Param;
use burn::tensor::{Device, FloatDType, Tensor};

use crate::block::{
    Block, FeedForward, GatedMlp, JointGated, JointQkv, PlainMlp, Projections, SeparateQkv,
};
use crate::init::parameter;
use crate::norm::Norm;
use crate::plan::{BlockPlan, FeedForwardPlan, LinearPlan, NormPlan, Plan, ProjectionPlan};
use crate::scorer_config::SCORE;
use crate::tensor_source::{TensorRequest, TensorRole, TensorShape, TensorSource};
use crate::trunk::Trunk;
use crate::{Linear, Lm, LmConfig, LmError, WeightFormat, families};

/// A model of shape `config`, which is valid.
pub(crate) fn model(
    config: &LmConfig,
    source: &mut impl TensorSource,
    device: &Device,
    format: WeightFormat,
) -> Result<Lm, LmError> {
    let plan = Arc::new(families::plan(config));
    let (trunk, lm_head) = parts(plan, source, device, format)?;
    Ok(Lm::of_parts(config.clone(), trunk, lm_head))
}

/// A trunk of `plan` and, unless it is tied, its output layer.
pub(crate) fn parts(
    plan: Arc<Plan>,
    source: &mut impl TensorSource,
    device: &Device,
    format: WeightFormat,
) -> Result<(Trunk, Option<Linear>), LmError> {
    let mut build = Build { layers: plan.names.layers, source, device, format };
    let trunk = build.trunk(&plan)?;
    let head = match plan.tied {
        true => None,
        false => Some(build.head(plan.names.head, [plan.width, plan.vocab_size])?),
    };
    Ok((trunk, head))
}

/// A trunk of `plan` with a head of `labels` scores.
pub(crate) fn scorer(
    plan: Plan,
    labels: usize,
    source: &mut impl TensorSource,
    device: &Device,
    format: WeightFormat,
) -> Result<(Trunk, Linear), LmError> {
    let mut build = Build { layers: plan.names.layers, source, device, format };
    let plan = Arc::new(plan);
    let trunk = build.trunk(&plan)?;
    let score = build.head(SCORE, [plan.width, labels])?;
    Ok((trunk, score))
}

struct Build<'a, S> {
    layers: &'static str,
    source: &'a mut S,
    device: &'a Device,
    format: WeightFormat,
}

impl<S: TensorSource> Build<'_, S> {
    fn trunk(&mut self, plan: &Arc<Plan>) -> Result<Trunk, LmError> {
        let table = [plan.vocab_size, plan.width];
        let embedding = self.matrix(None, plan.names.embedding, TensorRole::Embedding, table)?;
        let layers = (0..plan.blocks.count)
            .map(|i| self.block(i, plan.blocks.plan(i)))
            .collect::<Result<_, _>>()?;
        let norm = self.norm(None, plan.norm)?;
        Ok(Trunk::of_parts(Arc::clone(plan), embedding, layers, norm))
    }

    fn head(&mut self, path: &'static str, shape: [usize; 2]) -> Result<Linear, LmError> {
        self.linear(None, LinearPlan { path, shape, bias: false, residual: false })
    }

    fn block(&mut self, i: usize, plan: &Arc<BlockPlan>) -> Result<Block, LmError> {
        let at = Some(i);
        let projections = match plan.projections {
            ProjectionPlan::Separate { q, k, v } => Projections::Separate(SeparateQkv {
                q_proj: self.linear(at, q)?,
                k_proj: self.linear(at, k)?,
                v_proj: self.linear(at, v)?,
            }),
            ProjectionPlan::Joint { qkv, order } => {
                Projections::Joint(JointQkv { qkv_proj: self.linear(at, qkv)?, order })
            }
        };
        let output = self.linear(at, plan.output)?;
        let feed_forward = match plan.feed_forward {
            FeedForwardPlan::Gated { gate, up, down } => FeedForward::Gated(GatedMlp {
                gate_proj: self.linear(at, gate)?,
                up_proj: self.linear(at, up)?,
                down_proj: self.linear(at, down)?,
            }),
            FeedForwardPlan::JointGated { gate_up, down } => FeedForward::JointGated(JointGated {
                gate_up_proj: self.linear(at, gate_up)?,
                down_proj: self.linear(at, down)?,
            }),
            FeedForwardPlan::Plain { up, down } => FeedForward::Plain(PlainMlp {
                up: self.linear(at, up)?,
                down: self.linear(at, down)?,
            }),
        };
        let mut optional =
            |norm: Option<NormPlan>| norm.map(|norm| self.norm(at, norm)).transpose();
        Ok(Block {
            query_norm: optional(plan.head_norms.map(|norms| norms.queries))?,
            key_norm: optional(plan.head_norms.map(|norms| norms.keys))?,
            attention_output_norm: optional(plan.attention_output_norm)?,
            feed_forward_output_norm: optional(plan.feed_forward_output_norm)?,
            input_layernorm: self.norm(at, plan.input_norm)?,
            post_attention_layernorm: self.norm(at, plan.feed_forward_norm)?,
            projections,
            output,
            feed_forward,
            plan: Arc::clone(plan),
        })
    }

    fn norm(&mut self, block: Option<usize>, plan: NormPlan) -> Result<Norm, LmError> {
        let weight =
            self.vector(block, plan.path, TensorRole::Gain { offset: plan.offset }, plan.width)?;
        let bias = match plan.bias {
            true => Some(self.vector(block, plan.path, TensorRole::Bias, plan.width)?),
            false => None,
        };
        Ok(Norm { weight, bias, plan })
    }

    fn linear(&mut self, block: Option<usize>, plan: LinearPlan) -> Result<Linear, LmError> {
        let LinearPlan { path, shape, bias, residual } = plan;
        let weight = self.matrix(block, path, TensorRole::Weight { residual }, shape)?;
        let bias = match bias {
            true => Some(self.vector(block, path, TensorRole::Bias, shape[1])?),
            false => None,
        };
        Ok(Linear::new(path, weight, bias))
    }

    fn vector(
        &mut self,
        block: Option<usize>,
        path: &'static str,
        role: TensorRole,
        n: usize,
    ) -> Result<Param<Tensor<1>>, LmError> {
        let layers = self.layers;
        let wanted = TensorRequest { layers, block, path, role, shape: TensorShape::Vector(n) };
        let values = parameter(self.source.numbers(&wanted)?, [n], self.device);
        Ok(formatted(values, self.format))
    }

    fn matrix(
        &mut self,
        block: Option<usize>,
        path: &'static str,
        role: TensorRole,
        shape: [usize; 2],
    ) -> Result<Param<Tensor<2>>, LmError> {
        let layers = self.layers;
        let wanted = TensorRequest { layers, block, path, role, shape: TensorShape::Matrix(shape) };
        let values = parameter(self.source.numbers(&wanted)?, shape, self.device);
        Ok(formatted(values, self.format))
    }
}

/// In the number format of the model, which each tensor is brought into as soon as
/// it is there.
fn formatted<const D: usize>(values: Param<Tensor<D>>, format: WeightFormat) -> Param<Tensor<D>> {
    if format.is_f32() {
        return values;
    }
    let tensor = values.val();
    let on_tape = tensor.device().is_autodiff();
    let half = tensor.inner().cast(FloatDType::BF16);
    Param::from_tensor(if on_tape { Tensor::from_inner(half) } else { half })
}
