//! The interface of a step.

use std::time::Duration;

use serde_json::Value;

use crate::context::{Context, Known};
use crate::fault::StepFault;
use crate::report::{Figure, Table};

/// A part of first contact.
pub trait Step {
    /// Its name, one word.
    fn name(&self) -> &'static str;

    /// What it does, in a few words.
    fn title(&self) -> &'static str;

    /// Names of the steps that must have passed before it.
    fn needs(&self) -> &'static [&'static str];

    /// The share of the whole time that may have passed when it ends.
    fn until(&self) -> f64;

    /// About how long it takes, by what earlier steps measured. It is not started where less is left.
    fn estimate(&self, known: &Known) -> Duration;

    /// Does it. A number that is not finite fails the step, and so does a panic.
    ///
    /// # Errors
    /// What it cannot go on after.
    fn run(&mut self, context: &mut Context<'_>, known: &mut Known)
    -> Result<StepFound, StepFault>;
}

/// What a step found.
#[derive(Clone, Debug)]
pub struct StepFound {
    /// Whether anything is wrong.
    pub verdict: Verdict,
    /// What it found, in a sentence.
    pub said: String,
    /// What comes next.
    pub next: Vec<String>,
    /// Numbers that it measured.
    pub figures: Vec<Figure>,
    /// For a reader.
    pub tables: Vec<Table>,
    /// For a program.
    pub data: Value,
}

/// Whether anything is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Passed,
    /// This.
    Failed(String),
    /// Nothing up to an end that came too early, for this reason.
    Unfinished(String),
}

impl StepFound {
    /// Nothing is wrong.
    pub fn passed(said: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Passed,
            said: said.into(),
            next: Vec::new(),
            figures: Vec::new(),
            tables: Vec::new(),
            data: Value::Null,
        }
    }

    /// Adds a number.
    pub fn figure(&mut self, name: impl Into<String>, value: f64, unit: &str) {
        self.figures.push(Figure { name: name.into(), value, unit: unit.to_owned() });
    }
}
