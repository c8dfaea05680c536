//! Why a template cannot be read or run.

use std::fmt;

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// A failure, with the line of the tag that it happened in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    pub reason: Reason,
    /// From 1; 0 while it is not known.
    pub line: u32,
}

/// Messages hold names from the template's source and of this engine, never values or a name
/// that is computed: those may be the text of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The words of `raise_exception` that stand in the template, see [`super::raise`].
    Raised(String),
    /// `strftime_now` without a date.
    NoDate,
    /// Anything else.
    Failed(String),
}

impl Error {
    pub fn new(text: impl Into<String>) -> Self {
        Self { reason: Reason::Failed(text.into()), line: 0 }
    }

    /// The same error with its line, where none is known yet.
    pub fn at(mut self, line: u32) -> Self {
        if self.line == 0 {
            self.line = line;
        }
        self
    }
}

/// An error that says `text`.
pub(crate) fn fail<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::new(text))
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Raised(text) | Reason::Failed(text) => f.write_str(text)?,
            Reason::NoDate => f.write_str("no date is set")?,
        }
        if self.line == 0 { Ok(()) } else { write!(f, " (line {})", self.line) }
    }
}
