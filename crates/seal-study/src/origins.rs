//! Where each value of a config comes from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use seal_model::overrides::parse_set;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use crate::arm::{self, Arm};
use crate::config::{ArmRole, ArmSpec, Config, ConfigChange, ConfigSource, load_noting};
use crate::error::{ArmError, ConfigError, Defect, StudyError};
use crate::plan::{self, Replacement};

/// What a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueOrigin {
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
    pub origin: ValueOrigin,
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
type Origins = BTreeMap<Vec<String>, ValueOrigin>;

/// Reads a config as [`load_config`](crate::load_config) does, and says where each value comes from.
/// With `arm`, the config of the arm of that id.
///
/// # Errors
/// As [`load_config`](crate::load_config); an arm that the study does not have, with those that it has.
pub fn resolve_config(
    source: &ConfigSource,
    arm: Option<&str>,
) -> Result<ResolvedConfig, StudyError> {
    let mut known = KnownTable::default();
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
    let plan = plan::read_plan(&loaded.config)?;
    let planned = plan.iter().find(|of| of.id == arm.id && arm.ablation.is_some());
    known.of_arm(&loaded.config, &arm, planned)?;
    let values = known.values(&arm.config)?;
    Ok(ResolvedConfig { config: arm.config, values })
}

/// What is known of a table so far.
#[derive(Default)]
struct KnownTable {
    leaves: Leaves,
    origins: Origins,
}

impl KnownTable {
    /// Takes note of a table after a step that changed it: what is new or different comes from that.
    fn note(&mut self, step: ConfigChange<'_>, table: &Table) {
        let now = leaves(table);
        let lines = match &step {
            ConfigChange::Read { text, .. } => lines(text),
            _ => BTreeMap::new(),
        };
        let origin = |key: &[String]| match &step {
            ConfigChange::Read { file: Some(path), .. } => {
                ValueOrigin::File { path: path.to_path_buf(), line: line_of(&lines, key) }
            }
            ConfigChange::Read { file: None, .. } => {
                ValueOrigin::BuiltIn { line: Some(line_of(&lines, key)) }
            }
            ConfigChange::Lent => ValueOrigin::BuiltIn { line: None },
            ConfigChange::Judges => ValueOrigin::JudgeTable,
            ConfigChange::Quick => ValueOrigin::Quick,
            ConfigChange::Set(text) => ValueOrigin::Set { text: (*text).to_owned() },
            ConfigChange::Fields(_) => ValueOrigin::Field,
        };
        // A setting that repeats a value is where it comes from, too.
        let set = match &step {
            ConfigChange::Set(text) => parse_set(text).ok().map(|(key, value)| under(&key, value)),
            ConfigChange::Fields(keys) => {
                let value = || Value::Boolean(true);
                Some(keys.iter().flat_map(|key| under(key, value())).collect())
            }
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

    /// Takes note of what an arm changes. One of the plan is SEAL with what a line of the plan sets.
    fn of_arm(
        &mut self,
        config: &Config,
        arm: &Arm,
        planned: Option<&Replacement>,
    ) -> Result<(), StudyError> {
        let of_arm = |id: &str| ValueOrigin::Arm { id: id.to_owned() };
        let origin = match planned {
            Some(Replacement { ablated_part, text, .. }) => {
                ValueOrigin::Plan { part: ablated_part.clone(), replacement: text.clone() }
            }
            None => of_arm(&arm.id),
        };
        let before = leaves(&as_table(config)?);
        let now = leaves(&as_table(&arm.config)?);
        for (key, _) in now.iter().filter(|(key, value)| before.get(*key) != Some(value)) {
            self.origins.insert(key.clone(), origin.clone());
        }
        // A key may be set to the value that it has.
        let of_spec = |spec: &&ArmSpec| match planned {
            Some(_) => spec.role == ArmRole::Seal,
            None => spec.id == arm.id,
        };
        if let Some(spec) = config.arms.iter().find(of_spec) {
            self.set(spec.set.iter(), &of_arm(&spec.id));
        }
        if let Some(line) = planned {
            self.set(line.set.iter().chain([(&line.key, &line.value)]), &origin);
        }
        // An arm has no lists of arms and the like.
        self.leaves.retain(|key, _| now.contains_key(key) || !before.contains_key(key));
        Ok(())
    }

    /// Takes note of settings that come from `origin`.
    fn set<'a>(
        &mut self,
        set: impl Iterator<Item = (&'a String, &'a Value)>,
        origin: &ValueOrigin,
    ) {
        for (key, value) in set {
            let keys = under(key, value.clone()).into_keys();
            self.origins.extend(keys.map(|key| (key, origin.clone())));
        }
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
    fn origin(&self, key: &[String]) -> ValueOrigin {
        let above = (1..=key.len()).rev().find_map(|n| self.origins.get(&key[..n]));
        let below = || {
            let mut below = self.origins.iter().filter(|(other, _)| other.starts_with(key));
            below.next().map(|(_, origin)| origin)
        };
        above.or_else(below).cloned().unwrap_or(ValueOrigin::Default)
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
