//! A selector for the rows of a file, trained or by loss.

use std::collections::BTreeMap;

use seal_bilevel::{Bilevel, Trainer, score};
use seal_data::{Row, RowId};
use seal_select::{SelectorFile, frozen_loss_omega, keep_top, rank};
use seal_stats::spearman;
use serde_json::json;

use super::Progress;
use super::model::LoadedModel;
use super::score::BATCH;
use super::stage_settings::StageSettings;
use crate::shape_error::adapters_only;
use crate::{Defect, LeftOutRow, ModelError};

/// Key of a selector file's settings: rank correlation of its logits with the ranking by
/// loss under the model as it was, the baseline to beat; null where a side is constant.
pub const SPEARMAN_TO_LOSS: &str = "spearman_to_loss";

/// A selector of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Its logits, ranking and kept rows.
    pub selector: SelectorFile,
    /// Rows that cannot be ranked, and why.
    pub left_out: Vec<LeftOutRow>,
}

impl LoadedModel {
    /// Trains a selector over `data`, safe being `safe`, and keeps a share of it.
    ///
    /// # Errors
    /// As [`seal_bilevel::Trainer::run`]; a share outside (0, 1].
    pub fn select(
        self,
        data: &[Row],
        safe: &[Row],
        settings: &StageSettings,
        keep: f64,
        seed: u64,
        progress: Progress<'_>,
    ) -> Result<Chosen, ModelError> {
        adapters_only(self.dtype, "[bilevel.lora]", settings.bilevel.lora.as_ref())?;
        let data = self.encoder.encode(data).usable("fine-tuning")?;
        let (data, left_out) = (data.examples, data.left_out);
        let safe = self.encoder.examples(safe, "safe")?;
        let losses = score(&self.model, &data, BATCH, &mut |_, _| ())?;
        let mean_loss = losses.iter().sum::<f64>() / losses.len() as f64;
        let by_loss = frozen_loss_omega(&losses)?;
        let (bilevel, provenance) = (&settings.bilevel, self.provenance()?);
        let (model, data, safe) = (self.model, &data[..], &safe[..]);
        let task = Bilevel { model, data, safe, settings: bilevel, mean_loss, seed };
        let learned = Trainer::new(task)?.run(&mut |done: usize, of: usize| progress(done, of))?;
        let ids: Vec<RowId> = data.iter().map(|e| e.id).collect();
        let ranking = rank(&ids, &learned.omega, seed)?;
        let kept = keep_top(&ranking, keep)?;
        let settings: BTreeMap<String, serde_json::Value> = [
            ("bilevel".to_owned(), json!(bilevel)),
            ("keep".to_owned(), json!(keep)),
            ("model".to_owned(), provenance),
            ("rate".to_owned(), json!(learned.rate)),
            ("seed".to_owned(), json!(seed)),
            (
                SPEARMAN_TO_LOSS.to_owned(),
                json!(spearman(&learned.omega, &by_loss).map_err(Defect::Statistics)?),
            ),
            ("template".to_owned(), json!(settings.template)),
            ("versions".to_owned(), json!({"seal-model": env!("CARGO_PKG_VERSION")})),
        ]
        .into();
        let (omega, p) = (&learned.omega, Some(&learned.weights[..]));
        let method = bilevel.selector.name();
        let selector = SelectorFile::new(method, settings, &ids, omega, p, &ranking, kept)?;
        Ok(Chosen { selector, left_out })
    }

    /// Ranks `data` by the loss under the model as it is, lowest first, and keeps
    /// a share of it: the baseline that a selector must beat.
    ///
    /// # Errors
    /// As [`LoadedModel::score`]; a share outside (0, 1].
    pub fn select_by_loss(
        &self,
        data: &[Row],
        keep: f64,
        progress: Progress<'_>,
    ) -> Result<Chosen, ModelError> {
        let scored = self.score(data, progress)?;
        let (ids, losses): (Vec<RowId>, Vec<f64>) =
            scored.rows.iter().map(|r| (r.id, r.nll)).unzip();
        let omega = frozen_loss_omega(&losses)?;
        let ranking = rank(&ids, &omega, 0)?;
        let kept = keep_top(&ranking, keep)?;
        let settings = [
            ("keep".to_owned(), json!(keep)),
            ("model".to_owned(), self.provenance()?),
            ("template_hash".to_owned(), json!(self.template_hash)),
        ];
        let settings = settings.into();
        let selector =
            SelectorFile::new("frozen-loss", settings, &ids, &omega, None, &ranking, kept)?;
        Ok(Chosen { selector, left_out: scored.left_out })
    }
}
