//! The run folder: whose it is, and what a run leaves in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use seal_data::{Row, RowId};
use serde::{Deserialize, Serialize};

use crate::arm::Arm;
use crate::exec::Done;
use crate::facts::{LeftOut, rows};
use crate::graph::{ArmSets, Graph};
use crate::stages::Selection;
use crate::store::{to_json, write_flushed};
use crate::{Config, StudyError};

const OWNER: &str = "study.json";

#[derive(Serialize, Deserialize)]
struct Owner {
    format_version: u32,
    study: String,
}

/// Makes `out` the run folder of `config`'s study.
///
/// # Errors
/// A folder of another study, or one that is no run folder and not empty.
pub(crate) fn claim(out: &Path, config: &Config) -> Result<(), StudyError> {
    let path = out.join(OWNER);
    if path.exists() {
        let text = fs::read_to_string(&path).map_err(StudyError::io(&path))?;
        let owner: Owner = serde_json::from_str(&text)
            .map_err(|e| StudyError::Damaged { path: path.clone(), reason: e.to_string() })?;
        return match owner.study == config.study.name {
            true => Ok(()),
            false => Err(StudyError::Config(format!(
                "{} holds the study `{}`, not `{}`; give another --out, or that study.name",
                out.display(),
                owner.study,
                config.study.name
            ))),
        };
    }
    if out.is_file() {
        return Err(StudyError::Config(format!("--out {} is a file", out.display())));
    }
    // A run killed at this very place leaves the half-written name file alone.
    let other = |e: &fs::DirEntry| e.file_name() != "study.json.tmp";
    let mut used = false;
    if out.exists() {
        for entry in fs::read_dir(out).map_err(StudyError::io(out))? {
            used |= other(&entry.map_err(StudyError::io(out))?);
        }
    }
    if used {
        return Err(StudyError::Config(format!(
            "{} is not empty and no run folder; give an empty or a new --out",
            out.display()
        )));
    }
    fs::create_dir_all(out).map_err(StudyError::io(out))?;
    let owner = Owner { format_version: 1, study: config.study.name.clone() };
    let half = out.join("study.json.tmp");
    write_flushed(&half, &to_json(&owner)?)?;
    fs::rename(&half, &path).map_err(StudyError::io(&path))
}

/// A line of `kept.jsonl` or `dropped.jsonl`.
#[derive(Serialize)]
struct RankedRow<'a> {
    id: RowId,
    rank: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    omega: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<f64>,
    #[serde(flatten)]
    text: Option<RowText<'a>>,
}

/// What makes `kept.jsonl` a file to fine-tune on. Dropped rows are named, not
/// repeated: they are the ones suspected of harm.
#[derive(Serialize)]
struct RowText<'a> {
    prompt: &'a str,
    response: &'a str,
    #[serde(rename = "unsafe", skip_serializing_if = "Option::is_none")]
    is_unsafe: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
}

impl<'a> From<&'a Row> for RowText<'a> {
    fn from(row: &'a Row) -> Self {
        Self {
            prompt: &row.prompt,
            response: &row.response,
            is_unsafe: row.is_unsafe,
            category: row.category.as_deref(),
        }
    }
}

/// What is behind the files of a cell; they are written anew if it changed.
#[derive(Serialize)]
struct MadeFrom {
    format_version: u32,
    selection: String,
    sft: Option<String>,
    /// Hash of the rows with their labels and categories, which no stage but
    /// some reads and `kept.jsonl` shows.
    rows: String,
}

/// Lists the rows that are not trained on in `left-out.jsonl`, by id, with the
/// reason; no file where there are none.
///
/// # Errors
/// A file that cannot be written.
pub(crate) fn list_left_out(out: &Path, rows: &[LeftOut]) -> Result<(), StudyError> {
    let path = out.join("left-out.jsonl");
    if rows.is_empty() {
        return match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(StudyError::io(&path)(e)),
            _ => Ok(()),
        };
    }
    tracing::warn!(rows = rows.len(), list = %path.display(), "rows left out of training");
    let mut text = String::new();
    for row in rows {
        text += &serde_json::to_string(row).map_err(|e| StudyError::Defect(e.to_string()))?;
        text.push('\n');
    }
    fs::write(&path, text).map_err(StudyError::io(&path))
}

/// Writes, for each cell, `cells/<arm>/seed-<n>/` with the kept rows and
/// the ids of the dropped ones in the order of their ranks, and its model or
/// adapter.
///
/// # Errors
/// A file that cannot be read or written.
pub(crate) fn export_cells(
    out: &Path,
    arms: &[Arm],
    graph: &Graph<'_>,
    done: &[Done],
    sets: &ArmSets,
) -> Result<(), StudyError> {
    for cell in &graph.cells {
        let Some(selection) = cell.selection else { continue };
        let dir = out.join("cells").join(&arms[cell.arm].id).join(format!("seed-{}", cell.seed));
        fs::create_dir_all(&dir).map_err(StudyError::io(&dir))?;
        let stamp = dir.join("made-from");
        let key = |node: usize| graph.nodes[node].key.to_string();
        let made_from = to_json(&MadeFrom {
            format_version: 1,
            selection: key(selection),
            sft: cell.sft.map(key),
            rows: rows_hash(&sets.of_arm(cell.arm).data)?,
        })?;
        if fs::read_to_string(&stamp).is_ok_and(|old| old == made_from) {
            continue;
        }
        let data = &sets.of_arm(cell.arm).data;
        let texts: BTreeMap<RowId, &Row> = data.iter().map(|row| (row.id, row)).collect();
        let selection = Selection::read(&done[selection].dir)?;
        let mut all = rows(&selection);
        all.sort_by_key(|r| r.rank);
        for (name, kept) in [("kept.jsonl", true), ("dropped.jsonl", false)] {
            let mut text = String::new();
            for r in all.iter().filter(|r| r.kept == kept) {
                let omega = selection.omega.is_some().then_some(r.omega);
                let own = texts.get(&r.id).map(|row| RowText::from(*row));
                let row =
                    RankedRow { id: r.id, rank: r.rank, omega, p: r.p, text: own.filter(|_| kept) };
                let line =
                    serde_json::to_string(&row).map_err(|e| StudyError::Defect(e.to_string()))?;
                text.push_str(&line);
                text.push('\n');
            }
            let path = dir.join(name);
            fs::write(&path, text).map_err(StudyError::io(&path))?;
        }
        if let Some(sft) = cell.sft {
            copy_model(&done[sft].dir, &dir)?;
        }
        write_flushed(&stamp, &made_from)?;
    }
    Ok(())
}

fn rows_hash(rows: &[Row]) -> Result<String, StudyError> {
    let text = serde_json::to_string(rows).map_err(|e| StudyError::Defect(e.to_string()))?;
    Ok(blake3::hash(text.as_bytes()).to_hex()[..32].to_owned())
}

fn copy_model(from: &Path, to: &Path) -> Result<(), StudyError> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(from).map_err(StudyError::io(from))? {
        files.push(entry.map_err(StudyError::io(from))?.path());
    }
    for path in files {
        let Some(name) = path.file_name().filter(|n| *n != "manifest.json") else { continue };
        let target = to.join(name);
        if target.exists() {
            fs::remove_file(&target).map_err(StudyError::io(&target))?;
        }
        // No link: what a user does to the copy must not reach the store.
        fs::copy(&path, &target).map_err(StudyError::io(&target))?;
    }
    Ok(())
}
