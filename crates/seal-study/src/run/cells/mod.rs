//! `cells/<arm>/seed-<n>/`: the lists of rows and the model of each cell, kept as they
//! should be. `base/`: the aligned base that the adapters of cells are on.
//!
//! A stamp in each folder lists what the program wrote there. Files are written beside
//! their targets and renamed. A file that the program wrote is replaced or removed; any
//! other stays, and one that stands in the way is moved to `set-aside/`. Where no stamp says
//! which files are the program's, those with names of exports that the cell does not have
//! are moved there too: an old adapter is no part of a new model.

mod base_card;
mod bases;
mod exported;
mod folder;
mod lists;
mod places;
mod stamp;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use seal_data::Row;
use seal_files::Digest;
use seal_lm::{AdapterFiles, adapter_on};
use seal_store::{SharedDigests, StoredFile, side_by_side};

use self::bases::{BaseFolder, bases, is_on_aligned};
use self::folder::{WantedFolder, remove_folder};
use self::lists::lists;
use self::places::{copy, folders, write};
use self::stamp::{CellFrom, MadeFrom, Stamp, rows_hash};
use crate::arm::Arm;
use crate::error::StudyError;
use crate::exec::Done;
use crate::graph::{ArmSets, Graph};
use crate::observer::Observer;
use crate::stages::{LOSSES, RowSelection};

pub(crate) use self::bases::is_base;

const CELLS: &str = "cells";

/// The folders of cells of a study, and of aligned bases, as they are before it runs.
pub(crate) struct CellFolders<'a> {
    out: &'a Path,
    arms: &'a [Arm],
    /// Those that adapters of cells are on.
    bases: Vec<BaseFolder<'a>>,
    cells: Vec<CellFolder<'a>>,
}

struct CellFolder<'a> {
    /// Number in the graph's cells.
    cell: usize,
    folder: WantedFolder<'a>,
    /// The path of the base that its adapter is to name.
    on: Option<String>,
}

impl<'a> CellFolders<'a> {
    /// Looks at the folder of every cell and base, with every file in it.
    ///
    /// # Errors
    /// A link in the way; a stamp that may not be read.
    pub(crate) fn survey(
        out: &'a Path,
        arms: &'a [Arm],
        graph: &Graph<'_>,
        sets: &ArmSets,
        readers: usize,
    ) -> Result<Self, StudyError> {
        let mut bases = bases(out, arms, graph)?;
        let mut hashes: BTreeMap<*const Row, String> = BTreeMap::new();
        let mut cells: Vec<CellFolder<'_>> = Vec::new();
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
            let of_cell = bases.iter().find(|base| base.node == cell.base);
            let on = of_cell.filter(|_| is_on_aligned(cell, arms)).map(|base| base.path.clone());
            let (selection, sft) = (key(selection), cell.sft.map(key));
            let made_from = CellFrom { selection, sft, rows, on: on.clone() };
            let folder = WantedFolder::new(out, below, MadeFrom::Cell(made_from))?;
            cells.push(CellFolder { cell: i, folder, on });
        }
        let digests = SharedDigests::of_user("seal");
        let mut folders: Vec<&mut WantedFolder<'_>> =
            (bases.iter_mut().map(|base| &mut base.folder))
                .chain(cells.iter_mut().map(|cell| &mut cell.folder))
                .collect();
        let intact = side_by_side(folders.len(), readers, |i| folders[i].intact_stamp(&digests));
        for (folder, intact) in folders.iter_mut().zip(intact) {
            folder.intact = intact?;
        }
        digests.keep();
        Ok(Self { out, arms, bases, cells })
    }

    /// Stages whose outputs will be copied.
    pub(crate) fn to_copy<'b>(&'b self, graph: &'b Graph<'_>) -> impl Iterator<Item = usize> + 'b {
        let torn = self.cells.iter().filter(|cell| cell.folder.intact.is_none());
        let bases = self.bases.iter().filter(|base| base.folder.intact.is_none());
        torn.filter_map(|cell| graph.cells[cell.cell].sft).chain(bases.map(|base| base.node))
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
        // Before the adapters that name them.
        for base in &self.bases {
            base.write(done, self.arms, sets, observer)?;
        }
        for CellFolder { cell, folder, on } in &self.cells {
            let cell = &graph.cells[*cell];
            let model = cell.sft.map(|node| &done[node]);
            let lora = self.arms[cell.arm].config.sft.lora.as_ref();
            let renamed = |name: &str| {
                on.is_some() && [AdapterFiles::CONFIG, AdapterFiles::CARD].contains(&name)
            };
            let model_files = model.map_or(&[][..], |done| &done.files).iter();
            let model_files: Vec<&StoredFile> =
                model_files.filter(|file| file.name != LOSSES && !renamed(&file.name)).collect();
            // A stage that ran again may have rounded otherwise, on another machine.
            let is_of = |stamp: &Stamp| model_files.iter().all(|file| stamp.files.contains(*file));
            if folder.intact.as_ref().is_some_and(is_of) {
                continue;
            }
            let selection = cell.selection.map(|node| RowSelection::read(&done[node].dir));
            let Some(selection) = selection.transpose()? else { continue };
            let mut texts = Vec::from(lists(&selection, &sets.of_arm(cell.arm).data)?);
            if let (Some(model), Some(lora), Some(on)) = (model, lora, on) {
                texts.extend(adapter_on(&model.dir, lora, on)?);
            }
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
            folder.put(wanted, &content, observer)?;
        }
        self.sweep(observer)
    }

    /// Removes the files of cells and bases that the study no longer has, as far as stamps list them.
    fn sweep(&self, observer: &dyn Observer) -> Result<(), StudyError> {
        let cells = self.cells.iter().map(|cell| &cell.folder.below);
        let current: BTreeSet<&Path> = cells
            .chain(self.bases.iter().map(|base| &base.folder.below))
            .map(PathBuf::as_path)
            .collect();
        let is_old = |dir: &Path| !current.contains(dir.strip_prefix(self.out).unwrap_or(dir));
        for arm in folders(&self.out.join(CELLS))? {
            for dir in folders(&arm)?.iter().filter(|dir| is_old(dir)) {
                remove_folder(dir, observer)?;
            }
            // Fails where anything is left, which is then someone's.
            let _ = fs::remove_dir(&arm);
        }
        for dir in folders(self.out)?.iter().filter(|dir| is_old(dir)) {
            if dir.file_name().and_then(|name| name.to_str()).is_some_and(is_base) {
                remove_folder(dir, observer)?;
            }
        }
        Ok(())
    }
}
