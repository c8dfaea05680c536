//! A selector published with the paper.

use std::path::Path;

use anyhow::bail;
use seal_files::Inputs;
use seal_model::{ImportRequest, import_selector};
use seal_select::Separation;
use serde_json::json;

use super::figures::SelectorSummary;
use super::{Options, outputs};
use crate::files::prepare;
use crate::given::GivenOptions;
use crate::usage::UsageError;

/// Reads the selector, and writes it with the rows' ids where their file is given.
pub(super) fn run(
    options: &Options,
    checkpoint: &Path,
    given: &GivenOptions,
) -> anyhow::Result<SelectorSummary> {
    if given.has("keep") && options.file.is_none() && options.kept.is_none() {
        bail!(UsageError::NoEffect { option: "keep".to_owned(), way: "without --file or --kept" });
    }
    let mut inputs = Inputs::new();
    inputs.add("the selector", checkpoint);
    let data = options.data.as_ref().map(|data| &data.path);
    let read = [("the rows", data), ("the dropped rows", options.dropped.as_ref())];
    for (role, path) in read.into_iter().chain([("the tokenizer", options.tokenizer.as_ref())]) {
        if let Some(path) = path {
            inputs.add(role, path);
        }
    }
    prepare(&inputs, &outputs(&[("--file", &options.file), ("--kept", &options.kept)]))?;
    let imported = import_selector(&ImportRequest {
        checkpoint: checkpoint.to_owned(),
        unsafe_rows: options.unsafe_rows.clone(),
        dropped: options.dropped.clone(),
        data: options.data.clone(),
        tokenizer: options.tokenizer.clone(),
        file: options.file.clone(),
        kept: options.kept.clone(),
        keep: options.keep,
    })?;
    let kept = |s: &Separation| {
        s.kept.iter().filter_map(|k| Some((k.keep_fraction, k.unsafe_share?))).collect()
    };
    Ok(SelectorSummary {
        facts: vec![
            ("name", json!(imported.name)),
            ("logits", json!(imported.logits)),
            ("rows", json!(imported.rows)),
        ],
        auroc: imported.separation.as_ref().and_then(|s| s.auroc),
        unsafe_kept: imported.separation.as_ref().map(kept).unwrap_or_default(),
    })
}
