//! The record of jobs that were submitted to a scheduler.

use serde::{Deserialize, Serialize};

use crate::error::LaunchError;
use crate::folder::{LaunchFolder, read_record, write_record};

const VERSION: u32 = 1;

/// What was submitted for a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jobs {
    format_version: u32,
    /// Name of the launcher.
    pub launcher: String,
    /// The jobs, in the order in which they were submitted.
    pub jobs: Vec<Submitted>,
}

/// A job of a scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submitted {
    /// Its id in the scheduler's words.
    pub id: String,
    /// For people: what it makes.
    pub makes: String,
    /// Tasks in it.
    pub tasks: usize,
}

impl Jobs {
    /// No jobs yet.
    pub(crate) fn of(launcher: &str) -> Self {
        Self { format_version: VERSION, launcher: launcher.to_owned(), jobs: Vec::new() }
    }

    /// Adds a job and writes the record. A kill between the submission and the record leaves one job
    /// unknown: its stages are made, or fail, by themselves.
    pub(crate) fn add(&mut self, folder: &LaunchFolder, job: Submitted) -> Result<(), LaunchError> {
        self.jobs.push(job);
        write_record(&folder.jobs(), self)
    }

    /// The record of a launch; `None` where nothing was submitted.
    ///
    /// # Errors
    /// A record that cannot be read or was changed.
    pub fn read(folder: &LaunchFolder) -> Result<Option<Self>, LaunchError> {
        read_record(&folder.jobs(), VERSION)
    }

    /// The ids.
    pub fn ids(&self) -> Vec<String> {
        self.jobs.iter().map(|job| job.id.clone()).collect()
    }
}
