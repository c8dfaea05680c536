//! The plan of a launch: every stage of a study as data.

use std::path::{Path, PathBuf};

use seal_files::Digest;
use seal_store::may_halt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::LaunchError;
use crate::folder::{LaunchFolder, read_record, write, write_record};
use crate::settings::LaunchSettings;

const VERSION: u32 = 1;
/// Letters of an id.
const ID: usize = 12;

/// Every stage of a study, and how a process makes one of them. Any process that can read the file,
/// the store and the inputs of the study can make a stage of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagePlan {
    format_version: u32,
    /// Names it among the plans of a run; empty until [`StagePlan::name`] gives it.
    pub id: String,
    /// Version of the program that made the plan.
    pub program: String,
    /// The command that makes stages: the program and its first arguments. Keys follow.
    pub command: Vec<String>,
    /// What stands in the place of keys to make the results of finished stages.
    pub results: Vec<String>,
    /// The folder that relative paths of the study start from.
    pub folder: PathBuf,
    /// The run folder.
    pub out: PathBuf,
    /// The store.
    pub store: PathBuf,
    /// What the maker of the plan needs to make it again. This crate does not read it.
    pub study: Value,
    /// The stages. Each comes after those that it reads.
    pub stages: Vec<LaunchStage>,
}

/// A stage as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchStage {
    /// Key of its output.
    pub key: String,
    /// Its name, which is that of its folder in the store.
    pub stage: String,
    /// For people: which of the stages of this name it is.
    pub label: String,
    /// Stages between it and the first that it rests on. One without inputs has level 0.
    pub level: usize,
    /// The stages that it reads, as numbers of stages before it.
    pub deps: Vec<usize>,
    /// All that its output depends on, as the key has it.
    pub inputs: Value,
    /// How long it takes, relative to the other stages; 1 is about a second.
    pub cost: f64,
    /// Threads that it uses.
    pub threads: usize,
    /// The device that it computes on.
    pub device: Option<String>,
    /// How many devices of that kind it has for itself; 0 counts as 1.
    #[serde(default, skip_serializing_if = "is_one_or_none")]
    pub devices: usize,
    /// The address of a service that it asks.
    pub network: Option<String>,
}

/// A plan in which no stage has several devices says nothing of their number.
fn is_one_or_none(devices: &usize) -> bool {
    *devices < 2
}

impl LaunchStage {
    /// Devices that it has for itself, if it computes on one.
    pub fn devices(&self) -> usize {
        self.device.as_ref().map_or(0, |_| self.devices.max(1))
    }

    /// Its name for people.
    pub fn name(&self) -> String {
        format!("{} {}", self.stage, self.label)
    }
}

impl StagePlan {
    /// A plan of the current format, with relative paths made absolute.
    ///
    /// # Errors
    /// A path that is not UTF-8 or has a line break; a folder that the system does not name.
    pub fn new(
        program: &str,
        (command, results): (Vec<String>, Vec<String>),
        (out, store): (&Path, &Path),
        study: Value,
        stages: Vec<LaunchStage>,
    ) -> Result<Self, LaunchError> {
        let folder = std::env::current_dir().map_err(LaunchError::io(Path::new(".")))?;
        let absolute = |path: &Path| std::path::absolute(path).map_err(LaunchError::io(path));
        let (out, store) = (absolute(out)?, absolute(store)?);
        for path in [&folder, &out, &store] {
            if path.to_str().is_none_or(|text| text.contains(['\n', '\r'])) {
                return Err(LaunchError::Path { path: path.clone() });
            }
        }
        let program = program.to_owned();
        let format_version = VERSION;
        let id = String::new();
        Ok(Self {
            format_version,
            id,
            program,
            command,
            results,
            folder,
            out,
            store,
            study,
            stages,
        })
    }

    /// Gives the plan its id: a digest of all that tasks of a launch read. `found`, `settings` and
    /// `jobs` are those of the launch by `launcher`. So two launches share files only if every file
    /// of them is the same.
    ///
    /// # Errors
    /// A plan that JSON does not hold.
    pub fn name(
        &mut self,
        launcher: &str,
        (found, settings, jobs): (&[bool], &LaunchSettings, Option<usize>),
    ) -> Result<&str, LaunchError> {
        self.id.clear();
        let given = settings.given();
        let all = serde_json::to_vec(&(&*self, launcher, found, given, jobs))?;
        self.id = Digest::of(&all).to_string();
        self.id.truncate(ID);
        Ok(&self.id)
    }

    /// The folder of the launch.
    pub fn launch_folder(&self) -> LaunchFolder {
        LaunchFolder::of_plan(&self.out, &self.id)
    }

    /// Writes the plan and the config that it is made from, first where tasks of the launch read
    /// them, then where the last plan stands.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, config: &str) -> Result<(), LaunchError> {
        let folder = self.launch_folder();
        folder.make_own("")?;
        write(&folder.config(), config)?;
        may_halt("planning");
        write_record(&folder.task_plan(), self)?;
        write_record(&folder.plan(), self)?;
        may_halt("planned");
        Ok(())
    }

    /// Reads the plan `id` of the run in `out`; without an id, that of the last launch.
    ///
    /// # Errors
    /// No plan; one of another version; one that was changed.
    pub fn read(out: &Path, id: Option<&str>) -> Result<Self, LaunchError> {
        let path = match id {
            None => LaunchFolder::of_run(out).plan(),
            Some(id) => LaunchFolder::of_plan(out, id).task_plan(),
        };
        // An id is the name of a folder, and no path.
        let is_id = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let found = match id.is_none_or(is_id) {
            true => read_record(&path, VERSION)?,
            false => None,
        };
        found.ok_or(LaunchError::NoPlan { path })
    }
}
