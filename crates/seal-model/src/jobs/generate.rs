//! Answers of a model to the prompts of a file.

use std::path::Path;

use burn::module::Module;
use seal_data::{ExampleError, Row};
use seal_lm::{Finish, Generator, Prompt};

use super::Progress;
use super::answers::{AnswerFile, AnswerRow};
use super::model::LoadedModel;
use super::stage_settings::StageSettings;
use crate::{LeftOutRow, ModelError};

/// What became of a file of prompts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenerationSummary {
    /// Answers that were made.
    pub new: usize,
    /// Prompts that had an answer before.
    pub before: usize,
    /// New answers that a limit ended: of new tokens, or of the context.
    pub cut: usize,
    /// Prompts that get no answer, and why: the context has no room for one, or the template
    /// does not take them.
    pub left_out: Vec<LeftOutRow>,
}

impl LoadedModel {
    /// Answers each prompt that the file at `path` has no answer for yet, and adds the answer there as
    /// soon as it has ended: a run that was killed goes on, and loses the answers that were being
    /// written. Where the device has no kernels for the model, the answers of a batch end together.
    ///
    /// Lines stand in the order in which answers ended. So a file of a run that went on has the same
    /// lines as that of a run that was never killed, and may have them in another order.
    ///
    /// The model is used up: its weights are laid out for generation, and not kept beside that.
    ///
    /// # Errors
    /// A file of other prompts, or one that cannot be written.
    pub fn generate(
        self,
        rows: &[Row],
        settings: &StageSettings,
        seed: u64,
        path: &Path,
        progress: Progress<'_>,
    ) -> Result<GenerationSummary, ModelError> {
        let made_by = self.made_by(settings, seed)?;
        let mut file = AnswerFile::open(path, &made_by)?;
        let context = self.encoder.context();
        let (mut prompts, mut of, mut made) =
            (Vec::new(), Vec::new(), GenerationSummary::default());
        for row in rows {
            if file.has(row.id) {
                made.before += 1;
                continue;
            }
            let tokens = match self.encoder.prompt(row) {
                Ok(tokens) if tokens.len() < context => tokens,
                Ok(tokens) => {
                    let tokens = tokens.len();
                    let too_long = ExampleError::TooLong { id: row.id, tokens, context };
                    made.left_out.push((&too_long).into());
                    continue;
                }
                Err(reason) => {
                    made.left_out.push((&reason).into());
                    continue;
                }
            };
            prompts.push(Prompt { id: row.id, tokens });
            of.push(row);
        }
        let Self { model, encoder, .. } = self;
        let (stops, valid) = (encoder.stops()?, model.valid());
        // Nobody else may hold the weights of a generator that owns them.
        drop(model);
        let generator = Generator::owning(valid);
        let (mut done, all) = (0, prompts.len());
        generator.generate_each(&prompts, &settings.generate, &stops, seed, |i, answer| {
            let text = encoder.tokenizer().decode(&answer.tokens);
            file.add(&AnswerRow::new(of[i], text, answer.finish, &made_by))?;
            done += 1;
            made.cut += usize::from(answer.finish != Finish::Stop);
            progress(done, all);
            Ok::<(), ModelError>(())
        })?;
        Ok(GenerationSummary { new: all, ..made })
    }
}
