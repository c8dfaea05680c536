//! The step that compares every path of a model with the CPU.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::context::{Context, Known, parsed};
use crate::fault::StepFault;
use crate::report::Table;
use crate::step::{Step, StepFound, Verdict};
use crate::work::DeviceJob;

/// The longest time of one check: a device that computes on the CPU takes a minute for some.
const LONGEST: Duration = Duration::from_secs(300);

pub(crate) struct Parity {
    pub(crate) device: String,
    /// Checks that there are.
    pub(crate) count: usize,
}

/// An outcome of `seal_parity`, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Outcome {
    check: String,
    state: String,
    difference: Option<f64>,
    said: Option<String>,
    tolerance: f64,
    seconds: f64,
    seconds_again: Option<f64>,
}

impl Step for Parity {
    fn name(&self) -> &'static str {
        "parity"
    }

    fn title(&self) -> &'static str {
        "every path of a model against the CPU"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["open"]
    }

    fn until(&self) -> f64 {
        0.5
    }

    /// A few checks are worth having, too: the step is ended when its time is used up.
    fn estimate(&self, known: &Known) -> Duration {
        Duration::from_secs_f64(2.0 + known.trial_seconds.unwrap_or(1.0))
    }

    fn run(&mut self, context: &mut Context<'_>, _: &mut Known) -> Result<StepFound, StepFault> {
        let job = DeviceJob::Checks { device: self.device.clone() };
        let (mut raw, mut odd) = (Vec::new(), None);
        let mut each = |line: &str| match serde_json::from_str::<Value>(line) {
            Ok(value) => raw.push(value),
            Err(_) => odd = Some(line.to_owned()),
        };
        let ended = context.lines(&job, LONGEST, &mut each);
        let outcomes: Vec<Outcome> =
            raw.iter().map(|value| parsed(&value.to_string())).collect::<Result<_, _>>()?;
        if let Some(line) = odd {
            return Err(StepFault::failed(format!("no outcome of a check: {line}")));
        }
        // Stopped with nothing to show.
        if outcomes.is_empty() {
            ended?;
            return Err(StepFault::failed("no check was made"));
        }
        Ok(found(&outcomes, raw, self.count, ended))
    }
}

fn found(
    outcomes: &[Outcome],
    raw: Vec<Value>,
    all: usize,
    ended: Result<(), StepFault>,
) -> StepFound {
    let count = |state: &str| outcomes.iter().filter(|o| o.state == state).count();
    let (passed, failed, skipped) = (count("passed"), count("failed"), count("skipped"));
    let mut found = StepFound::passed(format!(
        "{passed} of {all} checks passed, {failed} failed, {skipped} skipped"
    ));
    let last = outcomes.last().map_or("", |outcome| outcome.check.as_str());
    found.verdict = match ended {
        Err(StepFault::Failed { said }) => Verdict::Failed(format!("after {last}: {said}")),
        // What failed before the end is said before it.
        _ if failed > 0 => Verdict::Failed(format!("{failed} checks failed")),
        Err(fault @ (StepFault::Time { .. } | StepFault::Stopped)) => {
            Verdict::Unfinished(fault.to_string())
        }
        Ok(()) if outcomes.len() < all => {
            Verdict::Failed(format!("it ended after {last} without a word"))
        }
        Ok(()) => Verdict::Passed,
    };
    let mut table =
        Table::new("checks", &["check", "state", "apart", "allowed", "seconds", "again", "said"]);
    // What failed is what a reader looks for.
    for state in ["failed", "skipped", "passed"] {
        for o in outcomes.iter().filter(|o| o.state == state) {
            table.rows.push(vec![
                o.check.clone(),
                o.state.clone(),
                o.difference.map_or(String::new(), |d| format!("{d:.1e}")),
                format!("{:.0e}", o.tolerance),
                format!("{:.2}", o.seconds),
                o.seconds_again.map_or(String::new(), |s| format!("{s:.2}")),
                o.said.clone().unwrap_or_default(),
            ]);
        }
    }
    found.tables.push(table);
    found.figure("checks passed", passed as f64, "");
    found.figure("checks failed", failed as f64, "");
    found.data = Value::Array(raw);
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(states: &[&str], ended: Result<(), StepFault>) -> StepFound {
        let outcome = |state: &&str| {
            json!({"check": "llama/losses", "state": state, "tolerance": 1e-5, "seconds": 0.1,
                   "difference": null, "said": "x", "seconds_again": null})
        };
        let raw: Vec<Value> = states.iter().map(outcome).collect();
        let outcomes: Vec<Outcome> =
            raw.iter().map(|value| serde_json::from_value(value.clone()).unwrap()).collect();
        found(&outcomes, raw, 3, ended)
    }

    #[test]
    fn checks_that_are_missing_or_failed_are_said() {
        let verdict = |states: &[&str], ended| of(states, ended).verdict;
        assert_eq!(verdict(&["passed", "passed", "skipped"], Ok(())), Verdict::Passed);
        let failed = of(&["passed", "failed", "passed"], Ok(()));
        assert_eq!(failed.verdict, Verdict::Failed("1 checks failed".to_owned()));
        assert_eq!(failed.tables[0].rows[0][1], "failed", "the first row");
        let early = verdict(&["passed"], Ok(()));
        assert!(matches!(early, Verdict::Failed(said) if said.contains("without a word")));
        let crash = verdict(&["passed"], Err(StepFault::failed("signal: 11")));
        assert_eq!(crash, Verdict::Failed("after llama/losses: signal: 11".to_owned()));
        let late = verdict(&["passed"], Err(StepFault::Time { said: "9 s".to_owned() }));
        assert!(matches!(late, Verdict::Unfinished(_)));
        let both = verdict(&["failed"], Err(StepFault::Stopped));
        assert!(matches!(both, Verdict::Failed(_)));
    }
}
