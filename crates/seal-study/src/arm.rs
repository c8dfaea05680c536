//! The arms of a study: those of the config and those of its plan.

use std::collections::BTreeMap;

use seal_judge::GuardKind;
use serde_json::json;

use crate::config::{ArmRole, ArmSpec, Config, LoadedConfig, Method, UniqueNames};
use crate::error::{ArmError, ConfigError, ConfigPart, StudyError};
use crate::plan;

/// One setting, with the whole config that it amounts to.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// Short name, safe as a file name.
    pub id: String,
    /// Name in tables.
    pub label: String,
    /// What it is there for.
    pub role: ArmRole,
    /// Name of its ablation, as in the plan.
    pub ablation: Option<String>,
    /// Part it varies.
    pub ablated_part: Option<String>,
    /// Its value of that part, as in the plan.
    pub replacement: Option<String>,
    /// Whether rows need unsafe labels.
    pub needs_labels: bool,
    /// The config with the arm's keys replaced.
    pub config: Config,
    /// The config of the selector stage, where that has a model of its own.
    pub(crate) proxy: Option<Config>,
}

impl Arm {
    /// Whether a selector is trained.
    pub fn has_selector(&self) -> bool {
        self.config.selection.method == Method::Selector
    }

    fn of(spec: &ArmSpec, loaded: &LoadedConfig) -> Result<Self, ConfigError> {
        let place = ConfigPart::Arm(spec.id.clone());
        let config = loaded.with(&spec.set).map_err(ConfigError::within(place))?;
        Ok(Self {
            id: spec.id.clone(),
            label: labelled(&spec.label, &config),
            ablation: None,
            role: spec.role,
            ablated_part: spec.ablated_part.clone(),
            replacement: spec.replacement.clone(),
            needs_labels: spec.needs_labels || config.selection.method == Method::Labels,
            proxy: None,
            config,
        })
    }

    /// Looks for models and templates; `looked` is what was found for other arms.
    fn find_models(&mut self, looked: &mut BTreeMap<String, Config>) -> Result<(), StudyError> {
        let c = &mut self.config;
        let what = json!([c.model, c.proxy, c.tokenizer]).to_string();
        match looked.get(&what) {
            Some(same) => {
                c.model = same.model.clone();
                c.proxy = same.proxy.clone();
                c.template_digest = same.template_digest.clone();
                c.proxy_template_digest = same.proxy_template_digest.clone();
            }
            None => {
                c.find_models()?;
                looked.insert(what, c.clone());
            }
        }
        self.proxy = self.config.proxy.is_some().then(|| self.config.of_selector());
        Ok(())
    }
}

/// All arms, in the order of tables: reference, SEAL, the plan's, controls. A
/// control that the plan repeats gives way to the plan's arm.
pub(crate) fn arms(loaded: &LoadedConfig) -> Result<Vec<Arm>, StudyError> {
    let planned = plan::read_plan(&loaded.config)?;
    let mut own = Vec::new();
    for spec in &loaded.config.arms {
        own.push(Arm::of(spec, loaded)?);
    }
    let mut arms: Vec<Arm> = Vec::new();
    let (controls, mut own): (Vec<Arm>, Vec<Arm>) =
        own.into_iter().partition(|arm| arm.role.is_control());
    own.sort_by_key(|arm| match arm.role {
        ArmRole::Reference => 0,
        ArmRole::Seal => 1,
        ArmRole::Ablation | ArmRole::Control | ArmRole::Ceiling | ArmRole::Random => 2,
    });
    arms.extend(own);
    let mut places: BTreeMap<String, usize> =
        arms.iter().enumerate().map(|(i, arm)| (arm.id.clone(), i)).collect();
    // What is ablated is SEAL as this config has it.
    let seal = loaded.config.arms.iter().find(|a| a.role == ArmRole::Seal);
    let seal = seal.map(|a| a.set.clone()).unwrap_or_default();
    for r in planned {
        let place = ConfigPart::Planned { part: r.ablated_part.clone(), text: r.text.clone() };
        let set = seal.iter().chain(&r.set).chain([(&r.key, &r.value)]);
        let config = loaded.with(set).map_err(ConfigError::within(place))?;
        if let Some(other) = places.get(&r.id) {
            let label = arms[*other].label.clone();
            return Err(ConfigError::from(ArmError::SameId { id: r.id, label }).into());
        }
        places.insert(r.id.clone(), arms.len());
        arms.push(Arm {
            needs_labels: config.selection.method == Method::Labels,
            id: r.id,
            label: labelled(&r.label, &config),
            ablation: Some(r.ablation),
            role: ArmRole::Ablation,
            ablated_part: Some(r.ablated_part),
            replacement: Some(r.text),
            proxy: None,
            config,
        });
    }
    for control in controls {
        match places.get(&control.id) {
            None => arms.push(control),
            Some(same) if arms[*same].config == control.config => {}
            Some(_) => {
                return Err(ConfigError::from(ArmError::SameControl { id: control.id }).into());
            }
        }
    }
    let mut names = UniqueNames::new("arms");
    arms.iter().try_for_each(|arm| names.add(&arm.id))?;
    Ok(only(arms, &loaded.config).map_err(ConfigError::from)?)
}

/// Number of the arm that the others are compared with.
pub(crate) fn reference(arms: &[Arm]) -> usize {
    arms.iter().position(|arm| arm.role == ArmRole::Reference).unwrap_or(0)
}

/// The label of an arm, which says so where the arm is told the truth about its rows: it is a
/// ceiling and no rival of a method that is not told.
fn labelled(label: &str, config: &Config) -> String {
    let guard = config.selection.guard.as_ref().map(|guard| guard.kind);
    let is_told = config.selection.method == Method::Guard && guard == Some(GuardKind::Oracle);
    match is_told && !label.to_lowercase().contains("ceiling") {
        true => format!("{label} (oracle: a ceiling)"),
        false => label.to_owned(),
    }
}

/// Looks for the models and templates of `arms`, each of them once.
///
/// # Errors
/// As [`Config::find_models`].
pub(crate) fn find_models(arms: &mut [Arm]) -> Result<(), StudyError> {
    let mut looked = BTreeMap::new();
    arms.iter_mut().try_for_each(|arm| arm.find_models(&mut looked))
}

fn only(mut arms: Vec<Arm>, config: &Config) -> Result<Vec<Arm>, ArmError> {
    let Some(only) = &config.study.only else { return Ok(arms) };
    if let Some(unknown) = only.iter().find(|id| arms.iter().all(|a| a.id != **id)) {
        let known = arms.iter().map(|arm| arm.id.clone()).collect();
        return Err(ArmError::Unknown { id: unknown.clone(), known });
    }
    // The reference stays: every win rate is against it.
    arms.retain(|a| a.role == ArmRole::Reference || only.contains(&a.id));
    Ok(arms)
}
