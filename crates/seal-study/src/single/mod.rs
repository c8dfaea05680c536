//! The stages one by one, on one model folder and a few files: no study, no
//! store, no arms.
//!
//! ```no_run
//! use seal_study::{ModelRequest, OwnModel, StageSettings};
//!
//! # fn main() -> Result<(), seal_study::StudyError> {
//! let settings = StageSettings::load(None, &[])?;
//! let model = OwnModel::open(&ModelRequest::new("models/pythia-70m"), &settings)?;
//! let rows = seal_study::read_rows("train.jsonl".as_ref())?.rows;
//! let scored = model.score(&rows, &mut |_, _| ())?;
//! println!("{} rows scored, {} left out", scored.rows.len(), scored.left_out.len());
//! # Ok(())
//! # }
//! ```

mod inspect;
mod kept;
mod model;
mod output;
mod settings;

pub use inspect::{InspectedRow, InspectedToken, RowIds, inspect_rows};
pub use kept::{SelectorFigures, selector_figures, write_kept};
pub(crate) use model::copy_tokenizer;
pub use model::{ModelRequest, OwnModel, Scored, ScoredRow, Tuned};
pub use output::{AnswerFile, AnswerRow};
pub use settings::StageSettings;

use std::path::Path;

use seal_data::{Dropped, EmptyAnswers, Row, Source, load_split};

use crate::{StudyError, remote};

/// The rows of a file, and those of it that cannot be used.
#[derive(Clone, Debug)]
pub struct OwnRows {
    /// In file order.
    pub rows: Vec<Row>,
    /// Rows that are left out, with line and reason.
    pub dropped: Vec<Dropped>,
}

/// All rows of a file, or of an `hf://` address.
///
/// # Errors
/// As [`seal_data::load_split`].
pub fn read_rows(file: &Path) -> Result<OwnRows, StudyError> {
    read(file, EmptyAnswers::Drop)
}

/// As [`read_rows`]; rows need no answer.
///
/// # Errors
/// As [`read_rows`].
pub fn read_prompts(file: &Path) -> Result<OwnRows, StudyError> {
    read(file, EmptyAnswers::Keep)
}

fn read(file: &Path, empty_answers: EmptyAnswers) -> Result<OwnRows, StudyError> {
    let source = Source { empty_answers, ..Source::new(remote::file(file)?) };
    let loaded = load_split(Path::new("."), &[source])?;
    Ok(OwnRows { rows: loaded.rows.into_vec(), dropped: loaded.dropped })
}
