//! Whose a run folder is: `study.json`, and the config beside it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use seal_files::{Digest, FileLock};
use seal_store::sealed;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::aside::move_aside;
use crate::config::Config;
use crate::error::{Defect, RunFolderError, StudyError};
use crate::observer::{Event, Observer};

const OWNER: &str = "study.json";
const CONFIG: &str = "config.toml";
const LOCK: &str = "lock";
const VERSION: u32 = 2;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner {
    format_version: u32,
    study: String,
    /// BLAKE3 of `config.toml` as this run writes it, and as the run before left it: a
    /// kill between the two files leaves either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    config: Vec<String>,
}

/// What `study.json` says.
enum OwnerFile {
    /// This.
    Owner(Owner),
    /// Nothing: it is not there.
    Nothing,
    /// Nothing that can be read.
    Damaged(String),
}

/// A run folder that this process works in.
#[derive(Debug)]
pub(crate) struct RunFolder {
    _lock: FileLock,
}

impl RunFolder {
    /// Makes `out` the run folder of `config`'s study, for this process alone, and writes
    /// the config into it. What is no `whole` run of the study leaves the config of one.
    ///
    /// # Errors
    /// A folder of another study, one that is no run folder and not empty, or one that
    /// another process works in.
    pub(crate) fn claim(
        out: &Path,
        config: &Config,
        whole: bool,
        observer: &dyn Observer,
    ) -> Result<Self, StudyError> {
        // Looked at before anything is written: a folder of others gets no lock.
        check(out, config)?;
        fs::create_dir_all(out).map_err(StudyError::io(out))?;
        let path = out.join(LOCK);
        let lock = FileLock::try_take(&path).map_err(StudyError::at_file(&path))?;
        let lock = lock.ok_or_else(|| RunFolderError::InUse { out: out.into() })?;
        let (known, mended) = check(out, config)?;
        if let Some(reason) = mended {
            let message = format!("{} {reason}; written again", out.join(OWNER).display());
            observer.event(&Event::Notice { message });
        }
        let text = config.resolved_toml()?;
        let found = config_now(out);
        let old = found.as_deref().map(hash);
        // With the same keys and comments of the user's it stays. One that leaves keys to their
        // defaults does not, since another program may have other defaults.
        let is_kept = whole
            && found.as_deref().is_some_and(|found| {
                found.contains(&b'#') && table(found) == table(text.as_bytes())
            });
        let new = match &old {
            Some(old) if is_kept => old.clone(),
            _ => hash(text.as_bytes()),
        };
        let changes = whole || old.is_none();
        let writes = changes && !is_kept;
        // A file that nobody vouches for is not vouched for by being there.
        let mut digests = known;
        let is_known = old.as_ref().is_some_and(|old| digests.contains(old));
        digests.retain(|known| !changes || old.as_ref() == Some(known) && *known != new);
        if changes {
            digests.insert(0, new);
        }
        if writes && found.is_some() && !is_known {
            let moved = move_aside(out, Path::new(""), CONFIG)?;
            let message = format!(
                "{}: no run wrote it as it is; that of this run takes its place, and it is now {}",
                out.join(CONFIG).display(),
                moved.display()
            );
            observer.event(&Event::Notice { message });
        }
        let study = config.study.name.clone();
        let owner = Owner { format_version: VERSION, study, config: digests };
        let path = out.join(OWNER);
        let owner = sealed::to_text(&owner).map_err(Defect::Json)?;
        seal_files::write(&path, owner.as_bytes()).map_err(StudyError::at_file(&path))?;
        if writes {
            let path = out.join(CONFIG);
            seal_files::write(&path, text.as_bytes()).map_err(StudyError::at_file(&path))?;
        }
        Ok(Self { _lock: lock })
    }
}

/// Whether `out` may be the run folder of `config`'s study. Nothing is written. Returns the
/// digests of the configs it had, and the reason if its `study.json` must be mended.
///
/// # Errors
/// As [`RunFolder::claim`].
pub(crate) fn check(
    out: &Path,
    config: &Config,
) -> Result<(Vec<String>, Option<String>), StudyError> {
    if out.is_file() {
        return Err(RunFolderError::File { out: out.into() }.into());
    }
    let path = out.join(OWNER);
    let is_ours = |study: &str| match study == config.study.name {
        true => Ok(()),
        false => Err(RunFolderError::OtherStudy {
            out: out.into(),
            found: study.to_owned(),
            wanted: config.study.name.clone(),
        }),
    };
    let reason = match said(&path)? {
        OwnerFile::Owner(owner) => {
            is_ours(&owner.study)?;
            return Ok((owner.config, None));
        }
        // A folder of others may hold files of these names, too.
        OwnerFile::Damaged(reason) if looks_like_a_run(out) => format!("is damaged ({reason})"),
        OwnerFile::Nothing if is_free(out)? => return Ok((Vec::new(), None)),
        OwnerFile::Nothing if looks_like_a_run(out) => "is missing".to_owned(),
        OwnerFile::Damaged(_) | OwnerFile::Nothing => {
            return Err(RunFolderError::Foreign { out: out.into() }.into());
        }
    };
    match study_by_other_files(out) {
        Some(study) => {
            is_ours(&study)?;
            Ok((Vec::new(), Some(reason)))
        }
        None => Err(StudyError::Damaged {
            path,
            reason: format!(
                "it {reason}, and no other file says which study this folder is of; if it is \
                 `{0}`, write {{\"format_version\": 1, \"study\": \"{0}\"}} into it",
                config.study.name
            ),
        }),
    }
}

fn said(path: &Path) -> Result<OwnerFile, StudyError> {
    let bytes = match seal_files::read(path) {
        Ok(bytes) => bytes,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(OwnerFile::Nothing);
        }
        Err(error) => return Err(StudyError::at_file(path)(error)),
    };
    let Ok(text) = String::from_utf8(bytes) else {
        return Ok(OwnerFile::Damaged("not UTF-8".to_owned()));
    };
    let read = match sealed::version_of(&text) {
        // Version 1 was the name alone.
        Some(v) if v == 1 => serde_json::from_str::<Owner>(&text).map_err(|e| e.to_string()),
        Some(v) if v == VERSION => sealed::from_text(&text).map_err(|e| e.to_string()),
        Some(other) => {
            let found = other.to_string();
            return Err(RunFolderError::Version { path: path.into(), found, known: VERSION }.into());
        }
        None => Err("no JSON with a format_version".to_owned()),
    };
    Ok(read.map_or_else(OwnerFile::Damaged, OwnerFile::Owner))
}

/// Whether `out` is absent or empty but for what a run killed at its start leaves.
fn is_free(out: &Path) -> Result<bool, StudyError> {
    let entries = match fs::read_dir(out) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(true),
        Err(e) => return Err(StudyError::io(out)(e)),
    };
    for entry in entries {
        let entry = entry.map_err(StudyError::io(out))?;
        let name = entry.file_name();
        let empty = entry.metadata().is_ok_and(|found| found.is_file() && found.len() == 0);
        let left = name == LOCK && empty || seal_files::is_pending(&name);
        if !left && name != "study.json.tmp" {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether `out` holds what only a run leaves together.
fn looks_like_a_run(out: &Path) -> bool {
    let found = |name: &str| fs::symlink_metadata(out.join(name)).ok();
    let is_file = |name: &str| found(name).is_some_and(|found| found.is_file());
    let is_lock = |name: &str| found(name).is_some_and(|f| f.is_file() && f.len() == 0);
    let has_results = ["results.json", "figures.json", "cost.json"].into_iter().all(is_file);
    has_results || is_lock("lock") && is_file(CONFIG) || is_lock("store/lock")
}

/// The study's name by the config and by the results, if one of them says it.
fn study_by_other_files(out: &Path) -> Option<String> {
    let text = |name: &str| {
        seal_files::read(&out.join(name)).ok().and_then(|bytes| String::from_utf8(bytes).ok())
    };
    let by_config = || {
        let table: toml::Table = toml::from_str(&text(CONFIG)?).ok()?;
        Some(table.get("study")?.get("name")?.as_str()?.to_owned())
    };
    let by_results = || {
        let results: Value = serde_json::from_str(&text("results.json")?).ok()?;
        Some(results.get("study")?.as_str()?.to_owned())
    };
    by_config().or_else(by_results)
}

fn config_now(out: &Path) -> Option<Vec<u8>> {
    seal_files::read(&out.join(CONFIG)).ok()
}

fn table(config: &[u8]) -> Option<toml::Table> {
    toml::from_str(std::str::from_utf8(config).ok()?).ok()
}

fn hash(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

/// Name of the study that the folder `out` is of; `None` where it is no run folder.
///
/// # Errors
/// A `study.json` that is of a later version or cannot be read.
pub fn study_of_folder(out: &Path) -> Result<Option<String>, StudyError> {
    Ok(match said(&out.join(OWNER))? {
        OwnerFile::Owner(owner) => Some(owner.study),
        OwnerFile::Damaged(_) | OwnerFile::Nothing if looks_like_a_run(out) => {
            study_by_other_files(out)
        }
        OwnerFile::Damaged(_) | OwnerFile::Nothing => None,
    })
}

/// The config in a run folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderConfig {
    /// The file.
    pub path: PathBuf,
    /// Whether `study.json` says that it is as the last run left it. Without that file nobody
    /// knows whether it was edited.
    pub is_vouched_for: bool,
}

/// The config that the last run wrote into the folder `out`, for a command that names the
/// folder and no config; `None` where there is none.
///
/// # Errors
/// A config that is not as a run left it; a `study.json` that is of a later version.
pub fn config_of_folder(out: &Path) -> Result<Option<FolderConfig>, StudyError> {
    let path = out.join(CONFIG);
    let digests = match said(&out.join(OWNER))? {
        OwnerFile::Owner(owner) => owner.config,
        OwnerFile::Nothing | OwnerFile::Damaged(_) => Vec::new(),
    };
    let bytes = match seal_files::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(StudyError::at_file(&path)(error)),
    };
    match (digests.is_empty(), digests.contains(&hash(&bytes))) {
        (false, false) => Err(RunFolderError::EditedConfig { path }.into()),
        (_, is_vouched_for) => Ok(Some(FolderConfig { path, is_vouched_for })),
    }
}
