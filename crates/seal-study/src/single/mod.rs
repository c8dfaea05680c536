//! The stages one by one, on one model folder and a few files: no study, no
//! store, no arms.
//!
//! ```no_run
//! use seal_study::{ModelRequest, OwnModel, StageSettings};
//!
//! # fn main() -> Result<(), seal_study::StudyError> {
//! let settings = StageSettings::load(None, &[])?;
//! let model = OwnModel::open(&ModelRequest::new("models/pythia-70m"), &settings)?;
//! let rows = seal_study::read_rows("train.jsonl".as_ref())?;
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
pub use model::{ModelRequest, OwnModel, Scored, ScoredRow};
pub use output::{AnswerFile, AnswerRow};
pub use settings::StageSettings;

use std::path::Path;

use seal_data::{EmptyAnswers, Row, Source, load_split};

use crate::{StudyError, remote};

/// All rows of a file, or of an `hf://` address.
///
/// # Errors
/// As [`seal_data::load_split`].
pub fn read_rows(file: &Path) -> Result<Vec<Row>, StudyError> {
    read(file, EmptyAnswers::Drop)
}

/// As [`read_rows`]; rows need no answer.
///
/// # Errors
/// As [`read_rows`].
pub fn read_prompts(file: &Path) -> Result<Vec<Row>, StudyError> {
    read(file, EmptyAnswers::Keep)
}

fn read(file: &Path, empty_answers: EmptyAnswers) -> Result<Vec<Row>, StudyError> {
    let source = Source { empty_answers, ..Source::new(remote::file(file)?) };
    let loaded = load_split(Path::new("."), &[source])?;
    if let Some(first) = loaded.dropped.first() {
        let (dropped, line, reason) = (loaded.dropped.len(), first.line, first.reason);
        tracing::warn!(file = %file.display(), dropped, line, "rows left out; the first: {reason}");
    }
    Ok(loaded.rows.into_vec())
}
