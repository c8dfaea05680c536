//! What is printed of a selector.

use std::io::{self, Write};
use std::path::Path;

use seal_model::{Row, SPEARMAN_TO_LOSS, SelectorFile, selector_figures};
use serde_json::{Map, Value, json};

/// What is said of a selector, and how well its ranking tells unsafe rows.
pub(super) struct SelectorSummary {
    pub(super) facts: Vec<(&'static str, Value)>,
    pub(super) auroc: Option<f64>,
    /// Keep fraction, share of unsafe rows kept.
    pub(super) unsafe_kept: Vec<(f64, f64)>,
}

impl SelectorSummary {
    /// Of a selector of some of `rows`; `counts` are of those that it does not rank.
    pub(super) fn of(
        selector: &SelectorFile,
        rows: &[Row],
        counts: &[(&'static str, usize)],
        file: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let figures = selector_figures(selector, rows)?;
        let like_loss = selector.header.settings.get(SPEARMAN_TO_LOSS).cloned();
        let kept = selector.rows.iter().filter(|row| row.kept).count();
        Ok(Self {
            facts: [
                ("method", json!(selector.header.method)),
                ("rows", json!(selector.rows.len())),
            ]
            .into_iter()
            .chain(counts.iter().map(|(name, count)| (*name, json!(count))))
            .chain([("kept", json!(kept))])
            .chain(like_loss.map(|rho| (SPEARMAN_TO_LOSS, rho)))
            .chain(file.map(|file| ("file", json!(file.display().to_string()))))
            .collect(),
            auroc: figures.auroc,
            unsafe_kept: figures.unsafe_kept,
        })
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for (name, value) in &self.facts {
            match value.as_str() {
                Some(text) => writeln!(out, "{name} {text}")?,
                None => writeln!(out, "{name} {value}")?,
            }
        }
        match self.auroc {
            Some(auroc) => writeln!(out, "auroc {auroc:.4}")?,
            None => writeln!(out, "auroc none")?,
        }
        for (fraction, share) in &self.unsafe_kept {
            writeln!(out, "unsafe_kept@{:.0} {share:.3}", 100.0 * fraction)?;
        }
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        let mut json: Map<String, Value> =
            self.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let kept: Map<String, Value> = self
            .unsafe_kept
            .iter()
            .map(|(fraction, share)| (format!("{:.0}", 100.0 * fraction), json!(share)))
            .collect();
        json.insert("auroc".to_owned(), json!(self.auroc));
        json.insert("unsafe_kept".to_owned(), Value::Object(kept));
        Value::Object(json)
    }
}
