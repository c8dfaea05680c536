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

mod inspect;
mod kept;
mod model;
mod output;
mod record;
mod settings;

pub use inspect::{InspectedRow, InspectedToken, RowIds, inspect_rows};
pub use kept::{SelectorFigures, selector_figures, write_kept};
pub(crate) use model::copy_tokenizer;
pub use model::{ModelRequest, OwnModel, Scored, ScoredRow, Tuned};
pub use output::{AnswerFile, AnswerRow};
pub use record::TrainingRecord;
pub use settings::StageSettings;

use std::path::Path;

use seal_data::{Dropped, EmptyAnswers, Row, Source, load_split};
use serde::Deserialize;

use crate::{StudyError, remote};

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
    let named: Named = toml::from_str(&format!("source = {text}"))
        .map_err(|e| StudyError::Config(format!("not a table of a source: {}", e.message())))?;
    Ok(named.source)
}

/// The rows of a file; its path may be an `hf://` address.
///
/// # Errors
/// As [`seal_data::load_split`].
pub fn read_rows(source: &Source) -> Result<OwnRows, StudyError> {
    read(source.clone())
}

/// As [`read_rows`]; rows need no answer.
///
/// # Errors
/// As [`read_rows`].
pub fn read_prompts(source: &Source) -> Result<OwnRows, StudyError> {
    read(Source { empty_answers: EmptyAnswers::Keep, ..source.clone() })
}

fn read(mut source: Source) -> Result<OwnRows, StudyError> {
    source.path = remote::file(&source.path)?;
    let loaded = load_split(Path::new(""), &[source])?;
    Ok(OwnRows { rows: loaded.rows.into_vec(), dropped: loaded.dropped })
}
