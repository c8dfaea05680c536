//! What is logged of a report: a run for each arm, and one below it for each of its cells.

use std::collections::BTreeMap;

use seal_files::Digest;
use seal_report::{Arm, Document as _, Report, Scalar, ScalarRun, flat_settings};

use crate::TrackError;

/// The tag that says which results a run is of.
pub(crate) const RESULTS: &str = "seal.results";
/// The tag with the arm's id.
pub(crate) const ARM: &str = "seal.arm";
/// The tag with the study seed.
pub(crate) const SEED: &str = "seal.seed";

/// Settings whose values are places on this machine.
const PLACES: [&str; 7] = ["path", "file", "root", "chat", "table", "folder", "plan"];

/// One run of the tracker.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackedRun {
    /// The name that the tracker shows.
    pub name: String,
    /// Id of the arm.
    pub arm: String,
    /// The study seed; `None` for the figures over all seeds.
    pub seed: Option<u64>,
    /// The settings of the arm, as dotted keys of the config.
    pub params: BTreeMap<String, String>,
    /// Study, arm, seed, version, and the hash of the results.
    pub tags: BTreeMap<String, String>,
    /// Figures at step 0 and curves by epoch.
    pub metrics: Vec<Scalar>,
}

/// The runs of a report in the order of its arms: an arm first, then its cells. Of a setting that is a
/// place on this machine the last part is logged alone.
///
/// # Errors
/// Settings that are no TOML, results that are no JSON document.
pub fn tracked_runs(report: &Report) -> Result<Vec<TrackedRun>, TrackError> {
    let hash = results_hash(report)?;
    let settings = settings(report)?;
    let runs = report.scalar_runs().into_iter().filter_map(|run| {
        let arm = report.results.arm(&run.arm)?;
        Some(tracked(report, arm, run, &settings, &hash))
    });
    Ok(runs.collect())
}

/// Hash of all that is logged as a number: `results.json` and `figures.json`.
pub(crate) fn results_hash(report: &Report) -> Result<String, TrackError> {
    let mut text = report.results.to_json()?;
    if let Some(figures) = &report.figures {
        text += &figures.to_json()?;
    }
    Ok(Digest::of(&text).to_string())
}

/// The settings of the study; none where they are not stored.
fn settings(report: &Report) -> Result<BTreeMap<String, String>, TrackError> {
    let Some(provenance) = &report.provenance else { return Ok(BTreeMap::new()) };
    let table: serde_json::Value = toml::from_str(&provenance.settings_toml)?;
    Ok(flat_settings(&table))
}

fn tracked(
    report: &Report,
    arm: &Arm,
    run: ScalarRun,
    settings: &BTreeMap<String, String>,
    hash: &str,
) -> TrackedRun {
    let results = &report.results;
    let mut params = settings.clone();
    // The arms are runs, and no settings of one.
    params.retain(|key, _| key != "arms" && !key.starts_with("arms."));
    let changed = report.provenance.as_ref().and_then(|p| p.arms.get(&arm.id));
    for (key, value) in changed.into_iter().flatten() {
        match value {
            Some(value) => params.insert(key.clone(), value.clone()),
            None => params.remove(key),
        };
    }
    for (key, value) in &mut params {
        let last = key.rsplit('.').next().unwrap_or(key);
        let is_place = PLACES.contains(&last) || value.starts_with('/');
        if is_place && !value.contains("://") {
            let end = value.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next();
            *value = end.unwrap_or_default().to_owned();
        }
    }
    let mut tags = BTreeMap::from([
        (RESULTS.to_owned(), hash.to_owned()),
        (ARM.to_owned(), arm.id.clone()),
        ("seal.study".to_owned(), results.study.clone()),
        ("seal.label".to_owned(), arm.label.clone()),
        ("seal.role".to_owned(), arm.role.name().to_owned()),
    ]);
    let version = report.provenance.as_ref().and_then(|p| p.versions.get("seal-study"));
    for (tag, value) in [
        (SEED, run.seed.map(|seed| seed.to_string())),
        ("seal.ablation", arm.ablation.clone()),
        ("seal.ablated_part", arm.ablated_part.clone()),
        ("seal.replacement", arm.replacement.clone()),
        ("seal.version", version.cloned()),
        ("seal.quick", results.quick.then(|| "true".to_owned())),
    ] {
        tags.extend(value.map(|value| (tag.to_owned(), value)));
    }
    let name = match run.seed {
        Some(seed) => format!("{}, seed {seed}", arm.id),
        None => arm.id.clone(),
    };
    TrackedRun { name, arm: run.arm, seed: run.seed, params, tags, metrics: run.scalars }
}
