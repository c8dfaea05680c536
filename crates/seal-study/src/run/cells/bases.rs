//! `base/`: an aligned base that exported adapters are on. A study whose arms align several has
//! `base-2/` and so on beside it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use seal_files::Digest;
use seal_lm::AdapterFiles;
use seal_store::StoredFile;

use super::base_card::base_card;
use super::folder::WantedFolder;
use super::places::{copy, write};
use super::stamp::{BaseFrom, MadeFrom, Stamp};
use crate::arm::Arm;
use crate::error::StudyError;
use crate::exec::Done;
use crate::graph::{ArmSets, Cell, Graph};
use crate::observer::Observer;
use crate::stages::{ALIGNED, Aligned};

const BASE: &str = "base";

/// Where hubs look for a card.
const CARD: &str = AdapterFiles::CARD;

/// Whether the program gives a folder of a run folder this name.
pub(crate) fn is_base(name: &str) -> bool {
    let number = |text: &str| text.strip_prefix('-')?.parse::<usize>().ok().filter(|n| *n > 1);
    name.strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || number(rest).is_some())
}

/// The folder of one aligned base.
pub(super) struct BaseFolder<'a> {
    /// Number of its stage in the graph.
    pub(super) node: usize,
    /// The first arm that has it.
    arm: usize,
    pub(super) folder: WantedFolder<'a>,
    /// Where an adapter finds it.
    pub(super) path: String,
}

/// Whether the model of `cell` is an adapter on an aligned base.
pub(super) fn is_on_aligned(cell: &Cell, arms: &[Arm]) -> bool {
    let config = &arms[cell.arm].config;
    cell.sft.is_some() && config.sft.lora.is_some() && config.alignment().is_some()
}

/// The folders of the bases that adapters of cells are on, in the order of the cells.
///
/// # Errors
/// A link in the way; a run folder without an absolute path.
pub(super) fn bases<'a>(
    out: &'a Path,
    arms: &[Arm],
    graph: &Graph<'_>,
) -> Result<Vec<BaseFolder<'a>>, StudyError> {
    let mut bases: Vec<BaseFolder<'a>> = Vec::new();
    let mut seen = BTreeSet::new();
    for cell in graph.cells.iter().filter(|cell| is_on_aligned(cell, arms)) {
        if !seen.insert(cell.base) {
            continue;
        }
        let name = match bases.len() {
            0 => BASE.to_owned(),
            n => format!("{BASE}-{}", n + 1),
        };
        let config = &arms[cell.arm].config;
        let made_from = BaseFrom {
            base: graph.nodes[cell.base].key.to_string(),
            model: config.model_name(),
            study: config.study.name.clone(),
        };
        let path = std::path::absolute(out.join(&name)).map_err(StudyError::io(out))?;
        let folder = WantedFolder::new(out, PathBuf::from(name), MadeFrom::Base(made_from))?;
        let path = path.display().to_string();
        bases.push(BaseFolder { node: cell.base, arm: cell.arm, folder, path });
    }
    Ok(bases)
}

impl BaseFolder<'_> {
    /// Writes what is missing or not as it should be: the whole model, with a card.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(super) fn write(
        &self,
        done: &[Done],
        arms: &[Arm],
        sets: &ArmSets,
        observer: &dyn Observer,
    ) -> Result<(), StudyError> {
        let Done { dir, files, .. } = &done[self.node];
        // Loaders would put the adapter on weights that have it.
        let others = [ALIGNED, CARD, AdapterFiles::CONFIG, AdapterFiles::WEIGHTS];
        let is_model = |file: &&StoredFile| !others.contains(&file.name.as_str());
        let files: Vec<&StoredFile> = files.iter().filter(is_model).collect();
        // A stage that ran again may have rounded otherwise, on another machine.
        let is_of = |stamp: &Stamp| files.iter().all(|file| stamp.files.contains(*file));
        if self.folder.intact.as_ref().is_some_and(is_of) {
            return Ok(());
        }
        let (config, sets) = (&arms[self.arm].config, sets.of_arm(self.arm));
        let card = base_card(config, sets, &Aligned::read(dir)?)?;
        let own =
            StoredFile { name: CARD.into(), bytes: card.len() as u64, blake3: Digest::of(&card) };
        let wanted = files.into_iter().cloned().chain([own]).collect();
        let content = |file: &StoredFile, to: &Path| match file.name == CARD {
            true => write(to, &card),
            false => copy(&dir.join(&file.name), to, file),
        };
        self.folder.put(wanted, &content, observer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_bases_are_known_by_name() {
        assert!(["base", "base-2", "base-13"].into_iter().all(is_base));
        let others = ["bases", "base-1", "base-", "base-x", "based", "base2", "my-base"];
        assert!(!others.into_iter().any(is_base));
    }
}
