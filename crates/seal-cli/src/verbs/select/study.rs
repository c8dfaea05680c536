//! A selector of a study.

use seal_files::Inputs;
use seal_study::{SelectRequest, Study};
use serde_json::json;

use super::figures::SelectorSummary;
use super::{Options, outputs};
use crate::files::{json_lines, prepare};
use crate::logging::Log;
use crate::progress::StudyProgress;
use crate::verbosity::Verbosity;

/// Trains a selector of a study, or finds it in the store.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<SelectorSummary> {
    let log = Log::start(verbosity);
    let config = options.config.of_folder(options.run.named_out())?;
    let study = Study::load_unjudged(&config.source())?;
    let run = options.run.options(&study, verbosity)?;
    let mut inputs = Inputs::new();
    for (role, path) in study.input_files() {
        inputs.add(role, &path);
    }
    if let Some(config) = &options.config.config {
        inputs.add("the config", config);
    }
    if let Some(trace) = &options.trace {
        json_lines("--trace", trace)?;
    }
    prepare(&inputs, &outputs(&[("--file", &options.file), ("--trace", &options.trace)]))?;
    study.config().device.set()?.first().open()?;
    let request = SelectRequest {
        arm: options.arm.clone(),
        seed: None,
        file: options.file.clone(),
        trace: options.trace.clone(),
        trace_state: options.trace_state,
    };
    let progress = StudyProgress::new(verbosity, log, &study.plan(&run), &run.out);
    let selected = study.select(&request, &run, &progress);
    progress.finish();
    let selected = selected?;
    Ok(SelectorSummary {
        facts: vec![
            ("arm", json!(selected.arm)),
            ("seed", json!(selected.seed)),
            ("rows", json!(selected.rows)),
            ("kept", json!(selected.kept)),
            ("file", json!(selected.file.display().to_string())),
        ],
        auroc: selected.auroc,
        unsafe_kept: selected.unsafe_kept,
    })
}
