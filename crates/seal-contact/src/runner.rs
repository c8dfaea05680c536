//! Steps one after another.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use seal_device::quietly;
use serde_json::Value;

use crate::budget::Budget;
use crate::context::{Context, Known};
use crate::fault::StepFault;
use crate::report::{ContactReport, ContactState, StepReport, StepState};
use crate::step::{Step, StepFound, Verdict};

/// What the runner is told.
pub struct Setup<'a> {
    /// Version of the program.
    pub version: &'a str,
    /// Name of the device.
    pub device: &'a str,
    /// Ways to run faster, and whether each is on.
    pub accelerations: &'a [(&'static str, bool)],
    /// The time of all steps.
    pub budget: Budget,
    /// Whether a stop was asked for.
    pub stop: &'a dyn Fn() -> bool,
    /// The command that does the job of a file by [`crate::perform`].
    pub start: &'a dyn Fn(&Path) -> io::Result<Command>,
    /// What to type to take the step of this name alone, if there is a way.
    pub alone: &'a dyn Fn(&str) -> Option<String>,
}

/// What happens.
#[derive(Clone, Copy, Debug)]
pub enum ContactEvent<'a> {
    /// A step begins, with this title.
    Started(&'a str),
    /// A step says what it is at.
    Note(&'a str),
    /// A step has ended or is not done: the last of the report.
    Ended(&'a ContactReport),
}

/// Takes `steps` in order and tells `each` what happens.
pub fn run(
    setup: &Setup<'_>,
    steps: &mut [Box<dyn Step>],
    each: &mut dyn FnMut(ContactEvent<'_>),
) -> ContactReport {
    let accelerations: BTreeMap<String, bool> =
        setup.accelerations.iter().map(|(name, on)| ((*name).to_owned(), *on)).collect();
    let mut report = ContactReport {
        format_version: 1,
        version: setup.version.to_owned(),
        device: setup.device.to_owned(),
        accelerations,
        minutes: setup.budget.whole().as_secs_f64() / 60.0,
        seconds: 0.0,
        state: ContactState::Running,
        steps: Vec::new(),
    };
    let mut known = Known::default();
    for step in steps {
        let done = match reason_against(setup, step.as_ref(), &report.steps, &known) {
            Some(said) => blank(step.as_ref(), StepState::NotDone, said),
            None => {
                each(ContactEvent::Started(step.title()));
                take(setup, step.as_mut(), &mut known, each)
            }
        };
        let done = with_next(setup, done, &known);
        report.steps.push(done);
        report.seconds = setup.budget.elapsed().as_secs_f64();
        each(ContactEvent::Ended(&report));
    }
    report.state = state(&report.steps, (setup.stop)());
    report
}

/// Why a step is not started.
fn reason_against(
    setup: &Setup<'_>,
    step: &dyn Step,
    before: &[StepReport],
    known: &Known,
) -> Option<String> {
    if (setup.stop)() {
        return Some("stopped on request".to_owned());
    }
    let has_passed =
        |name: &str| before.iter().any(|s| s.name == name && s.state == StepState::Passed);
    if let Some(missing) = step.needs().iter().find(|name| !has_passed(name)) {
        return Some(format!("it needs the step `{missing}`, which has not passed"));
    }
    let (left, needed) = (setup.budget.left(step.until()), step.estimate(known));
    (needed > left).then(|| {
        format!("it takes about {}, and {} are left for it", in_words(needed), in_words(left))
    })
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds => format!("{:.0} min", seconds as f64 / 60.0),
    }
}

fn take(
    setup: &Setup<'_>,
    step: &mut dyn Step,
    known: &mut Known,
    each: &mut dyn FnMut(ContactEvent<'_>),
) -> StepReport {
    let started = Instant::now();
    let mut note = |what: &str| each(ContactEvent::Note(what));
    let left = setup.budget.left(step.until());
    let mut context = Context::new(left, setup.stop, setup.start, &mut note);
    let ended = quietly(|| step.run(&mut context, known));
    let mut done = match ended {
        Ok(Ok(found)) => of_found(step, found),
        Ok(Err(StepFault::Failed { said })) => blank(step, StepState::Failed, said),
        Ok(Err(fault @ (StepFault::Time { .. } | StepFault::Stopped))) => {
            blank(step, StepState::Unfinished, fault.to_string())
        }
        Err(said) => blank(step, StepState::Failed, format!("the step panicked: {said}")),
    };
    done.seconds = Some(started.elapsed().as_secs_f64());
    done
}

fn of_found(step: &dyn Step, found: StepFound) -> StepReport {
    let (state, why) = match found.verdict {
        Verdict::Passed => (StepState::Passed, None),
        Verdict::Failed(why) => (StepState::Failed, Some(why)),
        Verdict::Unfinished(why) => (StepState::Unfinished, Some(why)),
    };
    let odd = found.figures.iter().find(|figure| !figure.value.is_finite());
    let (state, why) = match odd {
        // What is wrong by itself is said first.
        Some(figure) if state != StepState::Failed => {
            (StepState::Failed, Some(format!("{} is {}", figure.name, figure.value)))
        }
        _ => (state, why),
    };
    let said = match why {
        Some(why) if found.said.is_empty() => why,
        Some(why) => format!("{why}; {}", found.said),
        None => found.said,
    };
    StepReport {
        next: found.next,
        figures: found.figures,
        tables: found.tables,
        data: found.data,
        ..blank(step, state, said)
    }
}

fn blank(step: &dyn Step, state: StepState, said: String) -> StepReport {
    StepReport {
        name: step.name().to_owned(),
        title: step.title().to_owned(),
        state,
        said,
        next: Vec::new(),
        seconds: None,
        figures: Vec::new(),
        tables: Vec::new(),
        data: Value::Null,
    }
}

/// Adds what comes next after a step that has not passed: what the device lacks, and the step alone.
fn with_next(setup: &Setup<'_>, mut done: StepReport, known: &Known) -> StepReport {
    if done.state == StepState::Failed {
        done.next.extend(known.lacking.iter().filter(|_| done.name != "machine").cloned());
    }
    if done.state != StepState::Passed {
        done.next.extend((setup.alone)(&done.name));
    }
    done
}

fn state(steps: &[StepReport], stopped: bool) -> ContactState {
    let any = |state| steps.iter().any(|step| step.state == state);
    match stopped {
        true => ContactState::Stopped,
        false if any(StepState::Failed) => ContactState::Failed,
        false if any(StepState::NotDone) || any(StepState::Unfinished) => ContactState::Incomplete,
        false => ContactState::Passed,
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
