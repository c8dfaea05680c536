//! What a selector keeps, and how well it tells unsafe rows.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use seal_data::{EmptyAnswers, Row, RowId, Source, originals};
use seal_files::PendingFile;
use seal_select::{KEEP_FRACTIONS, SelectorFile, keep_top};
use seal_stats::{auroc, unsafe_kept};

use crate::remote::local_file;
use crate::{Defect, ModelError};

/// How well a ranking tells unsafe rows; nothing where not every row has a label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SelectorFigures {
    /// Probability that an unsafe row ranks below a safe one.
    pub auroc: Option<f64>,
    /// Keep fractions with the share of unsafe rows kept.
    pub unsafe_kept: Vec<(f64, f64)>,
}

/// Compares a selector with the labels of `rows`.
///
/// # Errors
/// [`ModelError::Defect`] for a file whose ranks are not those of its rows.
pub fn selector_figures(
    selector: &SelectorFile,
    rows: &[Row],
) -> Result<SelectorFigures, ModelError> {
    let labels: BTreeMap<RowId, Option<bool>> = rows.iter().map(|r| (r.id, r.is_unsafe)).collect();
    let of = |id: &RowId| labels.get(id).copied().flatten();
    let Some(is_unsafe) = selector.rows.iter().map(|r| of(&r.id)).collect::<Option<Vec<bool>>>()
    else {
        return Ok(SelectorFigures::default());
    };
    let scores: Vec<f64> = selector.rows.iter().map(|r| -r.omega).collect();
    let mut ranking: Vec<usize> = (0..selector.rows.len()).collect();
    ranking.sort_by_key(|i| selector.rows[*i].rank);
    let mut figures = SelectorFigures {
        auroc: auroc(&scores, &is_unsafe).map_err(Defect::Statistics)?,
        unsafe_kept: Vec::new(),
    };
    for fraction in KEEP_FRACTIONS {
        let mut flags = vec![false; ranking.len()];
        keep_top(&ranking, fraction)?.iter().for_each(|i| flags[*i] = true);
        if let Some(share) = unsafe_kept(&flags, &is_unsafe).map_err(Defect::Statistics)? {
            figures.unsafe_kept.push((fraction, share));
        }
    }
    Ok(figures)
}

/// Writes the rows of `data` that `selector` keeps to `file`, each as it
/// stands there with all its fields, one JSON object a line, in the order of
/// `data`. Gives their number.
///
/// # Errors
/// A file that cannot be read or written; a selector of other rows.
pub fn write_kept(
    data: &Source,
    selector: &SelectorFile,
    file: &Path,
) -> Result<usize, ModelError> {
    let kept: BTreeSet<RowId> = selector.rows.iter().filter(|r| r.kept).map(|r| r.id).collect();
    let (path, empty_answers) = (local_file(&data.path)?, EmptyAnswers::Drop);
    let sources = [Source { path, empty_answers, ..data.clone() }];
    // Whole or not at all, and never over the rows that are still read.
    let mut out = PendingFile::named_by_user(file).map_err(ModelError::io(file))?;
    let mut written = 0;
    for original in originals(Path::new(""), &sources, &kept)? {
        writeln!(out, "{}", original?.json.get()).map_err(ModelError::io(file))?;
        written += 1;
    }
    out.commit().map_err(ModelError::io(file))?;
    Ok(written)
}
