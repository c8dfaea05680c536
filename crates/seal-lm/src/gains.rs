//! Whether the weights of norms look like those of the family that a folder names.
//!
//! Gemma multiplies by 1 + the weight, other families by the weight. Some programs save the sum.
//! A model that is read the other way runs and writes nonsense.

use std::path::Path;

use crate::trunk::Trunk;

/// Gains are near 1 on average, as far as this.
const NEAR_1: f64 = 0.25;

/// Share of the weights that are below 0 from which they are no gains. Trained gains hardly change
/// their sign.
const BELOW_0: f64 = 0.25;

/// What to say of a trunk from the folder `dir`, if anything.
pub(crate) fn notice(trunk: &Trunk, dir: &Path) -> Option<String> {
    let blocks = trunk.layers.iter().flat_map(|block| block.norms());
    let weights: Vec<f64> = blocks
        .chain([&trunk.norm])
        .flat_map(|norm| norm.weight.val().into_data().iter::<f64>().collect::<Vec<_>>())
        .collect();
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    let below = weights.iter().filter(|w| **w < 0.0).count() as f64 / weights.len() as f64;
    let looks = match trunk.norm.plan.offset {
        true if (mean - 1.0).abs() < NEAR_1 && below == 0.0 => {
            "as if 1 had been added to them already, and this family adds it again"
        }
        false if below > BELOW_0 && !trunk.norm.plan.bias => {
            "like those of a Gemma, which adds 1 to them, and this family does not"
        }
        _ => return None,
    };
    Some(format!(
        "{}: the weights of the norms have the mean {mean:.3}, and {:.0} % of them are below 0: they \
         look {looks}. Does model_type fit, and was the folder converted from another format?",
        dir.display(),
        100.0 * below
    ))
}
