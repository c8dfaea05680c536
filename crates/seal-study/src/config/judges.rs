//! Judges of a config and the rows of their tests.

use seal_data::Row;

use super::types::Config;
use crate::error::{RowsError, StudyError};

impl Config {
    /// Refuses rows of the test `test` that its judge cannot work on.
    ///
    /// # Errors
    /// As [`seal_judge::Judge::check`], with the name of the test.
    pub(crate) fn judge_fits(&self, test: &str, rows: &[Row]) -> Result<(), StudyError> {
        let Some(settings) = self.judge.get(test) else { return Ok(()) };
        let checked = settings.judge()?.check(rows);
        Ok(checked.map_err(|source| RowsError::Test { test: test.to_owned(), source })?)
    }
}
