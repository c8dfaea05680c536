//! Judges of a finished run that are model folders, as the run found them. The key of their stages needs
//! no more, so that a run can be judged again where such a folder is gone.

use std::path::Path;

use seal_model::FoundJudge;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AnswerJudge, Judges, section};
use crate::error::{Defect, StudyError};

/// The file in a run folder.
pub(crate) const JUDGES_FILE: &str = "judges.json";

const VERSION: u32 = 1;

/// Judges of a run.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RememberedJudges {
    format_version: u32,
    judges: Vec<Remembered>,
}

/// One judge.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    /// Its section in the config.
    section: String,
    /// Its settings: with others it is another judge.
    settings: Value,
    device: String,
    found: FoundJudge,
}

impl RememberedJudges {
    /// The judges of a run on `device`.
    ///
    /// # Errors
    /// Settings that are no JSON.
    pub(crate) fn of(judges: &Judges, device: &str) -> Result<Self, StudyError> {
        let mut all = Vec::new();
        let mut add = |(test, name): (&str, Option<&str>), settings, found: &Option<FoundJudge>| {
            let (section, device) = (section(test, name), device.to_owned());
            let one = |found| Remembered { section, settings, device, found };
            all.extend(found.clone().map(one));
        };
        for (test, name, judge) in judges.answers() {
            if let AnswerJudge::Model(judge) = judge {
                add((test, name), judge.table.settings()?, &judge.found);
            }
        }
        for ((test, name), chat) in &judges.chats {
            add((test, name.as_deref()), chat.settings()?, &chat.found);
        }
        Ok(Self { format_version: VERSION, judges: all })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.judges.is_empty()
    }

    /// Writes the file of the run folder `out`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn write(&self, out: &Path) -> Result<(), StudyError> {
        let path = out.join(JUDGES_FILE);
        let text = serde_json::to_string_pretty(self).map_err(Defect::Json)? + "\n";
        seal_files::write(&path, text.as_bytes()).map_err(StudyError::at_file(&path))
    }

    /// Reads the file of the run folder `out`. Runs of older programs have none. A file that cannot be
    /// used is said, and the judges are then looked for.
    pub(crate) fn read(out: &Path) -> Self {
        let path = out.join(JUDGES_FILE);
        if !path.exists() {
            return Self::default();
        }
        let unusable = |why: &dyn std::fmt::Display| {
            tracing::warn!("{}: {why}; the models of all judges are looked for", path.display());
            Self::default()
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => return unusable(&error),
        };
        match serde_json::from_str::<Self>(&text) {
            Err(error) => unusable(&error),
            Ok(found) if found.format_version != VERSION => {
                unusable(&format_args!("format_version {} is not {VERSION}", found.format_version))
            }
            Ok(found) => found,
        }
    }

    /// What is known of the judge with these settings at `section`.
    pub(crate) fn find(&self, section: &str, settings: &Value, device: &str) -> Option<FoundJudge> {
        let is_it = |judge: &&Remembered| {
            judge.section == section && judge.settings == *settings && judge.device == device
        };
        self.judges.iter().find(is_it).map(|judge| judge.found.clone())
    }

    /// The same without the judge at `section`.
    pub(crate) fn without(mut self, section: &str) -> Self {
        self.judges.retain(|judge| judge.section != section);
        self
    }
}
