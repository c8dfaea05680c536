//! Where the weights of a model come from: a generator, or files.

use burn::module::Param;
use burn::tensor::{Device, Tensor};

use crate::block::{Block, FeedForward, Gated, JointGated, Norm, Plain, Projections, Separate};
use crate::family::{LinearSpec, has_layer_norm, linears};
use crate::init::{normal, parameter};
use crate::linear::Linear;
use crate::{Lm, LmConfig, LmError, ModelType};

/// Gives the weights that a model asks for.
pub(crate) trait Source {
    /// Gain or bias `[n]` of the layer at `at`.
    fn vector(&mut self, at: &Place, kind: Vector, n: usize) -> Result<Values<1>, LmError>;
    /// Embedding `[V, D]`.
    fn embedding(&mut self, at: &Place, shape: [usize; 2]) -> Result<Values<2>, LmError>;
    /// Weight `[in, out]` of a linear layer; `residual` if it writes to the
    /// residual stream.
    fn linear(
        &mut self,
        at: &Place,
        shape: [usize; 2],
        residual: bool,
    ) -> Result<Values<2>, LmError>;
}

/// A parameter.
pub(crate) type Values<const D: usize> = Param<Tensor<D>>;

/// Which vector of a layer.
#[derive(Clone, Copy)]
pub(crate) enum Vector {
    Weight,
    Bias,
}

/// A layer: inside a block, or the path of one outside.
pub(crate) struct Place {
    family: ModelType,
    layer: Option<usize>,
    name: &'static str,
}

impl Place {
    /// Path in Hugging Face files.
    pub(crate) fn path(&self) -> String {
        match self.layer {
            Some(i) => format!("{}.{i}.{}", self.family.names().layers, self.name),
            None => self.name.to_owned(),
        }
    }

    /// What keys the draw of initial values.
    fn key(&self) -> String {
        let last = self.name.rsplit('.').next().unwrap_or(self.name);
        match self.layer {
            Some(i) => format!("layers.{i}.{last}"),
            None => last.to_owned(),
        }
    }
}

/// A model of shape `c`, which is valid, with weights from `source`.
pub(crate) fn build(c: &LmConfig, source: &mut impl Source) -> Result<Lm, LmError> {
    let family = c.architecture.model_type;
    let names = family.names();
    let outside = |name| Place { family, layer: None, name };
    let shape = [c.vocab_size, c.hidden_size];
    let embedding = source.embedding(&outside(names.embedding), shape)?;
    let layers = (0..c.num_hidden_layers).map(|i| block(c, i, source)).collect::<Result<_, _>>()?;
    let norm = norm(c, &outside(names.norm), source)?;
    let head = match c.tie_word_embeddings {
        true => None,
        false => {
            let shape = [c.hidden_size, c.vocab_size];
            Some(Linear::new(source.linear(&outside(names.head), shape, false)?, None))
        }
    };
    Ok(Lm::of_parts(c, embedding, layers, norm, head))
}

fn norm(c: &LmConfig, at: &Place, source: &mut impl Source) -> Result<Norm, LmError> {
    let n = c.hidden_size;
    Ok(Norm {
        weight: source.vector(at, Vector::Weight, n)?,
        bias: match has_layer_norm(c) {
            true => Some(source.vector(at, Vector::Bias, n)?),
            false => None,
        },
    })
}

fn block<S: Source>(c: &LmConfig, i: usize, source: &mut S) -> Result<Block, LmError> {
    let family = c.architecture.model_type;
    let at = |name| Place { family, layer: Some(i), name };
    let mut specs = linears(c).into_iter();
    let mut next = |source: &mut S| -> Result<Linear, LmError> {
        let LinearSpec { name, shape, bias, residual } = specs.next().expect("a layer each");
        let weight = source.linear(&at(name), shape, residual)?;
        let bias = match bias {
            true => Some(source.vector(&at(name), Vector::Bias, shape[1])?),
            false => None,
        };
        Ok(Linear::new(weight, bias))
    };
    let projections = match family {
        ModelType::Llama | ModelType::Mistral => Projections::Separate(Separate {
            q_proj: next(source)?,
            k_proj: next(source)?,
            v_proj: next(source)?,
        }),
        ModelType::GptNeox | ModelType::Phi3 => Projections::Joint(next(source)?),
    };
    let output = next(source)?;
    let feed_forward = match family {
        ModelType::Llama | ModelType::Mistral => FeedForward::Gated(Gated {
            gate_proj: next(source)?,
            up_proj: next(source)?,
            down_proj: next(source)?,
        }),
        ModelType::Phi3 => FeedForward::JointGated(JointGated {
            gate_up_proj: next(source)?,
            down_proj: next(source)?,
        }),
        ModelType::GptNeox => FeedForward::Plain(Plain { up: next(source)?, down: next(source)? }),
    };
    Ok(Block {
        input_layernorm: norm(c, &at("input_layernorm"), source)?,
        projections,
        output,
        post_attention_layernorm: norm(c, &at("post_attention_layernorm"), source)?,
        feed_forward,
        family,
    })
}

/// Draws weights; see [`Lm::init`].
pub(crate) struct Draws<'a> {
    pub(crate) config: &'a LmConfig,
    pub(crate) seed: u64,
    pub(crate) device: &'a Device,
}

impl Draws<'_> {
    fn matrix(&self, at: &Place, shape: [usize; 2], std: f64) -> Values<2> {
        let values = normal(shape[0] * shape[1], std, self.seed, &at.key());
        parameter(values, shape, self.device)
    }
}

impl Source for Draws<'_> {
    fn vector(&mut self, _: &Place, kind: Vector, n: usize) -> Result<Values<1>, LmError> {
        let value = match kind {
            Vector::Weight => 1.0,
            Vector::Bias => 0.0,
        };
        Ok(parameter(vec![value; n], [n], self.device))
    }

    fn embedding(&mut self, at: &Place, shape: [usize; 2]) -> Result<Values<2>, LmError> {
        Ok(self.matrix(at, shape, self.config.initializer_range))
    }

    fn linear(
        &mut self,
        at: &Place,
        shape: [usize; 2],
        residual: bool,
    ) -> Result<Values<2>, LmError> {
        let mut std = self.config.initializer_range;
        if residual {
            std /= (2.0 * self.config.num_hidden_layers as f64).sqrt();
        }
        Ok(self.matrix(at, shape, std))
    }
}
