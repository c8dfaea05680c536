//! Sections of a config that arms are made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What an `ablated_part` names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Dotted key of the config.
    pub key: String,
    /// Id of an arm; `{}` stands for the replacement.
    pub id: String,
    /// Label of an arm; `{}` stands for the replacement.
    pub label: String,
    /// Other spellings of the part.
    #[serde(default)]
    pub also: Vec<String>,
    /// Further keys that every arm of the part sets.
    #[serde(default)]
    pub set: BTreeMap<String, toml::Value>,
}

/// What an arm is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArmRole {
    /// What win rates are against.
    Reference,
    /// The method as published.
    Seal,
    /// One setting of a plan.
    Ablation,
    /// There to be compared with.
    Control,
    /// A control without unsafe rows, the best that selection can reach. It shows
    /// whether a test has anything to win back.
    Ceiling,
    /// A control of rows drawn at random, as many as SEAL keeps. A gain that it
    /// shares is not due to which rows were kept.
    Random,
}

impl ArmRole {
    /// Whether the arm is there to be compared with, and is not tested.
    pub fn is_control(self) -> bool {
        matches!(self, Self::Control | Self::Ceiling | Self::Random)
    }
}

/// An arm: the config with some keys replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmSpec {
    /// Short name, safe as a file name.
    pub id: String,
    /// Name in tables.
    pub label: String,
    /// What it is there for.
    pub role: ArmRole,
    /// Part it varies, where a control belongs beside an ablation's arms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ablated_part: Option<String>,
    /// Its value of that part, as in a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// Whether the arm needs rows with unsafe labels; without them it is left out.
    #[serde(default)]
    pub needs_labels: bool,
    /// Dotted keys and their values.
    #[serde(default)]
    pub set: BTreeMap<String, toml::Value>,
}
