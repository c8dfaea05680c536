//! Supervised fine-tuning: the mean over rows of their mean answer losses.

use seal_data::{Example, epoch_order};
use seal_lm::{Lm, Tape};

use crate::step::{Learner, Split};
use crate::{BilevelError, Progress, SftSettings};

/// Trains `model`, which lives on an autodiff device, on `examples`. `seed`
/// fixes the order of rows, initial adapters and dropout.
///
/// # Errors
/// Settings outside their range, no examples, or training that diverges.
pub fn fine_tune(
    model: Lm,
    examples: &[Example],
    settings: &SftSettings,
    seed: u64,
    progress: Progress<'_>,
) -> Result<Lm, BilevelError> {
    settings.validate().map_err(BilevelError::Settings)?;
    if examples.is_empty() {
        return Err(BilevelError::Empty("fine-tuning set"));
    }
    let model = match &settings.lora {
        Some(lora) => model.with_lora(lora, seed)?,
        None => model,
    };
    let ids: Vec<_> = examples.iter().map(|e| e.id).collect();
    let steps = settings.epochs * examples.len().div_ceil(settings.batch);
    let mut learner = Learner::new(model, &settings.optim, steps);
    let split = Split { micro: settings.micro_batch, tape: Tape { recompute: settings.recompute } };
    let mut step = 0;
    for epoch in 0..settings.epochs {
        for chunk in epoch_order(&ids, "sft", seed, epoch as u64).chunks(settings.batch) {
            let rows: Vec<&Example> = chunk.iter().map(|i| &examples[*i]).collect();
            let share = vec![1.0 / rows.len() as f64; rows.len()];
            (learner, ..) = learner.descend(&rows, &share, split, seed, step)?;
            step += 1;
            progress(step, steps);
        }
    }
    Ok(learner.model)
}
