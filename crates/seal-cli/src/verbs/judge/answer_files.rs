//! What every kind of judge of single answers is given.

use std::path::Path;

use seal_judge::pointwise::PointItem;
use seal_model::JudgeRequest;

use super::pair_options::PairOptions;
use crate::verbosity::Verbosity;

/// What every kind of judge is given.
pub(super) struct AnswerFiles<'a> {
    /// Where a judge that is a model works, if that is named.
    pub(super) device: Option<&'a str>,
    /// The answers.
    pub(super) items: Vec<PointItem>,
    /// The models that wrote them, where the file names them.
    pub(super) models: Vec<String>,
    /// Rows of it that could not be used.
    pub(super) odd_rows: usize,
    /// The judge's table.
    pub(super) table: &'a Path,
    /// Its text.
    pub(super) text: String,
    /// The file of verdicts.
    pub(super) verdicts: &'a Path,
    /// Where a judge that is a model works.
    pub(super) request: JudgeRequest,
    /// How a judge behind an endpoint is asked.
    pub(super) options: &'a PairOptions,
    /// Whether to ask nothing and to say what there is to ask.
    pub(super) dry_run: bool,
    pub(super) verbosity: Verbosity,
}
