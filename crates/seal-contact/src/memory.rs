//! The step that reads what the device holds over many steps.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::context::{Context, Known};
use crate::fault::StepFault;
use crate::report::Table;
use crate::step::{Step, StepFound, Verdict};
use crate::work::DeviceJob;

/// Paths that are followed.
const PATHS: f64 = 2.0;
/// Steps of the trial whose seconds are known.
const TRIAL_STEPS: f64 = 50.0;

pub(crate) struct Memory {
    pub(crate) device: String,
    pub(crate) steps: usize,
}

/// A trace of `seal_parity`.
#[derive(Debug, Serialize, Deserialize)]
struct Trace {
    path: String,
    points: Vec<Point>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Point {
    step: usize,
    in_use: u64,
    reserved: Option<u64>,
}

impl Step for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn title(&self) -> &'static str {
        "memory over 500 steps"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["trial"]
    }

    fn until(&self) -> f64 {
        0.7
    }

    fn estimate(&self, known: &Known) -> Duration {
        let step = known.trial_seconds.unwrap_or(1.0) / TRIAL_STEPS;
        Duration::from_secs_f64(PATHS * self.steps as f64 * step)
    }

    fn run(&mut self, context: &mut Context<'_>, _: &mut Known) -> Result<StepFound, StepFault> {
        let (device, steps) = (self.device.clone(), self.steps);
        let job = DeviceJob::Memory { device, steps, every: 50.min(steps) };
        let longest = context.left() + Duration::from_secs(1);
        let traces: Vec<serde_json::Value> = context.answer(&job, longest)?;
        found(traces)
    }
}

fn found(traces: Vec<serde_json::Value>) -> Result<StepFound, StepFault> {
    let odd = |e: serde_json::Error| StepFault::failed(format!("no trace: {e}"));
    if traces.is_empty() {
        let mut found = StepFound::passed("the device does not tell what it holds");
        found.data = json!(traces);
        return Ok(found);
    }
    let mut grows = false;
    let mut found = StepFound::passed("");
    let mut said = Vec::new();
    for value in &traces {
        let trace: Trace = serde_json::from_value(value["trace"].clone()).map_err(odd)?;
        let mut table = Table::new(
            &format!("memory, {}", trace.path),
            &["step", "MiB in use", "MiB taken from the device"],
        );
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        for point in &trace.points {
            let reserved =
                point.reserved.map_or(String::new(), |bytes| format!("{:.1}", mib(bytes)));
            table.rows.push(vec![
                point.step.to_string(),
                format!("{:.3}", mib(point.in_use)),
                reserved,
            ]);
        }
        found.tables.push(table);
        if let Some(last) = trace.points.last() {
            found.figure(format!("{} at the end", trace.path), mib(last.in_use), "MiB");
        }
        said.push(match value["is_flat"].as_bool() {
            Some(true) => format!("{}: flat from step 100 on", trace.path),
            Some(false) => {
                grows = true;
                format!("{}: it grows after step 100", trace.path)
            }
            None => format!("{}: too few steps to tell whether it grows", trace.path),
        });
    }
    found.said = said.join("; ");
    if grows {
        found.verdict = Verdict::Failed("memory grows".to_owned());
    }
    found.data = json!(traces);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_grows_fails_and_none_is_said() {
        let trace = |flat| {
            json!({"trace": {"path": "p", "points": [{"step": 1, "in_use": 1048576,
                "reserved": null}]}, "is_flat": flat})
        };
        let flat = found(vec![trace(Some(true))]).unwrap();
        assert_eq!((flat.verdict, flat.figures[0].value), (Verdict::Passed, 1.0));
        let grown = found(vec![trace(Some(true)), trace(Some(false))]).unwrap();
        assert_eq!(grown.verdict, Verdict::Failed("memory grows".to_owned()));
        let short = found(vec![trace(None)]).unwrap();
        assert!(short.said.contains("too few steps"));
        assert!(found(vec![json!({"trace": 1})]).is_err());
        assert!(found(Vec::new()).unwrap().said.contains("does not tell"));
    }
}
