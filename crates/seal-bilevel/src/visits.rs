//! Which rows a run visits, and when.

use seal_data::{CycledOrder, Example, RowId, epoch_order};

use crate::{Algorithm, BilevelSettings, SettingsError};

/// What a run visits, step by step.
pub(crate) struct Visits {
    ids: Vec<RowId>,
    safe: SafeRows,
    seed: u64,
    batch: usize,
    /// Steps of an epoch.
    pub(crate) steps: usize,
}

/// How the safe set is gone through.
enum SafeRows {
    /// Round and round, so that its rows are visited equally often.
    Cycled(CycledOrder),
    /// From the start of a new shuffle in each epoch, as the published code's
    /// loader; what an epoch does not reach is left out.
    Restarted(Vec<RowId>),
}

impl Visits {
    pub(crate) fn new(
        data: &[Example],
        safe: &[Example],
        settings: &BilevelSettings,
        seed: u64,
    ) -> Result<Self, SettingsError> {
        let ids: Vec<RowId> = data.iter().map(|e| e.id).collect();
        let safe_ids: Vec<RowId> = safe.iter().map(|e| e.id).collect();
        let batch = settings.batch;
        let (safe, steps) = match settings.algorithm {
            Algorithm::One | Algorithm::Two => (
                SafeRows::Cycled(CycledOrder::new(&safe_ids, "safe", seed)),
                ids.len().div_ceil(batch),
            ),
            // The published loaders are zipped and drop their last batches.
            Algorithm::Released => match ids.len().min(safe_ids.len()) / batch {
                0 => {
                    let (data, safe) = (ids.len(), safe_ids.len());
                    return Err(SettingsError::NoWholeBatch { batch, data, safe });
                }
                steps => (SafeRows::Restarted(safe_ids), steps),
            },
        };
        Ok(Self { ids, safe, seed, batch, steps })
    }

    /// Rows of the safe set and of the fine-tuning set, for each step.
    pub(crate) fn epoch(&mut self, epoch: usize) -> Vec<(Vec<usize>, Vec<usize>)> {
        let order = |ids: &[RowId], name| epoch_order(ids, name, self.seed, epoch as u64);
        // No more than the product, however large a batch may be.
        let wanted = self.steps.saturating_mul(self.batch);
        let safe = match &mut self.safe {
            SafeRows::Cycled(cycle) => cycle.take(wanted),
            SafeRows::Restarted(ids) => order(ids, "safe"),
        };
        let data = order(&self.ids, "fine-tuning");
        let steps = safe.chunks(self.batch).zip(data.chunks(self.batch)).take(self.steps);
        steps.map(|(safe, data)| (safe.to_vec(), data.to_vec())).collect()
    }
}
