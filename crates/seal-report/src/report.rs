//! A run folder as one value, and reading it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::checksums::Checksums;
use crate::document::version;
use crate::{Document, Error, Figures, Provenance, Result, Results, RunCost};

/// The results of a run and what else is known about it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// The figures.
    pub results: Results,
    /// Distributions, curves, traces and rows for the plots.
    pub figures: Option<Figures>,
    /// Settings, versions and environment.
    pub provenance: Option<Provenance>,
    /// Time and tokens.
    pub cost: Option<RunCost>,
    /// Whether this was read from a folder without checksums. Nobody knows then whether it
    /// is as the run wrote it, and [`Report::write`] makes no checksums of it.
    pub is_unchecked: bool,
}

impl Report {
    /// The files of a run folder that [`Report::read`] and [`Report::write`] know.
    pub const FILES: [&str; 9] = [
        Results::FILE,
        Figures::FILE,
        Provenance::FILE,
        RunCost::FILE,
        Checksums::FILE,
        "results.csv",
        "report.html",
        "report.md",
        "table.tex",
    ];

    /// Reads `results.json` and, where they are there, `figures.json`,
    /// `provenance.json` and `cost.json`, and holds each against `checksums.json`.
    ///
    /// # Errors
    /// [`Error::Io`] if `results.json` is absent or a file cannot be read,
    /// [`Error::Damaged`] for one that the run did not leave so, and what
    /// [`Document::from_json`] says about each.
    pub fn read(dir: &Path) -> Result<Self> {
        let sums = Checksums::read(dir)?;
        let sums = sums.as_ref();
        let results = read::<Results>(dir, sums)?.ok_or_else(|| Error::Io {
            action: "read",
            path: dir.join(Results::FILE),
            source: std::io::Error::new(ErrorKind::NotFound, "no results yet; run the study first"),
        })?;
        Ok(Self {
            results,
            figures: read(dir, sums)?,
            provenance: read(dir, sums)?,
            cost: read(dir, sums)?,
            is_unchecked: sums.is_none(),
        })
    }

    /// Whether the folder says what its files were when they were written. Where it
    /// does not, [`Report::read`] cannot notice damage that leaves them readable.
    pub fn has_checksums(dir: &Path) -> bool {
        dir.join(Checksums::FILE).is_file()
    }

    /// Refuses a folder with results of another format, which [`Report::write`] would
    /// write over.
    ///
    /// # Errors
    /// [`Error::Version`] with the file's name; [`Error::Io`].
    pub fn check_versions(dir: &Path) -> Result<()> {
        fn check<D: Document>(dir: &Path) -> Result<()> {
            match bytes::<D>(dir)?.map(|bytes| version::<D>(&bytes)) {
                Some(Err(error @ Error::Version { .. })) => Err(error),
                // What cannot be read at all is made anew.
                _ => Ok(()),
            }
        }
        check::<Results>(dir)?;
        check::<Figures>(dir)?;
        check::<Provenance>(dir)?;
        check::<RunCost>(dir)?;
        check::<Checksums>(dir)
    }
}

fn bytes<D: Document>(dir: &Path) -> Result<Option<Vec<u8>>> {
    let path = dir.join(D::FILE);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { action: "read", path, source }),
    }
}

fn read<D: Document>(dir: &Path, sums: Option<&Checksums>) -> Result<Option<D>> {
    let bytes = bytes::<D>(dir)?;
    if let Some(sums) = sums {
        sums.check::<D>(bytes.as_deref())?;
    }
    let Some(bytes) = bytes else { return Ok(None) };
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::Damaged { file: D::FILE, problem: "this is not UTF-8".into() })?;
    D::from_json(&text).map(Some)
}
