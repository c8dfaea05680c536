//! `seal devices --checks` and `--memory`.

use std::io::Write as _;
use std::time::Instant;

use seal_device::{ACCELERATIONS, DeviceSpec};
use seal_parity::memory::{self as traces, MemoryMeter, MemoryTrace};
use seal_parity::{Check, CheckOutcome, CheckState, Repeat, checks};
use serde_json::{Map, Value, json};

use super::{Options, accelerations};
use crate::memory;
use crate::plain;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

/// Steps between two readings of memory.
const EVERY: usize = 50;

/// A device that does something else than the CPU, or holds more with each step.
#[derive(Debug, thiserror::Error)]
#[error("device `{device}`: {said}")]
struct DeviceFailed {
    device: DeviceSpec,
    said: String,
}

/// Runs what was asked for, and says all that it found before it fails.
pub(super) fn run(
    device: DeviceSpec,
    options: &Options,
    verbosity: Verbosity,
) -> anyhow::Result<()> {
    let mut said = Vec::new();
    let mut json = Map::new();
    json.insert("device".to_owned(), json!(device.to_string()));
    json.extend(ACCELERATIONS.map(|(name, on)| (name.to_owned(), json!(on))));
    if options.checks {
        let outcomes = compared(device, options, verbosity)?;
        let failed = outcomes.iter().filter(|outcome| outcome.has_failed()).count();
        if failed > 0 {
            said.push(format!("{failed} of {} checks failed", outcomes.len()));
        }
        json.insert("checks".to_owned(), json!(outcomes));
    }
    if let Some(steps) = options.memory {
        let traces = held(device, steps as usize, options, verbosity)?;
        if traces.iter().any(|trace| trace.is_flat() == Some(false)) {
            said.push("its memory grows with the steps".to_owned());
        }
        json.insert("memory".to_owned(), json!(traces));
    }
    if options.json {
        writeln!(plain::stdout(), "{}", plain::json(&Value::Object(json))?)?;
    }
    verdict(device, &said)
}

/// An error if anything is wrong with the device.
fn verdict(device: DeviceSpec, wrong: &[String]) -> anyhow::Result<()> {
    match wrong {
        [] => Ok(()),
        wrong => Err(DeviceFailed { device, said: wrong.join("; ") }.into()),
    }
}

fn compared(
    device: DeviceSpec,
    options: &Options,
    verbosity: Verbosity,
) -> anyhow::Result<Vec<CheckOutcome>> {
    let chosen: Vec<Check> =
        checks().into_iter().filter(|check| is_chosen(&check.name, &options.only)).collect();
    if chosen.is_empty() {
        let all = checks().into_iter().map(|check| check.name).collect();
        return Err(UsageError::NoCheck { only: options.only.clone(), all }.into());
    }
    let started = Instant::now();
    let width = chosen.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut written = Ok(());
    let mut each = |outcome: &CheckOutcome| {
        if !options.json && (!verbosity.quiet || outcome.has_failed()) && written.is_ok() {
            let mut out = plain::stdout();
            written = writeln!(out, "{}", line(outcome, width)).and_then(|()| out.flush());
        }
    };
    let outcomes = seal_parity::run(&chosen, device, &mut each)?;
    written?;
    if !options.json && !verbosity.quiet {
        let count = |of: fn(&CheckState) -> bool| outcomes.iter().filter(|o| of(&o.state)).count();
        writeln!(
            plain::stdout(),
            "{} checks of {device}: {} passed, {} failed, {} skipped, in {:.0} s; {}",
            outcomes.len(),
            count(|state| matches!(state, CheckState::Passed { .. })),
            count(|state| matches!(state, CheckState::Failed { .. })),
            count(|state| matches!(state, CheckState::Skipped { .. })),
            started.elapsed().as_secs_f64(),
            accelerations(),
        )?;
    }
    Ok(outcomes)
}

fn is_chosen(name: &str, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|text| name.contains(text.as_str()))
}

/// `passed   llama/losses  1.2e-7 of 1e-5 (logits), same bits twice, 0.81 + 0.10 s`.
fn line(outcome: &CheckOutcome, width: usize) -> String {
    let (state, said) = match &outcome.state {
        CheckState::Passed { difference, of, repeat } => {
            let repeat = match repeat {
                Repeat::SameBits => "same bits twice".to_owned(),
                Repeat::Apart(apart) => format!("two runs {apart:.0e} apart"),
            };
            let allowed = outcome.tolerance;
            ("passed", format!("{difference:.1e} of {allowed:.0e} ({of}), {repeat}"))
        }
        CheckState::Failed { said, .. } => ("failed", said.clone()),
        CheckState::Skipped { said } => ("skipped", said.clone()),
    };
    let again = outcome.seconds_again.map_or_else(String::new, |again| format!(" + {again:.2}"));
    format!("{state:<8} {:<width$}  {said}, {:.2}{again} s", outcome.check, outcome.seconds)
}

fn held(
    device: DeviceSpec,
    steps: usize,
    options: &Options,
    verbosity: Verbosity,
) -> anyhow::Result<Vec<MemoryTrace>> {
    // What the allocator of the process holds is all that the CPU tells.
    let mut resident = || {
        let mib = memory::resident().filter(|_| device.is_host())?;
        Some((mib * f64::from(1 << 20)) as u64)
    };
    let mut meter = MemoryMeter { read: &mut resident, grain: 4 << 20 };
    let traces = traces::trace(device, steps, EVERY.min(steps), &mut meter)?;
    if options.json || verbosity.quiet {
        return Ok(traces);
    }
    let mut out = plain::stdout();
    if traces.is_empty() {
        writeln!(out, "{device} does not tell what it holds")?;
    }
    let source = match traces::is_told(device)? {
        true => "of its allocator",
        false => "resident in the process",
    };
    for trace in &traces {
        writeln!(out, "memory {source}, {}:", trace.path)?;
        for point in &trace.points {
            let reserved = point.reserved.map(|bytes| format!(", {} reserved", mib(bytes)));
            let reserved = reserved.unwrap_or_default();
            writeln!(out, "  step {:>6}  {} in use{reserved}", point.step, mib(point.in_use))?;
        }
        let flat = match trace.is_flat() {
            Some(true) => "flat from step 100 on",
            Some(false) => "it grows after step 100",
            None => "too few steps to tell whether it grows",
        };
        writeln!(out, "  {flat}")?;
    }
    Ok(traces)
}

fn mib(bytes: u64) -> String {
    format!("{:.3} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(state: CheckState) -> CheckOutcome {
        CheckOutcome {
            check: "llama/losses".to_owned(),
            state,
            tolerance: 1e-5,
            reason: "",
            seconds: 0.812,
            seconds_again: Some(0.1),
            reference_seconds: 0.01,
        }
    }

    #[test]
    fn a_line_has_what_differs_most() {
        let of = "logits".to_owned();
        let passed = CheckState::Passed { difference: 1.23e-7, of, repeat: Repeat::SameBits };
        assert_eq!(
            line(&outcome(passed), 14),
            "passed   llama/losses    1.2e-7 of 1e-5 (logits), same bits twice, 0.81 + 0.10 s"
        );
        let failed = CheckState::Failed { difference: None, said: "number 3 is NaN".to_owned() };
        let once = CheckOutcome { seconds_again: None, ..outcome(failed) };
        assert_eq!(line(&once, 12), "failed   llama/losses  number 3 is NaN, 0.81 s");
    }

    #[test]
    fn a_check_that_failed_is_an_unexpected_failure() {
        let device = DeviceSpec::default();
        verdict(device, &[]).unwrap();
        let error = verdict(device, &["1 of 3 checks failed".to_owned()]).unwrap_err();
        assert_eq!(crate::exit_code::of(&error), crate::exit_code::UNEXPECTED);
        assert_eq!(error.to_string(), "device `flex`: 1 of 3 checks failed");
    }

    #[test]
    fn names_are_chosen_by_a_part_of_them() {
        let only = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        assert!(is_chosen("gemma2/greedy", &[]));
        assert!(is_chosen("gemma2/greedy", &only(&["files", "gemma"])));
        assert!(!is_chosen("gemma2/greedy", &only(&["files"])));
    }
}
