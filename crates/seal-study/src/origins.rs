//! Where each value of a config comes from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use seal_model::overrides::parse_set;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use crate::arm::{self, Arm};
use crate::config::{Config, ConfigSource, Step, load_noting};
use crate::error::{ArmError, ConfigError, Defect, StudyError};

/// What a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The program: no file and no setting has the key.
    Default,
    /// The built-in config.
    BuiltIn {
        /// Its line; `None` for a section that it lends to a config without one.
        line: Option<usize>,
    },
    /// The config's file.
    File {
        /// The file.
        path: PathBuf,
        /// The line of the key, or of the table that it stands in.
        line: usize,
    },
    /// The file of a judge, which the config names.
    JudgeTable,
    /// The section `quick`.
    Quick,
    /// A setting in the form `a.b=c`.
    Set {
        /// The setting.
        text: String,
    },
    /// A field of [`ConfigSource`]: seeds, limit, device or plan.
    Field,
    /// An arm of the config.
    Arm {
        /// Its id.
        id: String,
    },
    /// A line of the plan.
    Plan {
        /// The part that it ablates.
        part: String,
        /// The replacement, as in the plan.
        replacement: String,
    },
}

/// One value of a config.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigValue {
    /// The parts of its dotted key.
    pub key: Vec<String>,
    /// The value; no table that has keys.
    pub value: Value,
    /// What it comes from.
    pub origin: Origin,
}

/// A config with the origin of every value.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedConfig {
    /// The config, that of the arm where one is asked for.
    pub config: Config,
    /// Every value, by key.
    pub values: Vec<ConfigValue>,
}

/// Values by the parts of their keys.
type Leaves = BTreeMap<Vec<String>, Value>;
type Origins = BTreeMap<Vec<String>, Origin>;

/// Reads a config as [`load_config`](crate::load_config) does, and says where each value comes from.
/// With `arm`, the config of the arm of that id.
///
/// # Errors
/// As [`load_config`](crate::load_config); an arm that the study does not have, with those that it has.
pub fn resolve_config(
    source: &ConfigSource,
    arm: Option<&str>,
) -> Result<ResolvedConfig, StudyError> {
    let mut known = Known::default();
    let loaded = load_noting(source, &mut |step, table| known.note(step, table))?;
    let Some(id) = arm else {
        let values = known.values(&loaded.config)?;
        return Ok(ResolvedConfig { config: loaded.config, values });
    };
    let mut arms = arm::arms(&loaded)?;
    let Some(at) = arms.iter().position(|arm| arm.id == id) else {
        let known = arms.iter().map(|arm| arm.id.clone()).collect();
        return Err(ConfigError::from(ArmError::Unknown { id: id.to_owned(), known }).into());
    };
    let arm = arms.swap_remove(at);
    known.of_arm(&loaded.config, &arm)?;
    let values = known.values(&arm.config)?;
    Ok(ResolvedConfig { config: arm.config, values })
}

/// What is known of a table so far.
#[derive(Default)]
struct Known {
    leaves: Leaves,
    origins: Origins,
}

impl Known {
    /// Takes note of a table after a step that changed it: what is new or different comes from that.
    fn note(&mut self, step: Step<'_>, table: &Table) {
        let now = leaves(table);
        let lines = match &step {
            Step::Read { text, .. } => lines(text),
            _ => BTreeMap::new(),
        };
        let origin = |key: &[String]| match &step {
            Step::Read { file: Some(path), .. } => {
                Origin::File { path: path.to_path_buf(), line: line_of(&lines, key) }
            }
            Step::Read { file: None, .. } => Origin::BuiltIn { line: Some(line_of(&lines, key)) },
            Step::Lent => Origin::BuiltIn { line: None },
            Step::Judges => Origin::JudgeTable,
            Step::Quick => Origin::Quick,
            Step::Set(text) => Origin::Set { text: (*text).to_owned() },
            Step::Field => Origin::Field,
        };
        // A setting that repeats a value is where it comes from, too.
        let set = match &step {
            Step::Set(text) => parse_set(text).ok().map(|(key, value)| under(&key, value)),
            _ => None,
        };
        for (key, value) in &now {
            let is_set = set.as_ref().is_some_and(|set| set.contains_key(key));
            if is_set || self.leaves.get(key) != Some(value) {
                self.origins.insert(key.clone(), origin(key));
            }
        }
        self.origins.retain(|key, _| now.contains_key(key));
        self.leaves = now;
    }

    /// Takes note of what an arm changes.
    fn of_arm(&mut self, config: &Config, arm: &Arm) -> Result<(), StudyError> {
        let origin = match (&arm.ablation, &arm.ablated_part, &arm.replacement) {
            (Some(_), Some(part), Some(replacement)) => {
                Origin::Plan { part: part.clone(), replacement: replacement.clone() }
            }
            _ => Origin::Arm { id: arm.id.clone() },
        };
        let before = leaves(&as_table(config)?);
        let now = leaves(&as_table(&arm.config)?);
        for (key, _) in now.iter().filter(|(key, value)| before.get(*key) != Some(value)) {
            self.origins.insert(key.clone(), origin.clone());
        }
        // A key may be set to the value that it has.
        if let Some(spec) = config.arms.iter().find(|spec| spec.id == arm.id) {
            for (key, value) in &spec.set {
                let set = under(key, value.clone());
                self.origins.extend(set.into_keys().map(|key| (key, origin.clone())));
            }
        }
        // An arm has no lists of arms and the like.
        self.leaves.retain(|key, _| now.contains_key(key) || !before.contains_key(key));
        Ok(())
    }

    /// Every value of `config`, and those of the table that a config does not write again, because
    /// they are what the program does anyway.
    fn values(self, config: &Config) -> Result<Vec<ConfigValue>, StudyError> {
        const LISTS: [&str; 4] = ["arms", "bindings", "metrics", "quick"];
        let mut all = leaves(&as_table(config)?);
        let is_list =
            |key: &[String]| LISTS.iter().any(|list| key.first().is_some_and(|k| k == list));
        for (key, value) in &self.leaves {
            let is_there = all.keys().any(|known| known.starts_with(key) || key.starts_with(known));
            if !is_there && !is_list(key) {
                all.insert(key.clone(), value.clone());
            }
        }
        let value = |(key, value): (Vec<String>, Value)| {
            let origin = self.origin(&key);
            ConfigValue { key, value, origin }
        };
        Ok(all.into_iter().map(value).collect())
    }

    /// The origin of a key, or else that of the value that it is a part of, or that is a part of it.
    fn origin(&self, key: &[String]) -> Origin {
        let above = (1..=key.len()).rev().find_map(|n| self.origins.get(&key[..n]));
        let below = || {
            let mut below = self.origins.iter().filter(|(other, _)| other.starts_with(key));
            below.next().map(|(_, origin)| origin)
        };
        above.or_else(below).cloned().unwrap_or(Origin::Default)
    }
}

fn as_table(config: &Config) -> Result<Table, StudyError> {
    Ok(toml::from_str(&config.resolved_toml()?).map_err(Defect::Stored)?)
}

/// The values that a setting of `key` to `value` puts into a table.
fn under(key: &str, value: Value) -> Leaves {
    let mut leaves = Leaves::new();
    let path: Vec<String> = key.split('.').map(str::to_owned).collect();
    add(&mut leaves, path, &value);
    leaves
}

fn leaves(table: &Table) -> Leaves {
    let mut leaves = Leaves::new();
    for (key, value) in table {
        add(&mut leaves, vec![key.clone()], value);
    }
    leaves
}

fn add(leaves: &mut Leaves, path: Vec<String>, value: &Value) {
    match value {
        Value::Table(table) if !table.is_empty() => {
            for (key, value) in table {
                let path = path.iter().cloned().chain([key.clone()]).collect();
                add(leaves, path, value);
            }
        }
        _ => drop(leaves.insert(path, value.clone())),
    }
}

/// The lines of the keys of a TOML text.
fn lines(text: &str) -> BTreeMap<Vec<String>, usize> {
    let mut found = BTreeMap::new();
    // What cannot be parsed is an error by then.
    if let Ok(table) = DeTable::parse(text) {
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        add_lines(table.get_ref(), &[], &line, &mut found);
    }
    found
}

fn add_lines(
    table: &DeTable<'_>,
    above: &[String],
    line: &dyn Fn(usize) -> usize,
    found: &mut BTreeMap<Vec<String>, usize>,
) {
    for (key, value) in table {
        let name = Spanned::get_ref(key).to_string();
        let path: Vec<String> = above.iter().cloned().chain([name]).collect();
        found.insert(path.clone(), line(key.span().start));
        if let DeValue::Table(inside) = value.get_ref() {
            add_lines(inside, &path, line, found);
        }
    }
}

/// The line of a key, or of the nearest table that it stands in.
fn line_of(lines: &BTreeMap<Vec<String>, usize>, key: &[String]) -> usize {
    (1..=key.len()).rev().find_map(|n| lines.get(&key[..n])).copied().unwrap_or(1)
}

#[cfg(test)]
#[path = "origins_tests.rs"]
mod tests;
