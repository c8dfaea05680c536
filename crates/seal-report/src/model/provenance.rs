//! `provenance.json`: what produced the results.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Document, FORMAT_VERSION};

/// Settings, versions and environment of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Versions of the program and what it was built with.
    pub versions: BTreeMap<String, String>,
    /// The resolved settings, as a config file that repeats the run.
    pub settings_toml: String,
    /// By arm, the settings in which it differs from these, as dotted keys; null for a setting that the
    /// arm does not have. Absent in runs of older programs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arms: BTreeMap<String, BTreeMap<String, Option<String>>>,
    /// The command line.
    pub command: String,
    /// Operating system, device, threads and the like.
    pub environment: BTreeMap<String, String>,
}

impl Default for Provenance {
    fn default() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            versions: BTreeMap::new(),
            settings_toml: String::new(),
            arms: BTreeMap::new(),
            command: String::new(),
            environment: BTreeMap::new(),
        }
    }
}

impl Document for Provenance {
    const FILE: &'static str = "provenance.json";

    fn format_version(&self) -> u32 {
        self.format_version
    }
}
