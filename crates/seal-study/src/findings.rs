//! The files beside plans that say which arms the page of findings compares.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use seal_report::{FindingsSpec, Report};

use crate::StudyError;

/// The file beside the built-in plan.
const MISSING_ABLATIONS: &str = include_str!("../../../plans/missing-ablations.findings.toml");

/// The findings to state on these runs: for `plans/NAME.jsonl` those of
/// `plans/NAME.findings.toml`, each plan once, in the order of the runs. A plan
/// without such a file has none, and so has a run without its settings.
///
/// # Errors
/// [`StudyError::Io`] for a file that cannot be read, [`StudyError::Damaged`]
/// for one that is not what [`FindingsSpec`] describes.
pub fn findings_of_plans(reports: &[Report]) -> Result<FindingsSpec, StudyError> {
    let mut spec = FindingsSpec::default();
    let mut seen = BTreeSet::new();
    for plan in reports.iter().filter_map(plan) {
        if let Some(more) = beside(&plan)?
            && seen.insert(plan)
        {
            spec.append(more);
        }
    }
    Ok(spec)
}

/// The plan that a run's settings name.
fn plan(report: &Report) -> Option<String> {
    let settings = &report.provenance.as_ref()?.settings_toml;
    let settings: toml::Table = settings.parse().ok()?;
    Some(settings.get("study")?.get("plan")?.as_str()?.to_owned())
}

fn beside(plan: &str) -> Result<Option<FindingsSpec>, StudyError> {
    let path = Path::new(plan).with_extension("findings.toml");
    let text = match plan {
        "none" => return Ok(None),
        "builtin:missing-ablations" => MISSING_ABLATIONS.to_owned(),
        _ => match std::fs::read_to_string(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(StudyError::io(&path))?,
        },
    };
    let damaged = |e: toml::de::Error| StudyError::Damaged { path, reason: e.to_string() };
    toml::from_str(&text).map(Some).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use seal_report::Provenance;

    use super::*;

    fn run(plan: &str) -> Report {
        let settings_toml = format!("[study]\nplan = {plan:?}\n");
        let provenance = Some(Provenance { settings_toml, ..Provenance::default() });
        Report { provenance, ..Report::default() }
    }

    #[test]
    fn every_plan_is_asked_once() {
        let one = findings_of_plans(&[run("builtin:missing-ablations")]).unwrap();
        assert_ne!(one, FindingsSpec::default());
        let twice = ["builtin:missing-ablations", "none", "builtin:missing-ablations"].map(run);
        assert_eq!(findings_of_plans(&twice).unwrap(), one);
        assert_eq!(findings_of_plans(&[Report::default()]).unwrap(), FindingsSpec::default());
    }

    #[test]
    fn the_files_of_the_repository_can_be_read() {
        let plans = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plans");
        for name in ["missing-ablations", "paper", "reviewers"] {
            let plan = plans.join(name).with_extension("jsonl");
            assert!(plan.is_file(), "{}", plan.display());
            let spec = findings_of_plans(&[run(plan.to_str().unwrap())]).unwrap();
            assert_ne!(spec, FindingsSpec::default(), "{name}");
        }
    }

    #[test]
    fn a_mistake_names_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let plan = dir.path().join("mine.jsonl");
        let text = "[[finding]]\ntitle = \"T.\"\narms = [\"a\"]\neach = [\"{auroc\"]\n";
        std::fs::write(dir.path().join("mine.findings.toml"), text).unwrap();
        let error = findings_of_plans(&[run(plan.to_str().unwrap())]).unwrap_err().to_string();
        assert!(error.contains("mine.findings.toml"), "{error}");
        assert!(error.contains("a brace has no partner"), "{error}");
    }
}
