//! `cells/<arm>/seed-<n>/`: the lists of rows and the model of each cell, kept as they
//! should be.
//!
//! A stamp in each folder lists what the program wrote there. Files are written beside
//! their targets and renamed. A file that the program wrote is replaced or removed; any
//! other stays, and one that stands in the way is moved to `set-aside/`. Where no stamp says
//! which files are the program's, those with names of exports that the cell does not have
//! are moved there too: an old adapter is no part of a new model.

mod exported;
mod lists;
mod places;
mod stamp;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use seal_data::Row;
use seal_files::{Digest, Flush, make_folder};
use seal_store::{SharedDigests, StoredFile, side_by_side};

use self::exported::exported_files;
use self::lists::lists;
use self::places::{copy, folders, names, notice, refuse_links, write};
use self::stamp::{MadeFrom, STAMP, Stamp, Stamped, is_there, rows_hash};
use crate::arm::Arm;
use crate::error::StudyError;
use crate::exec::Done;
use crate::graph::{ArmSets, Graph};
use crate::observer::Observer;
use crate::options::Workers;
use crate::run_folder::move_aside;
use crate::stages::{LOSSES, Selection};

const CELLS: &str = "cells";

/// The folders of cells of a study, as they are before it runs.
pub(crate) struct Cells<'a> {
    out: &'a Path,
    cells: Vec<CellFolder>,
}

struct CellFolder {
    /// Number in the graph's cells.
    cell: usize,
    /// Below the run folder.
    below: PathBuf,
    made_from: MadeFrom,
    /// The stamp, where all is as it says.
    intact: Option<Stamp>,
}

impl<'a> Cells<'a> {
    /// Looks at the folder of every cell, with every file in it.
    ///
    /// # Errors
    /// A link in the way; a stamp that may not be read.
    pub(crate) fn look(
        out: &'a Path,
        arms: &[Arm],
        graph: &Graph<'_>,
        sets: &ArmSets,
        workers: Workers,
    ) -> Result<Self, StudyError> {
        let mut hashes: BTreeMap<*const Row, String> = BTreeMap::new();
        let mut cells: Vec<CellFolder> = Vec::new();
        for (i, cell) in graph.cells.iter().enumerate() {
            let Some(selection) = cell.selection else { continue };
            // Arms share their rows: they are hashed once.
            let data = &sets.of_arm(cell.arm).data;
            let rows = match hashes.get(&data.as_ptr()) {
                Some(hash) => hash.clone(),
                None => rows_hash(data)?,
            };
            hashes.insert(data.as_ptr(), rows.clone());
            let below =
                Path::new(CELLS).join(&arms[cell.arm].id).join(format!("seed-{}", cell.seed));
            let key = |node: usize| graph.nodes[node].key.to_string();
            let made_from = MadeFrom { selection: key(selection), sft: cell.sft.map(key), rows };
            refuse_links(out, &below)?;
            seal_files::remove_unfinished(&out.join(&below));
            cells.push(CellFolder { cell: i, below, made_from, intact: None });
        }
        let digests = SharedDigests::of_user("seal");
        let intact = side_by_side(cells.len(), workers.readers(), |i| {
            let (dir, made_from) = (out.join(&cells[i].below), &cells[i].made_from);
            Ok::<_, StudyError>(match Stamp::read(&dir)? {
                Stamped::By(s) if s.made_from == *made_from && s.holds(&dir, &digests) => Some(s),
                _ => None,
            })
        });
        for (folder, intact) in cells.iter_mut().zip(intact) {
            folder.intact = intact?;
        }
        digests.keep();
        Ok(Self { out, cells })
    }

    /// Stages whose outputs will be copied.
    pub(crate) fn to_copy<'b>(&'b self, graph: &'b Graph<'_>) -> impl Iterator<Item = usize> + 'b {
        let torn = self.cells.iter().filter(|folder| folder.intact.is_none());
        torn.filter_map(|folder| graph.cells[folder.cell].sft)
    }

    /// Writes what is missing or not as it should be, and removes what is no longer of the
    /// study.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(crate) fn write(
        &self,
        graph: &Graph<'_>,
        done: &[Done],
        sets: &ArmSets,
        observer: &dyn Observer,
    ) -> Result<(), StudyError> {
        for folder in &self.cells {
            let cell = &graph.cells[folder.cell];
            let model = cell.sft.map(|node| &done[node]);
            let model_files = model.map_or(&[][..], |done| &done.files).iter();
            let model_files: Vec<&StoredFile> =
                model_files.filter(|file| file.name != LOSSES).collect();
            // A stage that ran again may have rounded otherwise, on another machine.
            let is_of = |stamp: &Stamp| model_files.iter().all(|file| stamp.files.contains(*file));
            if folder.intact.as_ref().is_some_and(is_of) {
                continue;
            }
            let selection = cell.selection.map(|node| Selection::read(&done[node].dir));
            let Some(selection) = selection.transpose()? else { continue };
            let texts = lists(&selection, &sets.of_arm(cell.arm).data)?;
            let own = texts.iter().map(|(name, text)| StoredFile {
                name: (*name).to_owned(),
                bytes: text.len() as u64,
                blake3: Digest::of(text),
            });
            let mut wanted: Vec<StoredFile> = own.collect();
            wanted.extend(model_files.into_iter().cloned());
            let content = |file: &StoredFile, to: &Path| match (
                texts.iter().find(|(name, _)| *name == file.name),
                model,
            ) {
                (Some((_, text)), _) => write(to, text),
                (None, Some(model)) => copy(&model.dir.join(&file.name), to, file),
                (None, None) => Ok(()),
            };
            self.put(folder, wanted, &content, observer)?;
        }
        self.sweep(observer)
    }

    /// Makes the files of a cell those of `wanted`.
    fn put(
        &self,
        folder: &CellFolder,
        wanted: Vec<StoredFile>,
        content: &dyn Fn(&StoredFile, &Path) -> std::io::Result<()>,
        observer: &dyn Observer,
    ) -> Result<(), StudyError> {
        let dir = self.out.join(&folder.below);
        make_folder(self.out, &folder.below).map_err(StudyError::at_file(&dir))?;
        let (written, is_old): (Option<Vec<StoredFile>>, bool) = match Stamp::read(&dir)? {
            Stamped::By(stamp) => (Some(stamp.written().cloned().collect()), false),
            // No list: of such a folder, files of these names are the program's.
            Stamped::Old => (None, true),
            Stamped::Nothing => (None, false),
        };
        if written.is_none() {
            // Before the stamp, which would call them the user's.
            self.set_unlisted_aside(&folder.below, &wanted, observer)?;
        }
        let written = written.unwrap_or_default();
        let before: BTreeSet<StoredFile> =
            written.into_iter().filter(|file| !wanted.contains(file)).collect();
        let made_from = folder.made_from.clone();
        let unfinished = Stamp::new(made_from.clone(), wanted.clone(), Vec::from_iter(before));
        unfinished.write(&dir, Flush::Nothing)?;
        for file in wanted.iter().filter(|file| !is_there(&dir, file)) {
            let path = dir.join(&file.name);
            let is_ours = |old: &StoredFile| old.name == file.name && is_there(&dir, old);
            if fs::symlink_metadata(&path).is_ok_and(|found| found.is_file())
                && !is_old
                && !unfinished.before.iter().any(is_ours)
            {
                let why = "damaged or edited, written again; the old one is now";
                self.set_aside(&folder.below, &file.name, why, observer)?;
            }
            tracing::debug!(path = %path.display(), "writes a file of a cell");
            content(file, &path).map_err(StudyError::at_file(&path))?;
        }
        self.remove(&dir, &unfinished.before, &wanted, observer)?;
        Stamp::new(made_from, wanted, Vec::new()).write(&dir, Flush::FileAndFolder)
    }

    /// Removes those files of `before` whose names are not in `wanted`, if they are still
    /// as the program wrote them.
    fn remove(
        &self,
        dir: &Path,
        before: &[StoredFile],
        wanted: &[StoredFile],
        observer: &dyn Observer,
    ) -> Result<(), StudyError> {
        for file in before.iter().filter(|file| wanted.iter().all(|w| w.name != file.name)) {
            let path = dir.join(&file.name);
            if is_there(dir, file) {
                fs::remove_file(&path).map_err(StudyError::io(&path))?;
                notice(observer, format!("{}: no longer of the study, removed", path.display()));
            } else if fs::symlink_metadata(&path).is_ok() {
                let message = "no longer of the study, but changed since it was written: it stays";
                notice(observer, format!("{}: {message}", path.display()));
            }
        }
        Ok(())
    }

    /// Moves those files out of the way that some export wrote and that the cell does not
    /// have.
    fn set_unlisted_aside(
        &self,
        below: &Path,
        wanted: &[StoredFile],
        observer: &dyn Observer,
    ) -> Result<(), StudyError> {
        let dir = self.out.join(below);
        for name in exported_files(&dir).map_err(StudyError::io(&dir))? {
            if wanted.iter().all(|file| file.name != name) {
                let why = "of an earlier model of this cell, by its name; it is now";
                self.set_aside(below, &name, why, observer)?;
            }
        }
        Ok(())
    }

    /// Moves a file out of the way and says why; `why` ends before its new path.
    fn set_aside(
        &self,
        below: &Path,
        name: &str,
        why: &str,
        observer: &dyn Observer,
    ) -> Result<(), StudyError> {
        let from = self.out.join(below).join(name);
        let to = move_aside(self.out, below, name)?;
        notice(observer, format!("{}: {why} {}", from.display(), to.display()));
        Ok(())
    }

    /// Removes the files of cells that the study no longer has, as far as stamps list them.
    fn sweep(&self, observer: &dyn Observer) -> Result<(), StudyError> {
        let current: BTreeSet<&Path> = self.cells.iter().map(|c| c.below.as_path()).collect();
        for arm in folders(&self.out.join(CELLS))? {
            for dir in folders(&arm)? {
                let below = dir.strip_prefix(self.out).unwrap_or(&dir);
                if current.contains(below) {
                    continue;
                }
                match Stamp::read(&dir)? {
                    Stamped::By(stamp) => {
                        let all: Vec<StoredFile> = stamp.written().cloned().collect();
                        self.remove_cell(&dir, &all, observer)?;
                    }
                    Stamped::Old => notice(
                        observer,
                        format!(
                            "{}: no longer of the study; an older program wrote it and did not \
                             list its files: remove it if you do not need it",
                            dir.display()
                        ),
                    ),
                    Stamped::Nothing => {}
                }
            }
            // Fails where anything is left, which is then someone's.
            let _ = fs::remove_dir(&arm);
        }
        Ok(())
    }

    fn remove_cell(
        &self,
        dir: &Path,
        files: &[StoredFile],
        observer: &dyn Observer,
    ) -> Result<(), StudyError> {
        seal_files::remove_unfinished(dir);
        for file in files.iter().filter(|file| is_there(dir, file)) {
            let path = dir.join(&file.name);
            fs::remove_file(&path).map_err(StudyError::io(&path))?;
        }
        let stamp = dir.join(STAMP);
        fs::remove_file(&stamp).map_err(StudyError::io(&stamp))?;
        let left = match fs::remove_dir(dir) {
            Ok(()) => String::new(),
            Err(_) => format!("; what the program did not write stays: {}", names(dir)),
        };
        let message = format!("{}: no longer of the study, removed{left}", dir.display());
        notice(observer, message);
        Ok(())
    }
}
