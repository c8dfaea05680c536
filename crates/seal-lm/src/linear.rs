//! A linear layer with an optional low-rank side path.

use burn::module::{Module, Param};
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use rand::RngExt;
use seal_data::RowId;
use seal_data::seed::rng;
use seal_device::kernels;

use crate::init::{parameter, uniform};
use crate::{LoraConfig, Ops};

/// `y = x W + b + (alpha / r) (dropout(x) A) B`; most families have no b.
///
/// The side path is computed beside the main one and never merged into a dense
/// weight, so that the tape keeps two thin products instead of a full matrix.
#[derive(Module, Debug)]
pub struct Linear {
    /// W, `[in, out]`: the transpose of what Hugging Face stores.
    pub weight: Param<Tensor<2>>,
    /// b, `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
    /// The side path.
    pub lora: Option<Lora>,
}

/// A low-rank adapter of one layer.
#[derive(Module, Debug)]
pub struct Lora {
    /// A, `[in, r]`.
    pub a: Param<Tensor<2>>,
    /// B, `[r, out]`.
    pub b: Param<Tensor<2>>,
    scale: f64,
    dropout: f64,
}

/// Names a draw of dropout masks: (study seed, step), and the row that each
/// token belongs to.
#[derive(Clone, Copy, Debug)]
pub struct DropoutKey<'a> {
    /// Study seed.
    pub seed: u64,
    /// Optimiser step.
    pub step: u64,
    /// Rows of the batch, in order.
    pub ids: &'a [RowId],
    /// Number of tokens of each row that are worked on: padding included where there is some;
    /// after the attention of the last block those of its answer, where no other is needed.
    pub lengths: &'a [usize],
}

impl DropoutKey<'_> {
    /// `[N, width]` factors: 0 with probability `share`, else `1 / (1 - share)`.
    fn mask(&self, share: f64, width: usize, layer: &str, device: &Device) -> Tensor<2> {
        let keep = (1.0 / (1.0 - share)) as f32;
        let n: usize = self.lengths.iter().sum();
        let mut values = Vec::with_capacity(n * width);
        for (id, len) in self.ids.iter().zip(self.lengths) {
            let mut rng = rng(&[
                "dropout".into(),
                self.seed.into(),
                self.step.into(),
                layer.into(),
                id.into(),
            ]);
            values.extend(
                (0..len * width).map(|_| if rng.random::<f64>() < share { 0.0 } else { keep }),
            );
        }
        Tensor::from_data(TensorData::new(values, [n, width]), device)
    }
}

impl Linear {
    pub(crate) fn new(weight: Param<Tensor<2>>, bias: Option<Param<Tensor<1>>>) -> Self {
        Self { weight, bias, lora: None }
    }

    /// Adds a side path as PEFT initialises it: A from a Kaiming-uniform
    /// distribution (bound `1 / sqrt(in)`), B zero, so that the layer starts
    /// unchanged.
    pub(crate) fn add_lora(&mut self, config: &LoraConfig, seed: u64, name: &str) {
        let [input, output] = self.weight.val().dims();
        let device = self.weight.val().device();
        let a = uniform(input * config.r, 1.0 / (input as f64).sqrt(), seed, name);
        self.lora = Some(Lora {
            a: parameter(a, [input, config.r], &device),
            b: parameter(vec![0.0; config.r * output], [config.r, output], &device),
            scale: config.lora_alpha / config.r as f64,
            dropout: config.lora_dropout,
        });
    }

    /// `x` `[N, in]` to `[N, out]`. Without a `dropout` key nothing is dropped.
    /// A side path is computed in the number format of `x`.
    pub fn forward(
        &self,
        x: Tensor<2>,
        dropout: Option<DropoutKey<'_>>,
        layer: &str,
        ops: Ops,
    ) -> Tensor<2> {
        let bias = self.bias.as_ref().map(|bias| bias.val().unsqueeze_dim::<2>(0));
        let y = product(bias, x.clone(), self.weight.val(), ops);
        let Some(lora) = &self.lora else { return y };
        let dtype = x.dtype();
        let x = match dropout.filter(|_| lora.dropout > 0.0) {
            Some(key) => {
                let mask = key.mask(lora.dropout, x.dims()[1], layer, &x.device());
                x * mask.cast(dtype)
            }
            None => x,
        };
        // Scaled where it is thin.
        let thin = product(None, x, lora.a.val().cast(dtype), ops).mul_scalar(lora.scale);
        product(Some(y), thin, lora.b.val().cast(dtype), ops)
    }

    /// The layer with its side path added into its weight.
    pub fn merged(&self) -> Self {
        let weight = self.weight.val();
        let weight = match &self.lora {
            Some(l) => {
                let dtype = weight.dtype();
                let side = l.a.val().matmul(l.b.val()).mul_scalar(l.scale);
                (weight.cast(FloatDType::F32) + side).cast(dtype)
            }
            None => weight,
        };
        Self { weight: Param::from_tensor(weight.detach()), bias: self.bias.clone(), lora: None }
    }
}

/// `start + x w`.
pub(crate) fn product(start: Option<Tensor<2>>, x: Tensor<2>, w: Tensor<2>, ops: Ops) -> Tensor<2> {
    match (start, ops) {
        (None, Ops::Fused) => kernels::matmul(x, w),
        (Some(start), Ops::Fused) => kernels::matmul_add(start, x, w),
        (None, Ops::Composed) => x.matmul(w),
        (Some(start), Ops::Composed) => x.matmul(w) + start,
    }
}
