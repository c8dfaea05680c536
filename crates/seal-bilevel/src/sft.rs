//! Supervised fine-tuning: the mean over rows of their mean answer losses.

use seal_data::{Example, epoch_order};
use seal_lm::{Lm, Tape};

use crate::learn::total_steps;
use crate::step::{Learner, Split};
use crate::{BilevelError, Progress, SftSettings};

/// A model after training.
#[derive(Debug)]
pub struct FineTuned {
    /// With adapters, where they were trained.
    pub model: Lm,
    /// Mean over rows of their mean answer losses in nats a token, of each epoch, as
    /// they were when a row's turn came: the model moved on between them.
    pub losses: Vec<f64>,
}

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
) -> Result<FineTuned, BilevelError> {
    settings.validate().map_err(BilevelError::Settings)?;
    if examples.is_empty() {
        return Err(BilevelError::Empty("fine-tuning set"));
    }
    let model = match &settings.lora {
        Some(lora) => model.with_lora(lora, seed)?,
        None => model,
    };
    let ids: Vec<_> = examples.iter().map(|e| e.id).collect();
    let steps = total_steps(settings.epochs, examples.len().div_ceil(settings.batch))?;
    let mut learner = Learner::new(model, &settings.optim, steps);
    let split = Split { micro: settings.micro_batch, tape: Tape { recompute: settings.recompute } };
    let mut step = 0;
    let mut losses = Vec::new();
    for epoch in 0..settings.epochs {
        let mut sum = 0.0;
        for chunk in epoch_order(&ids, "sft", seed, epoch as u64).chunks(settings.batch) {
            let rows: Vec<&Example> = chunk.iter().map(|i| &examples[*i]).collect();
            let share = vec![1.0 / rows.len() as f64; rows.len()];
            let met;
            (learner, met, _) = learner.descend(&rows, &share, split, seed, step)?;
            sum += met.iter().sum::<f64>();
            step += 1;
            progress(step, steps);
        }
        losses.push(sum / examples.len() as f64);
    }
    Ok(FineTuned { model: learner.model, losses })
}
