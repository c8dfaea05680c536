//! The base: trained from scratch, fine-tuned from a model folder, or that folder as it is.

use seal_bilevel::SftSettings;
use seal_model::ModelFolder;

use super::types::Config;

/// What the stored adapters of a study call an aligned base. The study makes it, so no path names it
/// before it is exported.
const ALIGNED: &str = "base";

impl Config {
    /// The model folder that is fine-tuned before all else, and how; `None` where the base is trained
    /// from scratch, or is the folder as it is.
    pub(crate) fn alignment(&self) -> Option<Alignment<'_>> {
        let (folder, training) = self.model.folder().zip(self.base.as_ref())?;
        Some(Alignment { folder, training })
    }

    /// The model of the study as the config names it.
    pub(crate) fn model_name(&self) -> String {
        self.model.folder().map_or_else(|| self.study.name.clone(), ModelFolder::name)
    }

    /// What a stored adapter calls the model that it is on. An aligned base has no name of its own:
    /// an exported adapter gets the path of the exported base.
    pub(crate) fn base_name(&self) -> String {
        match self.alignment() {
            Some(_) => ALIGNED.to_owned(),
            None => self.model_name(),
        }
    }

    /// The config that the selector stage sees: that of the proxy, where there is one.
    ///
    /// `[base]` is of `model` and of a proxy of the same kind: with a shape it trains shapes from
    /// scratch, with a folder it aligns folders. A proxy of the other kind has no `[base]`.
    pub(crate) fn of_selector(&self) -> Self {
        let mut config = self.clone();
        if let Some(proxy) = config.proxy.take() {
            if config.model.folder().is_some() != proxy.model.folder().is_some() {
                config.base = None;
            }
            config.model = proxy.model;
            config.tokenizer = proxy.tokenizer.unwrap_or(config.tokenizer);
            config.template_digest = config.proxy_template_digest.take();
        }
        config
    }
}

/// A model folder that a study fine-tunes before all else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alignment<'a> {
    pub(crate) folder: &'a ModelFolder,
    pub(crate) training: &'a SftSettings,
}

impl Alignment<'_> {
    /// How the base was made of the folder, in words.
    pub(crate) fn in_words(&self, rows: usize, set: &str) -> String {
        let SftSettings { epochs, batch, optim, lora, .. } = self.training;
        let trained = match lora {
            Some(lora) => {
                format!("adapters of rank {}, added into the weights", lora.largest_rank())
            }
            None => "all weights".to_owned(),
        };
        format!(
            "{}, fine-tuned first on {rows} rows of `{set}` ({epochs} epochs, batches of {batch}, \
             rate {}; {trained})",
            self.folder.name(),
            optim.lr
        )
    }
}
