//! A run folder as one value: read it, render it, write it.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::{Cost, Document, Error, Figures, Provenance, Result, Results};
use crate::{html, latex, long, markdown};

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
    pub cost: Option<Cost>,
}

impl Report {
    /// Reads `results.json` and, where they are there, `figures.json`,
    /// `provenance.json` and `cost.json`.
    ///
    /// # Errors
    /// [`Error::Io`] if `results.json` is absent or a file cannot be read, and
    /// what [`Document::from_json`] says about each.
    pub fn read(dir: &Path) -> Result<Self> {
        let results = read::<Results>(dir)?.ok_or_else(|| Error::Io {
            action: "read",
            path: dir.join(Results::FILE),
            source: std::io::Error::new(ErrorKind::NotFound, "no results yet; run the study first"),
        })?;
        Ok(Self { results, figures: read(dir)?, provenance: read(dir)?, cost: read(dir)? })
    }

    /// `report.html`: one page that asks for nothing from outside.
    pub fn html(&self) -> String {
        html::render(self)
    }

    /// `report.md`: summary and tables.
    pub fn markdown(&self) -> String {
        markdown::render(self)
    }

    /// `table.tex`: tables for a paper.
    pub fn latex(&self) -> String {
        latex::render(self)
    }

    /// `results.csv`: one figure a line.
    ///
    /// # Errors
    /// [`Error::Csv`].
    pub fn csv(&self) -> Result<String> {
        long::render(&self.results)
    }

    /// Writes the stored documents and every rendering into `dir`, each file at
    /// once (a reader never sees half of one). All texts are made before the
    /// first is written, so that a value that cannot be written changes nothing.
    /// Returns the paths in the order written.
    ///
    /// # Errors
    /// [`Error::Io`], and what [`Document::to_json`] says.
    pub fn write(&self, dir: &Path) -> Result<Vec<PathBuf>> {
        let mut files = vec![(Results::FILE, self.results.to_json()?)];
        if let Some(figures) = &self.figures {
            files.push((Figures::FILE, figures.to_json()?));
        }
        if let Some(provenance) = &self.provenance {
            files.push((Provenance::FILE, provenance.to_json()?));
        }
        if let Some(cost) = &self.cost {
            files.push((Cost::FILE, cost.to_json()?));
        }
        files.push(("results.csv", self.csv()?));
        files.push(("report.html", self.html()));
        files.push(("report.md", self.markdown()));
        files.push(("table.tex", self.latex()));
        fs::create_dir_all(dir).map_err(|source| Error::Io {
            action: "create the folder",
            path: dir.to_owned(),
            source,
        })?;
        files.into_iter().map(|(name, text)| write(dir, name, &text)).collect()
    }
}

fn read<D: Document>(dir: &Path) -> Result<Option<D>> {
    let path = dir.join(D::FILE);
    match fs::read_to_string(&path) {
        Ok(text) => D::from_json(&text).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { action: "read", path, source }),
    }
}

/// Writes a file under another name and then renames it.
fn write(dir: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = dir.join(name);
    let part = dir.join(format!(".{name}.part"));
    let io = |action, path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { action, path, source }
    };
    let mut file = fs::File::create(&part).map_err(io("write", &part))?;
    file.write_all(text.as_bytes()).map_err(io("write", &part))?;
    // Without this a crash of the machine may leave the new name with no content.
    file.sync_all().map_err(io("write", &part))?;
    fs::rename(&part, &path).map_err(io("rename", &part))?;
    Ok(path)
}
