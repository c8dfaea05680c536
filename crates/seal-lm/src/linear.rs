//! A linear layer with an optional low-rank side path.

use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor};
use seal_device::Kernels;

use crate::DropoutKey;
use crate::dropping::Dropping;

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
    /// Side paths of earlier adapters, which stay as they are ([`Linear::merged`]).
    pub(crate) kept: Vec<Lora>,
    /// Path inside its block, or inside the model.
    #[module(skip)]
    pub(crate) path: &'static str,
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

impl Linear {
    pub(crate) fn new(
        path: &'static str,
        weight: Param<Tensor<2>>,
        bias: Option<Param<Tensor<1>>>,
    ) -> Self {
        Self { weight, bias, lora: None, kept: Vec::new(), path }
    }

    /// The last part of its path.
    pub(crate) fn name(&self) -> &'static str {
        last_part(self.path)
    }

    /// `x` `[N, in]` to `[N, out]`. Without a `dropout` key nothing is dropped;
    /// `layer` is a part of what keys the draw.
    /// Weights and side paths are brought into the number format of `x`, and the
    /// sum is taken in it.
    pub fn forward(
        &self,
        x: Tensor<2>,
        dropout: Option<DropoutKey<'_>>,
        layer: &str,
        kernels: Option<Kernels>,
    ) -> Tensor<2> {
        self.dropped(x, dropout.map(Dropping::from).as_ref(), layer, kernels)
    }

    /// As [`Linear::forward`], with masks that other layers use too.
    pub(crate) fn dropped(
        &self,
        x: Tensor<2>,
        dropout: Option<&Dropping<'_>>,
        layer: &str,
        kernels: Option<Kernels>,
    ) -> Tensor<2> {
        let dtype = x.dtype();
        let bias = self.bias.as_ref().map(|b| b.val().cast(dtype).unsqueeze_dim::<2>(0));
        let y = product(bias, x.clone(), self.weight.val().cast(dtype), kernels);
        let y = self.kept.iter().fold(y, |y, side| side.add_to(y, x.clone(), kernels));
        let Some(lora) = &self.lora else { return y };
        let x = match dropout.filter(|_| lora.dropout > 0.0) {
            Some(dropping) => dropping.drop(x, lora.dropout, layer),
            None => x,
        };
        lora.add_to(y, x, kernels)
    }

    /// The layer with its side path added into its weight where that is f32. A weight in
    /// bf16 has too few digits to take it: an entry of `A B` below half of the weight's
    /// last digit would vanish. There the side path stays beside it, and is not trained.
    pub fn merged(&self) -> Self {
        let mut merged = self.clone();
        let Some(lora) = merged.lora.take() else {
            merged.weight = Param::from_tensor(self.weight.val().detach());
            return merged;
        };
        if self.weight.val().dtype() == DType::F32 {
            merged.weight = Param::from_tensor((self.weight.val() + lora.delta()).detach());
        } else {
            merged.kept.push(Lora { dropout: 0.0, ..lora }.no_grad());
        }
        merged
    }

    /// A, B and scale of the side paths, in the order in which they are added.
    pub(crate) fn sides(&self) -> impl Iterator<Item = (Tensor<2>, Tensor<2>, f64)> + '_ {
        let sides = self.kept.iter().chain(&self.lora);
        sides.map(|side| (side.a.val(), side.b.val(), side.scale))
    }

    /// Whether training drops inputs of its side path.
    pub(crate) fn drops(&self) -> bool {
        self.lora.as_ref().is_some_and(|lora| lora.dropout > 0.0)
    }

    /// Whether there is a side path.
    pub(crate) fn is_adapted(&self) -> bool {
        self.lora.is_some() || !self.kept.is_empty()
    }

    /// What all side paths add to the weight, `[in, out]`, f32.
    pub(crate) fn delta(&self) -> Tensor<2> {
        let sides = self.kept.iter().chain(&self.lora).map(Lora::delta);
        sides.reduce(|a, b| a + b).expect("a layer with a side path")
    }

    /// The weight with all side paths added, `[in, out]`, f32.
    pub(crate) fn dense(&self) -> Tensor<2> {
        self.weight.val().cast(DType::F32) + self.delta()
    }
}

impl Lora {
    /// The side path `scale (dropout(x) A) B`.
    pub(crate) fn new(a: Param<Tensor<2>>, b: Param<Tensor<2>>, scale: f64, dropout: f64) -> Self {
        Self { a, b, scale, dropout }
    }

    /// `y + scale (x A) B`, in the number format of `x`.
    fn add_to(&self, y: Tensor<2>, x: Tensor<2>, kernels: Option<Kernels>) -> Tensor<2> {
        let dtype = x.dtype();
        // Scaled where it is thin.
        let thin = product(None, x, self.a.val().cast(dtype), kernels).mul_scalar(self.scale);
        product(Some(y), thin, self.b.val().cast(dtype), kernels)
    }

    /// `scale A B`, `[in, out]`, f32: what the side path adds to the weight.
    fn delta(&self) -> Tensor<2> {
        self.a.val().matmul(self.b.val()).mul_scalar(self.scale)
    }
}

/// `start + x w`.
pub(crate) fn product(
    start: Option<Tensor<2>>,
    x: Tensor<2>,
    w: Tensor<2>,
    kernels: Option<Kernels>,
) -> Tensor<2> {
    match (start, kernels) {
        (None, Some(kernels)) => kernels.matmul(x, w),
        (Some(start), Some(kernels)) => kernels.matmul_add(start, x, w),
        (None, None) => x.matmul(w),
        (Some(start), None) => x.matmul(w) + start,
    }
}

/// Of a path whose parts are joined by dots.
pub(crate) fn last_part(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
