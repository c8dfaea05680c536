//! The stages one by one, on one model folder and a few files: no study, no
//! store, no arms.
//!
//! ```no_run
//! use seal_study::{ModelRequest, OwnModel, StageSettings};
//!
//! # fn main() -> Result<(), seal_study::StudyError> {
//! let settings = StageSettings::load(None, &[])?;
//! let model = OwnModel::open(&ModelRequest::new("models/pythia-70m"), &settings)?;
//! let rows = seal_study::read_rows(&seal_study::Source::new("train.jsonl"))?.rows;
//! let scored = model.score(&rows, &mut |_, _| ())?;
//! println!("{} rows scored, {} left out", scored.rows.len(), scored.left_out.len());
//! # Ok(())
//! # }
//! ```

mod adapter_notices;
mod apply;
mod inspect;
mod kept;
mod lost;
mod model;
mod output;
mod record;
mod settings;

pub use apply::{Applied, apply_selector};
pub use inspect::{Inspected, InspectedRow, InspectedToken, RowIds, inspect_rows};
pub use kept::{SelectorFigures, selector_figures, write_kept};
pub(crate) use model::copy_tokenizer;
pub use model::{
    Chosen, Generated, ModelRequest, OwnModel, SPEARMAN_TO_LOSS, Scored, ScoredRow, Tuned,
};
pub use output::{AnswerFile, AnswerRow};
pub use settings::StageSettings;

use std::path::Path;

use seal_data::{DataError, Dropped, EmptyAnswers, Row, Source, load_split};
use seal_stats::StatsError;
use serde::Deserialize;

use crate::config::explain;
use crate::{StudyError, remote};

/// Statistics refuse only what the program itself put together wrongly.
fn defect(error: StatsError) -> StudyError {
    StudyError::Defect(error.to_string())
}

/// The rows of a file, and those of it that cannot be used.
#[derive(Clone, Debug)]
pub struct OwnRows {
    /// In file order.
    pub rows: Vec<Row>,
    /// Rows that are left out, with line and reason.
    pub dropped: Vec<Dropped>,
}

/// A file of rows as a command line names it: its path, or the table that a config
/// has for it, such as `{ path = "rows.csv", columns = { prompt = "q", response = "a" } }`.
///
/// # Errors
/// [`StudyError::Config`] for a table that is none of a source.
pub fn source_named(text: &str) -> Result<Source, StudyError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        source: Source,
    }
    if !text.trim_start().starts_with('{') {
        return Ok(Source::new(text));
    }
    let named: Named = toml::from_str(&format!("source = {text}")).map_err(|e| {
        StudyError::Config(format!("not a table of a source: {}", explain(e.message())))
    })?;
    Ok(named.source)
}

/// The rows of a file, which have answers; its path may be an `hf://` address.
///
/// # Errors
/// As [`seal_data::load_split`]; a file of prompts.
pub fn read_rows(source: &Source) -> Result<OwnRows, StudyError> {
    let read = read(Source { empty_answers: EmptyAnswers::Drop, ..source.clone() })?;
    if read.rows.iter().all(|row| row.response.trim().is_empty()) {
        return Err(StudyError::Rows(format!(
            "{}: no row has an answer: no field is read as one (prompt and response may be named: \
             {{ path = \"FILE\", columns = {{ prompt = \"q\", response = \"a\" }} }})",
            source.path.display()
        )));
    }
    Ok(read)
}

/// As [`read_rows`]; rows need no answer.
///
/// # Errors
/// As [`seal_data::load_split`].
pub fn read_prompts(source: &Source) -> Result<OwnRows, StudyError> {
    read(Source { empty_answers: EmptyAnswers::Keep, ..source.clone() })
}

fn read(mut source: Source) -> Result<OwnRows, StudyError> {
    source.path = remote::file(&source.path)?;
    let loaded = load_split(Path::new(""), std::slice::from_ref(&source)).map_err(|e| match e {
        DataError::UnknownFormat { .. } => StudyError::Rows(format!(
            "{e}; these go into a table in place of the path: '{{ path = \"{}\", ... }}'",
            source.path.display()
        )),
        other => other.into(),
    })?;
    Ok(OwnRows { rows: loaded.rows.into_vec(), dropped: loaded.dropped })
}
