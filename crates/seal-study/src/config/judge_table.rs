//! Tables of judges that a config names: their keys take the place of the name.
//!
//! So a resolved config holds all keys of its judges. The file of a prompt must stay where it is.

use std::path::Path;

use seal_endpoint::refuse_secrets;
use seal_judging::rubric::RubricTable;
use seal_judging::{JudgeTable, JudgingError};
use seal_model::overrides::put;
use seal_model::{GuardTable, ModelError, RewardTable};
use toml::{Table, Value};

use super::judge::MODELS;
use crate::error::{ConfigError, Defect, StudyError};

/// Key of a judge that names a table.
const TABLE: &str = "table";

/// Puts the tables that judges name in the place of their names. Keys that stand beside a name
/// replace those of the table. `folder` is what the names are relative to.
///
/// # Errors
/// A table that cannot be read or used.
pub(super) fn expand(config: &mut Table, folder: &Path) -> Result<(), ConfigError> {
    let Some(judges) = config.get_mut("judge").and_then(Value::as_table_mut) else { return Ok(()) };
    for (test, judge) in judges {
        let Some(judge) = judge.as_table_mut() else { continue };
        expand_one(judge, folder, &format!("judge.{test}"))?;
        let also = judge.get_mut("also").and_then(Value::as_table_mut);
        for (name, judge) in also.into_iter().flatten() {
            if let Some(judge) = judge.as_table_mut() {
                expand_one(judge, folder, &format!("judge.{test}.also.{name}"))?;
            }
        }
    }
    Ok(())
}

fn expand_one(judge: &mut Table, folder: &Path, place: &str) -> Result<(), ConfigError> {
    let file = match judge.get(TABLE) {
        Some(Value::String(file)) => folder.join(file),
        None => return Ok(()),
        Some(other) => {
            let why = format!(
                "table is the name of a file, in quotes, and not a value of the type {}",
                other.type_str()
            );
            let source = JudgingError::Table { path: place.into(), line: None, why };
            return Err(ConfigError::Judge { section: place.into(), source: Box::new(source) });
        }
    };
    judge.remove(TABLE);
    let mut whole = read(&file, place)?;
    for (key, value) in std::mem::take(judge) {
        put(&mut whole, &key, value)?;
    }
    *judge = whole;
    Ok(())
}

/// The keys of the table at `path`, with the places of its prompt and template as seen from here;
/// `place` is that of the judge. The model's folder is relative to here already.
fn read(path: &Path, place: &str) -> Result<Table, ConfigError> {
    let of = |source: JudgingError| ConfigError::Judge {
        section: place.to_owned(),
        source: Box::new(source),
    };
    let bad = |why: String| JudgingError::Table { path: path.to_owned(), line: None, why };
    let text = std::fs::read_to_string(path)
        .map_err(|source| of(JudgingError::Io { action: "read", path: path.to_owned(), source }))?;
    let of_model = |source: ModelError| ConfigError::JudgeModel {
        section: place.to_owned(),
        source: Box::new(source),
    };
    let kind = match toml::from_str::<Table>(&text) {
        Ok(table) => table.get("kind").and_then(Value::as_str).map(str::to_owned),
        Err(_) => None,
    };
    // Faults are said of the table's own lines.
    match kind.as_deref() {
        Some("guard") => drop(GuardTable::parse(&text, path).map_err(of_model)?),
        Some("reward") => drop(RewardTable::parse(&text, path).map_err(of_model)?),
        Some("rubric") => drop(RubricTable::parse(&text, path).map_err(of)?),
        Some("pairwise") | None => drop(JudgeTable::parse(&text, path).map_err(of)?),
        Some(kind) => {
            let known = MODELS.map(|kind| format!("`{kind}`")).join(", ");
            let why = format!(
                "kind = {kind:?} is none of a table; tables have the kinds {known}, and other judges \
                 stand in the config itself"
            );
            return Err(of(bad(why)));
        }
    }
    let mut table: Table = toml::from_str(&text).map_err(|e| of(bad(e.message().to_owned())))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for keys in [&["prompt", "file"][..], &["template", "chat"], &["model", "template", "chat"]] {
        let (first, rest) = (table.get_mut(keys[0]), &keys[1..]);
        let file = rest.iter().fold(first, |at, key| at.and_then(|at| at.get_mut(key)));
        if let Some(Value::String(file)) = file {
            *file = folder.join(&*file).display().to_string();
        }
    }
    Ok(table)
}

/// The place of the judge for which a setting names a table.
pub(super) fn named_place<'a>(key: &'a str, value: &Value) -> Option<&'a str> {
    let place = match value {
        Value::Table(keys) if keys.contains_key(TABLE) => key,
        _ => key.strip_suffix(TABLE)?.strip_suffix('.')?,
    };
    let parts: Vec<&str> = place.split('.').collect();
    matches!(parts.as_slice(), ["judge", _] | ["judge", _, "also", _]).then_some(place)
}

/// Takes the judge of a test out of the config where a setting names a table for it: the table is
/// a whole judge, and keys of another kind of judge would not go with it. Further judges stay.
pub(super) fn make_room(config: &mut Table, key: &str, value: &Value) {
    let Some(place) = named_place(key, value) else { return };
    let mut at = Some(config);
    for part in place.split('.') {
        at = at.and_then(|table| table.get_mut(part)).and_then(Value::as_table_mut);
    }
    if let Some(judge) = at {
        judge.retain(|key, _| key == "also");
    }
}

/// Refuses judges that hold a key of an account. It is said before anything else reads them.
///
/// # Errors
/// [`ConfigError::Judge`] with the place of the key, which is not quoted.
pub(super) fn check_secrets(config: &Table) -> Result<(), StudyError> {
    let Some(judges) = config.get("judge") else { return Ok(()) };
    let json = serde_json::to_value(judges).map_err(Defect::Json)?;
    refuse_secrets("judge", &json).map_err(|source| {
        let source = Box::new(JudgingError::Endpoint(source));
        StudyError::from(ConfigError::Judge { section: "judge".to_owned(), source })
    })
}
