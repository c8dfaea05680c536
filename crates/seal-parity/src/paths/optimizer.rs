//! Clipping, AdamW and its state.

use seal_bilevel::{Silent, Supervised, Trainer, TrainerState};
use seal_lm::{Lm, LmConfig, OptimConfig, Optimizer, Tape, differentiate, training_state};

use crate::fault::PathFault;
use crate::found::Found;
use crate::paths::forward::wide;
use crate::paths::tuning::{Steps, TuningCase};
use crate::rows;
use crate::side::{Side, lora};

/// Steps with gradients that are clipped to a tenth, gradients of three parts added up, weights and
/// moments afterwards.
pub(crate) fn clipping(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let mut found = Found::default();
    for (name, model) in
        [("whole:", side.model(shape)?), ("adapters:", side.adapted(shape, &lora(0.0))?)]
    {
        steps(name, model, &mut found)?;
    }
    Ok(found)
}

fn steps(name: &str, mut model: Lm, found: &mut Found) -> Result<(), PathFault> {
    let config =
        OptimConfig { lr: 1e-2, weight_decay: 0.1, max_grad_norm: 0.1, ..OptimConfig::default() };
    let mut optimizer = Optimizer::new(&model, &config, 4);
    let before = training_state(&model, &optimizer);
    let mut norms = Vec::new();
    for step in 0..4 {
        let parts = rows::many(&format!("step {step}"), 9);
        let mut last = None;
        for part in parts.chunks(3) {
            if let Some(gradients) = last.take() {
                optimizer.add(&model, gradients);
            }
            let batch = rows::batch(part);
            let weights = vec![1.0; batch.targets.len()];
            last = Some(differentiate(&model, &batch, &weights, None, Tape::default()).gradients);
        }
        let stats;
        (model, stats) = optimizer.step(model, last.unwrap_or_default())?;
        norms.push(stats.grad_norm);
    }
    found.numbers(format!("{name} norms"), norms);
    let after = training_state(&model, &optimizer);
    let moved = after.iter().map(|(of, after)| {
        let apart = wide(&after.values).into_iter().zip(wide(&before[of].values));
        (of.clone(), apart.map(|(a, b)| a - b).collect())
    });
    found.group(&format!("{name} move of"), moved.collect());
    let moments = |pick: fn(&seal_lm::Moments) -> &Vec<f32>| {
        let of = after
            .iter()
            .filter_map(|(of, tensor)| Some((of.clone(), wide(pick(tensor.moments.as_ref()?)))));
        of.collect::<Vec<_>>()
    };
    found.group(&format!("{name} first moment of"), moments(|m| &m.exp_avg));
    found.group(&format!("{name} second moment of"), moments(|m| &m.exp_avg_sq));
    Ok(())
}

/// A run that is saved at half of it, restored and gone on with ends as the whole run, bit by bit on
/// one device.
pub(crate) fn resumed(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let examples = rows::many("resumed", 12);
    let settings = TuningCase { adapters: true, ..TuningCase::default() }.settings(2);
    let task = || {
        let model = side.model(shape)?;
        Ok::<_, PathFault>(Supervised { model, examples: &examples, settings: &settings, seed: 3 })
    };
    let mut whole = Steps::default();
    Trainer::new(task()?)?.run(&mut whole)?;
    let half = Trainer::new(task()?)?.run_until(3, &mut Silent)?;
    let bytes = half.state().to_bytes().map_err(seal_bilevel::BilevelError::from)?;
    let state = TrainerState::from_bytes(&bytes).map_err(seal_bilevel::BilevelError::from)?;
    let mut rest = Steps::default();
    Trainer::resume(task()?, state)?.run(&mut rest)?;
    let end = &whole.losses[whole.losses.len() - rest.losses.len()..];
    if end != rest.losses {
        return Err(PathFault::broken("a run that is gone on with has other losses than one"));
    }
    let mut found = Found::default();
    found.numbers("losses", whole.losses);
    found.numbers("norms of gradients", whole.norms);
    Ok(found)
}
