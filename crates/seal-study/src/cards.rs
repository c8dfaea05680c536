//! Cards for exported cells, from the stored results and settings of a run alone.

use std::fs;
use std::path::{Path, PathBuf};

use seal_files::FileName;
use seal_report::{CardFacts, Document as _, Provenance, Report, Results};

use crate::StudyError;

/// The card of a model, where hubs look for it.
const MODEL: &str = "README.md";
/// The card of the rows that were kept.
const ROWS: &str = "README-rows.md";

/// Writes `ARM/seed-N/README.md` for the model of each cell, and `README-rows.md` beside it where the
/// cell chose rows. The folders of the run stay as they are: its stamps list their files.
///
/// # Errors
/// [`StudyError::Damaged`] for settings that are no TOML and an arm that cannot be a folder; a file
/// that cannot be written.
pub fn write_cards(report: &Report, dir: &Path) -> Result<Vec<PathBuf>, StudyError> {
    let facts = card_facts(report)?;
    let mut files = Vec::new();
    for arm in &report.results.arms {
        // Results may be from strangers, and a name could lead out of the folder.
        arm.id.parse::<FileName>().map_err(|e| StudyError::Damaged {
            path: PathBuf::from(Results::FILE),
            reason: e.to_string(),
        })?;
        for cell in &arm.cells {
            let to = dir.join(&arm.id).join(format!("seed-{}", cell.seed));
            let cards = [
                (MODEL, report.model_card(&arm.id, cell.seed, &facts)),
                (ROWS, report.data_card(&arm.id, cell.seed, &facts)),
            ];
            for (name, card) in cards {
                let Some(card) = card else { continue };
                let path = to.join(name);
                fs::create_dir_all(&to).map_err(StudyError::io(&to))?;
                seal_files::write(&path, card.as_bytes()).map_err(StudyError::at_file(&path))?;
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// What the settings of a run say of its base and rows; nothing where they are not stored.
fn card_facts(report: &Report) -> Result<CardFacts, StudyError> {
    let Some(provenance) = &report.provenance else { return Ok(CardFacts::default()) };
    let settings: toml::Table =
        provenance.settings_toml.parse().map_err(|e: toml::de::Error| StudyError::Damaged {
            path: PathBuf::from(Provenance::FILE),
            reason: e.to_string(),
        })?;
    let of = |section: &str| settings.get(section).and_then(toml::Value::as_table);
    let base = of("model").and_then(|model| model.get("path")?.as_str());
    let mut sources = Vec::new();
    for (set, value) in of("data").into_iter().flatten() {
        match value {
            toml::Value::Array(files) => sources.extend(named(set, files)),
            // The tests are sets of their own.
            toml::Value::Table(tests) => {
                for (test, value) in tests {
                    let files = value.as_array().map_or(&[][..], Vec::as_slice);
                    sources.extend(named(test, files));
                }
            }
            _ => {}
        }
    }
    Ok(CardFacts {
        is_aligned: base.is_some() && of("base").is_some(),
        base: base.map(shown),
        is_adapter: of("sft").is_some_and(|sft| sft.contains_key("lora")),
        sources,
    })
}

/// An address whole, a path by its last part: a card is made to be published.
fn shown(path: &str) -> String {
    match seal_model::is_address(Path::new(path)) {
        true => path.to_owned(),
        false => Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned(),
    }
}

/// The files of a set by their paths; `None` of a list that names none.
fn named(set: &str, files: &[toml::Value]) -> Option<(String, Vec<String>)> {
    let path = |file: &toml::Value| Some(shown(file.get("path")?.as_str()?));
    let paths: Vec<String> = files.iter().filter_map(path).collect();
    (!paths.is_empty()).then(|| (set.to_owned(), paths))
}

#[cfg(test)]
mod tests {
    use seal_report::{Arm, Cell, Role};

    use super::*;

    fn report(settings_toml: &str, arm: &str) -> Report {
        let mut arm = Arm::new(arm, "an arm", Role::Control);
        arm.cells.push(Cell { seed: 3, ..Cell::default() });
        let provenance =
            Provenance { settings_toml: settings_toml.into(), ..Provenance::default() };
        Report {
            results: Results { arms: vec![arm], ..Results::default() },
            provenance: Some(provenance),
            ..Report::default()
        }
    }

    #[test]
    fn the_settings_name_base_and_rows() {
        let settings = "[model]\npath = \"hf://o/n@v\"\n[sft.lora]\nr = 8\n[data]\nroot = \"x\"\n\
            fine_tuning = [{ path = \"/home/me/a.jsonl\" }, { path = \"b.jsonl\" }]\nsafety = []\n\
            [data.test]\nhh = [{ path = \"t.jsonl\" }]\n";
        let facts = card_facts(&report(settings, "seal")).unwrap();
        assert_eq!((facts.base.as_deref(), facts.is_adapter), (Some("hf://o/n@v"), true));
        let set = |name: &str, files: &[&str]| {
            (name.to_owned(), files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>())
        };
        let expected = [set("fine_tuning", &["a.jsonl", "b.jsonl"]), set("hh", &["t.jsonl"])];
        assert_eq!(facts.sources, expected);
        assert!(!facts.is_aligned);
        let aligned = card_facts(&report("[model]\npath = \"m\"\n[base]\nepochs = 1\n", "seal"));
        assert!(aligned.unwrap().is_aligned);
        let none = card_facts(&report("[model]\nhidden_size = 8\n", "seal")).unwrap();
        assert_eq!(none, CardFacts::default());
    }

    #[test]
    fn a_card_stays_in_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let written = write_cards(&report("", "seal"), dir.path()).unwrap();
        assert_eq!(written, [dir.path().join("seal/seed-3/README.md")]);
        let outside = write_cards(&report("", "../seal"), dir.path());
        assert!(matches!(outside, Err(StudyError::Damaged { .. })), "{outside:?}");
        let damaged = write_cards(&report("[model", "seal"), dir.path());
        assert!(matches!(damaged, Err(StudyError::Damaged { .. })), "{damaged:?}");
    }
}
