//! What the steps came to.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// What all steps came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContactReport {
    /// Of this form: 1.
    pub format_version: u32,
    /// Version of the program.
    pub version: String,
    /// The device.
    pub device: String,
    /// Ways to run faster that are in the program, and whether each is on.
    pub accelerations: BTreeMap<String, bool>,
    /// Minutes that all steps had.
    pub minutes: f64,
    /// Seconds that they took.
    pub seconds: f64,
    /// What they came to together.
    pub state: ContactState,
    /// Each, in order.
    pub steps: Vec<StepReport>,
}

/// What all steps came to together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContactState {
    /// Some are still to come: a report with this state is of a program that was ended.
    Running,
    /// All passed.
    Passed,
    /// None failed, and some were not done or not finished.
    Incomplete,
    /// At least one failed.
    Failed,
    /// It was stopped on request.
    Stopped,
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// Its name, one word.
    pub name: String,
    /// What it does.
    pub title: String,
    /// Whether it passed.
    pub state: StepState,
    /// What it found, or why it failed or was not done.
    pub said: String,
    /// What comes next: what to type.
    pub next: Vec<String>,
    /// Seconds that it took; none if it was not done.
    pub seconds: Option<f64>,
    /// Numbers that it measured.
    pub figures: Vec<Figure>,
    /// What it found, for a reader.
    pub tables: Vec<Table>,
    /// What it found, for a program.
    pub data: Value,
}

/// Whether a step passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// It did all that it is to do, and found nothing wrong.
    Passed,
    /// It found something wrong, or could not do its work.
    Failed,
    /// It found nothing wrong up to its end, which came too early.
    Unfinished,
    /// It was not started.
    NotDone,
}

impl StepState {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unfinished => "unfinished",
            Self::NotDone => "not done",
        }
    }
}

impl ContactState {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Running => "not ended",
            Self::Passed => "all passed",
            Self::Incomplete => "none failed, some not done or not finished",
            Self::Failed => "something failed",
            Self::Stopped => "stopped on request",
        }
    }
}

/// A number that was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// The number; not finite in a step that failed.
    pub value: f64,
    /// Its unit.
    pub unit: String,
}

/// A table for a reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// Heads of the columns.
    pub headings: Vec<String>,
    /// Cells, row by row.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these heads, and no row.
    pub fn new(title: &str, headings: &[&str]) -> Self {
        let headings = headings.iter().map(|&head| head.to_owned()).collect();
        Self { title: title.to_owned(), headings, rows: Vec::new() }
    }
}
