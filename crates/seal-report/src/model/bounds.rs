//! What a figure can be. A stored file that says otherwise was not written by a run.

use crate::{Error, Result};

/// Room for rounding: sums of many parts miss a bound by less.
const ROOM: f64 = 1e-6;

/// Checks figures of one file, and names the place of one that cannot be.
pub(crate) struct Bounds {
    file: &'static str,
    place: String,
}

impl Bounds {
    pub(crate) fn of(file: &'static str, place: impl Into<String>) -> Self {
        Self { file, place: place.into() }
    }

    /// The error for a field at this place.
    pub(crate) fn wrong(&self, field: &str, problem: String) -> Error {
        let field = match self.place.as_str() {
            "" => field.to_owned(),
            place => format!("{place}.{field}"),
        };
        Error::Inconsistent { file: self.file, field, problem }
    }

    /// A figure between two bounds; one that does not apply is `None`.
    pub(crate) fn between(
        &self,
        field: &str,
        value: impl Into<Option<f64>>,
        least: f64,
        most: f64,
    ) -> Result<()> {
        match value.into() {
            Some(value) if !(value >= least - ROOM && value <= most + ROOM) => {
                let most = if most == f64::MAX { "any".to_owned() } else { most.to_string() };
                Err(self.wrong(field, format!("{value} is not from {least} to {most}")))
            }
            _ => Ok(()),
        }
    }

    /// From 0 to 1.
    pub(crate) fn share(&self, field: &str, value: impl Into<Option<f64>>) -> Result<()> {
        self.between(field, value, 0.0, 1.0)
    }

    /// From 0 to 100.
    pub(crate) fn percent(&self, field: &str, value: impl Into<Option<f64>>) -> Result<()> {
        self.between(field, value, 0.0, 100.0)
    }

    /// From 0 on.
    pub(crate) fn positive(&self, field: &str, value: impl Into<Option<f64>>) -> Result<()> {
        self.between(field, value, 0.0, f64::MAX)
    }

    /// Figures in rising order; those that do not apply are left out.
    pub(crate) fn rising(&self, field: &str, values: &[Option<f64>]) -> Result<()> {
        let known: Vec<f64> = values.iter().copied().flatten().collect();
        match known.windows(2).find(|pair| pair[0] > pair[1] + ROOM) {
            Some(pair) => Err(self.wrong(field, format!("{} is above {}", pair[0], pair[1]))),
            None => Ok(()),
        }
    }
}
