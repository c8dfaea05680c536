//! The renderings of a report, and the run folder with all of its files.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::checksums::Checksums;
use crate::text::visible;
use crate::{Document, Error, Figures, Provenance, Report, Result, Results, RunCost};
use crate::{html, latex, long, markdown, plot};

impl Report {
    /// `report.html`: one page that asks for nothing from outside.
    pub fn html(&self) -> String {
        visible(html::render(self))
    }

    /// `report.md`: summary and tables.
    pub fn markdown(&self) -> String {
        visible(markdown::render(self))
    }

    /// `table.tex`: tables for a paper.
    pub fn latex(&self) -> String {
        latex::render(self)
    }

    /// One SVG of the ablations: the win rate over penalty strength, with
    /// intervals, beside the share of the unsafe rows that each arm keeps. It has
    /// no script, asks for nothing from outside, and follows the reader's colour
    /// scheme. `None` where the study has neither figure.
    pub fn picture(&self) -> Option<String> {
        plot::picture(&self.results).map(visible)
    }

    /// `results.csv`: one figure a line.
    ///
    /// # Errors
    /// [`Error::Csv`].
    pub fn csv(&self) -> Result<String> {
        long::render(&self.results)
    }

    /// Writes the stored documents, their checksums (see [`Report::is_unchecked`]) and every
    /// rendering into `dir`,
    /// each file at once (a reader never sees half of one) and none through a link.
    /// All texts are made before the first is written, so that a value that cannot be
    /// written changes nothing. Returns the paths in the order written.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Version`] for results of another format that are there,
    /// and what [`Document::to_json`] says.
    pub fn write(&self, dir: &Path) -> Result<Vec<PathBuf>> {
        let mut files = vec![(Results::FILE, self.results.to_json()?)];
        if let Some(figures) = &self.figures {
            files.push((Figures::FILE, figures.to_json()?));
        }
        if let Some(provenance) = &self.provenance {
            files.push((Provenance::FILE, provenance.to_json()?));
        }
        if let Some(cost) = &self.cost {
            files.push((RunCost::FILE, cost.to_json()?));
        }
        if !self.is_unchecked {
            let sums = Checksums::of(files.iter().map(|(name, text)| (*name, text.as_bytes())));
            files.push((Checksums::FILE, sums.to_json()?));
        }
        files.push(("results.csv", self.csv()?));
        files.push(("report.html", self.html()));
        files.push(("report.md", self.markdown()));
        files.push(("table.tex", self.latex()));
        Self::check_versions(dir)?;
        let io = |action, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { action, path, source }
        };
        fs::create_dir_all(dir).map_err(io("create the folder", dir))?;
        // Killed between two files, old sums would call new files damaged.
        let stale = dir.join(Checksums::FILE);
        match fs::remove_file(&stale) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(io("remove", &stale)(e)),
            _ => {}
        }
        let write = |(name, text): (&str, String)| {
            let path = dir.join(name);
            seal_files::write(&path, text.as_bytes()).map_err(io("write", &path))?;
            Ok(path)
        };
        files.into_iter().map(write).collect()
    }
}
