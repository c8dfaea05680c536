//! Reading a config and giving it types.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seal_model::overrides::{TableError, parse_set, put};
use toml::{Table, Value};

use super::devices::Devices;
use super::judge_table::{check_secrets, expand, make_room, named_place};
use super::numbers::{self, LARGEST};
use super::types::Config;
use super::validate::of_tests;
use crate::error::{
    ArmError, ConfigError, ConfigPart, Defect, OverrideError, StudyError, ValueError,
};

/// The config of the built-in world, and the reference of all keys.
pub const BUILT_IN: &str = include_str!("../../../../configs/world.toml");

/// Sections that a config may leave to the built-in one.
const SHARED: [&str; 4] = ["arms", "bindings", "metrics", "quick"];

/// Sections that are the same for all arms.
const FIXED: [&str; 9] = [
    "study",
    "judge",
    "device",
    "devices_per_stage",
    "device_memory",
    "arms",
    "bindings",
    "metrics",
    "quick",
];

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
    /// A device, or several with commas between.
    pub device: Option<String>,
    /// Plan, as in `study.plan`.
    pub plan: Option<String>,
}

/// A config with the table it was read from, which has no lists of arms, bindings and the
/// like: those of a study's arms together would be as many as its arms squared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LoadedConfig {
    pub(crate) table: Table,
    pub(crate) config: Config,
}

/// Reads, changes and checks a config.
///
/// # Errors
/// [`StudyError::Config`] naming file, key and remedy; [`StudyError::Override`].
pub fn load_config(source: &ConfigSource) -> Result<Config, StudyError> {
    load(source).map(|l| l.config)
}

pub(crate) fn load(source: &ConfigSource) -> Result<LoadedConfig, StudyError> {
    load_noting(source, &mut |_, _| {})
}

/// What has just changed the table of a config.
pub(crate) enum ConfigChange<'a> {
    /// A file with this text, or the built-in config.
    Read { file: Option<&'a Path>, text: &'a str },
    /// The built-in config lent a section.
    Lent,
    /// The tables of judges took the place of their names.
    Judges,
    /// The section `quick`.
    Quick,
    /// A setting `a.b=c`.
    Set(&'a str),
    /// Fields of [`ConfigSource`], by the keys that they give.
    Fields(&'a [&'a str]),
}

/// As [`load`]. `note` is told of the table after each step.
pub(crate) fn load_noting(
    source: &ConfigSource,
    note: &mut dyn FnMut(ConfigChange<'_>, &Table),
) -> Result<LoadedConfig, StudyError> {
    let (name, text) = match &source.file {
        Some(path) => (path.clone(), read(path)?),
        None => (PathBuf::from("the built-in config"), BUILT_IN.to_owned()),
    };
    let of_file = |e: ConfigError| ConfigError::within(ConfigPart::File(name.clone()))(e);
    let mut table: Table = toml::from_str(&text).map_err(|e| of_file(e.into()))?;
    note(ConfigChange::Read { file: source.file.as_deref(), text: &text }, &table);
    let built_in: Table = toml::from_str(BUILT_IN).map_err(Defect::BuiltIn)?;
    let is_own = |key: &str| source.file.is_none() || table.contains_key(key);
    let own = SHARED.map(|key| (key, is_own(key)));
    let is_own = |key: &str| own.contains(&(key, true));
    for key in SHARED {
        if let (false, Some(value)) = (table.contains_key(key), built_in.get(key)) {
            table.insert(key.to_owned(), value.clone());
        }
    }
    if !is_own("metrics") {
        keep_metrics_of_tests(&mut table);
    }
    note(ConfigChange::Lent, &table);
    let folder = source.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    expand(&mut table, folder).map_err(of_file)?;
    check_secrets(&table)?;
    note(ConfigChange::Judges, &table);
    // Types first without changes, so that what is wrong in the file is said of the file.
    let in_file = typed(&table).map_err(of_file)?;
    let slim = without_lists(&table);
    for (part, binding) in in_file.bindings.iter().filter(|_| is_own("bindings")) {
        let probe = (binding.key.clone(), Value::String(String::new()));
        let keys = binding.set.clone().into_iter().chain([probe]);
        let place = || ConfigPart::Binding(part.clone());
        known_keys(&slim, keys).map_err(|e| of_file(ConfigError::within(place())(e)))?;
    }
    if is_own("quick") {
        let keys = keys_in_place(&in_file.quick.set);
        known_keys(&slim, keys).map_err(|e| of_file(ConfigError::within(ConfigPart::Quick)(e)))?;
    }
    if source.quick {
        let mut keys = in_file.quick.set;
        // The shared section speaks of the world, which own data replace.
        let section = |key: &str| key.split('.').next().unwrap_or_default().to_owned();
        keys.retain(|key, _| is_own("quick") || table.contains_key(&section(key)));
        // The keys have no order, so that those beside a table's name may come before it.
        keys.iter().for_each(|(key, value)| make_room(&mut table, key, value));
        keys.into_iter().try_for_each(|(key, value)| put(&mut table, &key, value))?;
        expand(&mut table, folder)?;
        put(&mut table, "study.quick", Value::Boolean(true))?;
        // A run folder of its own: a quick look never replaces a result.
        let name = format!("{}-quick", typed(&table)?.study.name);
        put(&mut table, "study.name", Value::String(name))?;
        note(ConfigChange::Quick, &table);
    }
    let before = table.clone();
    for text in &source.set {
        set(&mut table, text)?;
        note(ConfigChange::Set(text), &table);
    }
    // A key that was set is not repeated in a message.
    check_secrets(&table)?;
    if let Err(error) = typed(&table) {
        return Err(at_fault(&before, &source.set, error).into());
    }
    let mut fields = Vec::new();
    if let Some(seeds) = &source.seeds {
        fields.push("study.seeds");
        let seeds: Result<Vec<Value>, StudyError> = seeds.iter().map(|s| seed(*s)).collect();
        put(&mut table, "study.seeds", Value::Array(seeds?))?;
    }
    if let Some(limit) = source.limit {
        let limit = i64::try_from(limit)
            .ok()
            .filter(|n| *n <= LARGEST)
            .ok_or(OverrideError::Limit { limit, most: LARGEST })?;
        fields.push("study.limit");
        put(&mut table, "study.limit", Value::Integer(limit))?;
    }
    if let Some(device) = &source.device {
        fields.push("device");
        put(
            &mut table,
            "device",
            Value::try_from(Devices::of_text(device)).map_err(Defect::Toml)?,
        )?;
    }
    if let Some(plan) = &source.plan {
        fields.push("study.plan");
        put(&mut table, "study.plan", Value::String(plan.clone()))?;
    }
    note(ConfigChange::Fields(&fields), &table);
    check_secrets(&table)?;
    let config = typed(&table)?;
    config.validate()?;
    Ok(LoadedConfig { table: without_lists(&table), config })
}

fn seed(seed: u64) -> Result<Value, StudyError> {
    Ok(Value::Integer(i64::try_from(seed).map_err(|_| OverrideError::Seed { seed })?))
}

/// Puts a setting in the form `a.b=c` into the table.
fn set(table: &mut Table, text: &str) -> Result<(), StudyError> {
    let (key, value) = parse_set(text)?;
    make_room(table, &key, &value);
    put(table, &key, value)?;
    // What stands on the command line is relative to where it was typed.
    Ok(expand(table, Path::new(""))?)
}

/// The settings behind `error`, which all of them together gave: those without which something
/// else or nothing would be wrong. Some are right only together, so that none is judged alone.
fn at_fault(before: &Table, settings: &[String], error: ConfigError) -> OverrideError {
    let reason = error.to_string();
    let is_at_fault = |left_out: usize| {
        let mut table = before.clone();
        let others = settings.iter().enumerate().filter(|(i, _)| *i != left_out);
        let put = others.into_iter().try_for_each(|(_, text)| set(&mut table, text));
        put.is_ok() && typed(&table).err().is_none_or(|e| e.to_string() != reason)
    };
    let found = (0..settings.len()).filter(|i| is_at_fault(*i));
    let found: Vec<String> = found.map(|i| settings[i].clone()).collect();
    let settings = if found.is_empty() { settings.to_vec() } else { found };
    OverrideError::Setting { settings, source: Box::new(error) }
}

/// The metrics of the built-in config are those of its tests.
fn keep_metrics_of_tests(table: &mut Table) {
    let of_data = table.get("data").and_then(|data| data.get("test")).and_then(Value::as_table);
    let Some(tests) = of_data.cloned() else { return };
    if let Some(metrics) = table.get_mut("metrics").and_then(Value::as_table_mut) {
        metrics.retain(|test, _| tests.contains_key(test));
    }
}

/// The table without what an arm cannot change and other arms need not copy.
fn without_lists(table: &Table) -> Table {
    let mut table = table.clone();
    table.insert("arms".to_owned(), Value::Array(Vec::new()));
    for key in ["bindings", "metrics", "quick"] {
        table.insert(key.to_owned(), Value::Table(Table::new()));
    }
    table
}

/// The keys that go with those of the config. Keys of a judge that gets another table do not: they
/// are looked at together with that table, where it is read.
fn keys_in_place(keys: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let places: Vec<&str> =
        keys.iter().filter_map(|(key, value)| named_place(key, value)).collect();
    let is_at = |key: &str, place: &str| {
        key.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let stays = |key: &str| !places.iter().any(|place| is_at(key, place));
    let staying = keys.iter().filter(|(key, _)| stays(key));
    staying.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Refuses keys that mean nothing; whether their values fit is found out where they are used.
fn known_keys(
    table: &Table,
    keys: impl IntoIterator<Item = (String, Value)>,
) -> Result<(), ConfigError> {
    let mut table = table.clone();
    for (key, value) in keys {
        put(&mut table, &key, value)?;
    }
    match typed(&table) {
        Err(ConfigError::Table(error)) if error.is_unknown_key() => Err(error.into()),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
}

fn typed(table: &Table) -> Result<Config, ConfigError> {
    use serde::Deserialize;
    numbers::check(table)?;
    let typed = Config::deserialize(table.clone());
    typed.map_err(|e| {
        let known = toml::from_str(BUILT_IN).unwrap_or_default();
        let error = TableError::of(e.to_string().trim_end()).with_deeper_key(&known);
        of_no_test(table, &error).map_or_else(|| error.into(), ConfigError::from)
    })
}

/// A fault in a section of a judge that is no test's: its name is what is wrong.
fn of_no_test(table: &Table, error: &TableError) -> Option<ValueError> {
    let name = error.section.as_ref()?.strip_prefix("judge.")?.split('.').next()?.to_owned();
    let data = table.get("data");
    let tests: Vec<&str> = match data {
        Some(data) => data.get("test")?.as_table()?.keys().map(String::as_str).collect(),
        None => seal_world::Split::TESTS.iter().map(|split| split.name()).collect(),
    };
    of_tests("judge", std::iter::once(&name), &tests).err()
}

impl LoadedConfig {
    /// The config of an arm.
    pub(crate) fn with<'a>(
        &self,
        set: impl IntoIterator<Item = (&'a String, &'a Value)>,
    ) -> Result<Config, ConfigError> {
        let mut table = self.table.clone();
        for (key, value) in set {
            let section = key.split('.').next().unwrap_or(key);
            if FIXED.contains(&section) {
                return Err(ArmError::FixedKey { key: key.clone() }.into());
            }
            put(&mut table, key, value.clone())?;
        }
        let config = typed(&table)?;
        config.validate_settings()?;
        Ok(config)
    }
}
