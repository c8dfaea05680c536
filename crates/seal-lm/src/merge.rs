//! Models with their adapters added into the weights, for programs that take no adapters.

use std::path::Path;

use burn::module::Module as _;
use burn::tensor::{FloatDType, Tensor};

use crate::peft::AdapterFiles;
use crate::save::write_model;
use crate::{Lm, LmError};

/// The part of an adapter that is lost where it is added into weights of few digits:
/// `|kept - s A B| / |s A B|`, over all layers that it is on, with `kept` the difference
/// between a stored weight with the adapter and without it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MergeRounding {
    /// In f32, as [`save_merged`] writes the weights.
    pub f32: f64,
    /// Where they are brought to bf16 afterwards, as loaders do that are told to.
    pub bf16: f64,
}

impl MergeRounding {
    /// Of the adapters of `model`; `None` where it has none, or they add nothing.
    pub fn of(model: &Lm) -> Option<Self> {
        let model = model.clone().valid();
        // Lost in f32, lost in bf16, and the whole; squares.
        let mut sums = [0.0; 3];
        for (_, linear) in model.adapted() {
            let before = linear.weight.val().cast(FloatDType::F32);
            let (delta, after) = (linear.delta(), linear.dense());
            let half = |w: Tensor<2>| w.cast(FloatDType::BF16).cast(FloatDType::F32);
            let lost = |a: Tensor<2>, b: Tensor<2>| squares(a - b - delta.clone());
            sums[0] += lost(after.clone(), before.clone());
            sums[1] += lost(half(after), half(before));
            sums[2] += squares(delta);
        }
        let [f32, bf16, all] = sums;
        (all > 0.0).then(|| Self { f32: (f32 / all).sqrt(), bf16: (bf16 / all).sqrt() })
    }
}

/// Sum of squares, with row sums in f32.
fn squares(x: Tensor<2>) -> f64 {
    x.square().sum_dim(1).into_data().iter::<f64>().sum()
}

/// Writes the model with its adapters added into the weights, as f32, into `dir`, with a
/// model card that says what rounding costs; gives the figures, `None` for a model without
/// adapters. Files are written as by [`crate::save_weights`].
///
/// # Errors
/// A file that cannot be written.
pub fn save_merged(model: &Lm, dir: &Path) -> Result<Option<MergeRounding>, LmError> {
    let rounding = MergeRounding::of(model);
    if let Some(rounding) = rounding {
        let path = dir.join(AdapterFiles::CARD);
        seal_files::write(&path, card(&rounding).as_bytes()).map_err(LmError::io(&path))?;
    }
    write_model(model, dir)?;
    Ok(rounding)
}

fn card(MergeRounding { f32, bf16 }: &MergeRounding) -> String {
    format!(
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\n---\n\n\
         A model with a LoRA adapter added into its weights, stored in f32. Rounding took \
         {} % of the adapter away (the norm of the difference over the norm of the adapter). \
         Loaded in bf16 it loses {} %: a bf16 number has three digits. To use it in bf16, put the \
         adapter beside the bf16 base instead.\n",
        digits(100.0 * f32),
        digits(100.0 * bf16),
    )
}

/// Two significant digits.
fn digits(x: f64) -> String {
    match x > 0.0 {
        true => {
            let places = 1 - x.log10().floor() as i32;
            format!("{x:.*}", places.max(0) as usize)
        }
        false => "0".to_owned(),
    }
}
