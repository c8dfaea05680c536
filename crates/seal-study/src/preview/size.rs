//! Sizes of a model and of its largest training step.

use super::{BasePreview, ModelPreview};
use crate::config::Config;
use crate::error::StudyError;
use crate::memory::{Sizes, Training, base_training};

/// Sizes of one model of a config.
pub(super) struct ModelSize {
    pub(super) preview: ModelPreview,
    pub(super) parameters: Option<f64>,
    pub(super) context: Option<f64>,
}

/// Tokens of a row, as a share of the context: instruction data is short.
pub(super) const ROW_SHARE: f64 = 0.15;

impl ModelSize {
    /// # Errors
    /// As [`Sizes::of`].
    pub(super) fn of(
        config: &Config,
        training: &Training<'_>,
        kernels: bool,
        missing: &mut Vec<String>,
    ) -> Result<Self, StudyError> {
        let (name, sizes) = Sizes::of(config, missing)?;
        let dtype = config.model.dtype();
        let trained = sizes.trained(training);
        let memory = sizes.memory(training, dtype);
        let base = config.alignment().map(|of| {
            let first = base_training(of.training, kernels, config.devices_per_stage);
            let (trained, memory) = (sizes.trained(&first), sizes.memory(&first, dtype));
            BasePreview { rows: None, epochs: of.training.epochs, trained, memory }
        });
        // Of a step that is not known nothing is said.
        let memory = match &base {
            None => memory,
            Some(base) => memory.zip(base.memory).map(|(a, b)| a.max(b)),
        };
        let Sizes { parameters, context, .. } = sizes;
        Ok(Self {
            parameters: parameters.map(|p| p as f64),
            context: context.map(|c| c as f64),
            preview: ModelPreview {
                name,
                parameters,
                trained,
                memory,
                format: dtype,
                context,
                base,
            },
        })
    }
}
