//! Reading a config and giving it types.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::overrides::{explain, parse_set, put};
use super::types::Config;
use crate::StudyError;

/// The config of the built-in world, and the reference of all keys.
pub const BUILT_IN: &str = include_str!("../../../../configs/world.toml");

/// Sections that a config may leave to the built-in one.
const SHARED: [&str; 4] = ["arms", "bindings", "metrics", "quick"];

/// Where a config comes from and what changes it.
#[derive(Clone, Debug, Default)]
pub struct ConfigSource {
    /// A file; without it the built-in world.
    pub file: Option<PathBuf>,
    /// `a.b=c`, in order.
    pub set: Vec<String>,
    /// Apply the `[quick]` section.
    pub quick: bool,
    /// At most this many rows of each set.
    pub limit: Option<usize>,
    /// Study seeds.
    pub seeds: Option<Vec<u64>>,
    /// Device string.
    pub device: Option<String>,
    /// Plan, as in `study.plan`.
    pub plan: Option<String>,
}

/// A config with the table it was read from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Loaded {
    pub(crate) table: Table,
    pub(crate) config: Config,
}

/// Reads, changes and checks a config.
///
/// # Errors
/// [`StudyError::Config`] naming file, key and remedy; [`StudyError::Io`].
pub fn load_config(source: &ConfigSource) -> Result<Config, StudyError> {
    load(source).map(|l| l.config)
}

pub(crate) fn load(source: &ConfigSource) -> Result<Loaded, StudyError> {
    let (name, text) = match &source.file {
        Some(path) => {
            (path.as_path(), std::fs::read_to_string(path).map_err(|e| not_read(path, &e))?)
        }
        None => (Path::new("the built-in config"), BUILT_IN.to_owned()),
    };
    let bad = |e: String| StudyError::Config(format!("{}: {e}", name.display()));
    let mut table: Table = toml::from_str(&text).map_err(|e| bad(e.to_string()))?;
    let built_in: Table = toml::from_str(BUILT_IN)
        .map_err(|e| StudyError::Defect(format!("the built-in config: {e}")))?;
    for key in SHARED {
        if let (false, Some(value)) = (table.contains_key(key), built_in.get(key)) {
            table.insert(key.to_owned(), value.clone());
        }
    }
    // Types first without changes, so that what is wrong in the file is said of the file.
    typed(&table).map_err(|e| bad(e.to_string()))?;
    if source.quick {
        let quick = typed(&table)?.quick;
        for (key, value) in quick.set {
            // The shared section speaks of the world, which own data replace.
            let section = key.split('.').next().unwrap_or_default();
            if table.contains_key(section) {
                put(&mut table, &key, value)?;
            }
        }
        put(&mut table, "study.quick", Value::Boolean(true))?;
        // A run folder of its own: a quick look never replaces a result.
        let name = format!("{}-quick", typed(&table)?.study.name);
        put(&mut table, "study.name", Value::String(name))?;
    }
    for text in &source.set {
        let (key, value) = parse_set(text)?;
        put(&mut table, &key, value)?;
    }
    typed(&table)
        .map_err(|e| StudyError::Config(format!("--set {}: {e}", source.set.join(" "))))?;
    if let Some(seeds) = &source.seeds {
        let seeds = seeds.iter().map(|s| Value::Integer(*s as i64)).collect();
        put(&mut table, "study.seeds", Value::Array(seeds))?;
    }
    if let Some(limit) = source.limit {
        put(&mut table, "study.limit", Value::Integer(limit as i64))?;
    }
    if let Some(device) = &source.device {
        put(&mut table, "device", Value::String(device.clone()))?;
    }
    if let Some(plan) = &source.plan {
        put(&mut table, "study.plan", Value::String(plan.clone()))?;
    }
    let config = typed(&table)?;
    config.validate()?;
    Ok(Loaded { table, config })
}

fn not_read(path: &Path, e: &std::io::Error) -> StudyError {
    StudyError::Config(format!("cannot read the config {}: {e}", path.display()))
}

fn typed(table: &Table) -> Result<Config, StudyError> {
    Config::deserialize_table(table)
}

impl Config {
    fn deserialize_table(table: &Table) -> Result<Self, StudyError> {
        use serde::Deserialize;
        Config::deserialize(table.clone())
            .map_err(|e| StudyError::Config(explain(e.to_string().trim_end())))
    }
}

impl Loaded {
    /// The config of an arm.
    pub(crate) fn with<'a>(
        &self,
        set: impl IntoIterator<Item = (&'a String, &'a Value)>,
    ) -> Result<Config, StudyError> {
        let mut table = self.table.clone();
        for (key, value) in set {
            if ["study", "judge", "device", "arms"].contains(&key.split('.').next().unwrap_or(key))
            {
                return Err(StudyError::Config(format!(
                    "{key}: an arm cannot change it; it is the same for the whole study"
                )));
            }
            put(&mut table, key, value.clone())?;
        }
        let config = typed(&table)?;
        config.validate()?;
        Ok(config)
    }
}
