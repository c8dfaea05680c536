//! The moments of AdamW, for those who write them to a file.

use burn::module::ParamId;
use burn::optim::ModuleOptimizer;

use super::fused::{Fused, State};
use crate::LmError;

/// Name (as PyTorch has it) and little-endian f32 values of both moments of a
/// parameter, in Burn's layout.
pub(crate) type NamedMoments = [(&'static str, Vec<u8>); 2];

/// Moments of AdamW, by parameter.
pub(crate) enum Moments<'a> {
    /// Nothing has moved yet.
    None,
    Record(burn_pack::Reader),
    Fused(&'a Fused),
}

impl<'a> Moments<'a> {
    pub(super) fn of_fused(optimizer: &'a Fused) -> Self {
        Self::Fused(optimizer)
    }

    /// Burn gives the state of an optimiser as a record's bytes only.
    pub(super) fn of_record(optimizer: &ModuleOptimizer) -> Result<Self, LmError> {
        let record = optimizer.to_record();
        if record.is_empty() {
            return Ok(Self::None);
        }
        let bytes = record.into_bytes().map_err(LmError::record)?;
        Ok(Self::Record(burn_pack::Reader::from_bytes(bytes).map_err(LmError::record)?))
    }

    /// The moments of a parameter; `None` where it was never moved.
    pub(crate) fn of(&self, id: ParamId) -> Result<Option<NamedMoments>, LmError> {
        let (first, second) = match self {
            Self::None => return Ok(None),
            Self::Fused(optimizer) => {
                let bytes = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect();
                let Some(State { first, second, .. }) = optimizer.state(id) else {
                    return Ok(None);
                };
                (bytes(first), bytes(second))
            }
            Self::Record(reader) => {
                let name = |moment: &str| format!("{}.momentum.{moment}", id.val());
                let (first, second) = (name("moment_1"), name("moment_2"));
                if !reader.tensor_names().contains(&first.as_str()) {
                    return Ok(None);
                }
                let read = |name: &str| reader.tensor_data(name).map_err(LmError::record);
                (read(&first)?, read(&second)?)
            }
        };
        Ok(Some([("exp_avg", first), ("exp_avg_sq", second)]))
    }
}
