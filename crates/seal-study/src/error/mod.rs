//! What can go wrong in a study.
//!
//! The errors of the modules stand here, too. They know other crates and plain data, and no
//! module that returns them.

mod absent;
mod again;
mod answers;
mod change;
mod config;
mod defect;
mod folder;
mod memory;
mod pairs;
mod plan;
mod planned;
mod rows;
mod value;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use seal_bilevel::BilevelError;
use seal_data::DataError;
use seal_device::{DeviceError, DeviceSetError};
use seal_judge::JudgeError;
use seal_judging::JudgingError;
use seal_launch::LaunchError;
use seal_lm::{GenerateError, LmError};
use seal_model::{KeyError, ModelError};
use seal_select::SelectError;
use seal_store::StoreError;
use seal_world::WorldError;

pub(crate) use self::absent::{is_absent, is_absent_model};
pub use self::again::AgainError;
pub use self::answers::AssessmentsError;
pub use self::change::OverrideError;
pub use self::config::{ArmError, ConfigError, ConfigPart, FileError, NumberError, SectionError};
pub use self::defect::Defect;
pub use self::folder::RunFolderError;
pub use self::memory::MemoryError;
pub use self::pairs::PairsError;
pub use self::plan::{PlanError, PlanFault};
pub use self::planned::PlannedError;
pub use self::rows::RowsError;
pub use self::value::ValueError;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// A config that cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A plan that cannot be run.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A change of the config that cannot be made.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// A folder that cannot be the run folder.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// A stage of a stored plan that cannot be made by itself.
    #[error(transparent)]
    Planned(#[from] PlannedError),
    /// A plan that cannot be stored or read, or a launch that failed.
    #[error(transparent)]
    Launch(#[from] Box<LaunchError>),
    /// A store that cannot be used.
    #[error(transparent)]
    Store(StoreError),
    /// The store of a run is the run folder itself.
    #[error("the store {}: it is the run folder; give it a folder of its own", store.display())]
    StoreIsRunFolder {
        /// The folder.
        store: PathBuf,
    },
    /// A file stands in the place of the store.
    #[error("the store {}: it is a file; give it a folder", store.display())]
    StoreIsFile {
        /// The file.
        store: PathBuf,
    },
    /// The system gives no thread.
    #[error(
        "no thread could be started ({reason}); run fewer stages side by side, or raise the \
         limit of processes (ulimit -u) or of memory"
    )]
    NoThreads {
        /// What the system said.
        reason: String,
    },
    /// The state of a trace is asked for around every 0th step.
    #[error("the steps of a trace whose state is saved are counted from 1")]
    TraceState,
    /// No such arm, or one that trains no selector.
    #[error("{}; such arms are: {}", no_selector(arm.as_deref()), known.join(", "))]
    NoSelector {
        /// The arm that was asked for; `None` is the first with the role `seal`.
        arm: Option<String>,
        /// Ids of the arms that train one.
        known: Vec<String>,
    },
    /// Rows that cannot be read or used.
    #[error("{0}")]
    Data(#[from] DataError),
    /// A model, its tokenizer, its template or files of a user that cannot be had.
    #[error("{0}")]
    OneModel(#[source] ModelError),
    /// The world cannot be drawn.
    #[error("world: {0}")]
    World(#[from] WorldError),
    /// Rows that cannot be trained on or judged.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// A device or backend that is missing.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Devices of a list that the machine does not have.
    #[error(transparent)]
    Devices(#[from] DeviceSetError),
    /// A stage that needs more memory than the devices have, found before any stage runs.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// A judge that failed.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// A judge of pairs that failed.
    #[error(transparent)]
    Judging(#[from] JudgingError),
    /// An endpoint that cannot be asked, found before anything is trained.
    #[error("{section}: {source}")]
    Probe {
        /// The judge's section.
        section: String,
        /// Why.
        source: Box<JudgingError>,
    },
    /// A run that cannot be judged again.
    #[error(transparent)]
    Again(#[from] AgainError),
    /// Pairs without verdicts.
    #[error(transparent)]
    Pairs(#[from] PairsError),
    /// Answers without verdicts.
    #[error(transparent)]
    Assessments(#[from] AssessmentsError),
    /// Training that failed.
    #[error("{0}")]
    Training(#[source] BilevelError),
    /// A model that cannot be read or written.
    #[error("{0}")]
    Model(#[from] LmError),
    /// Answers that cannot be generated.
    #[error(transparent)]
    Generation(#[from] GenerateError),
    /// A selection that failed.
    #[error(transparent)]
    Selection(#[from] SelectError),
    /// A report that cannot be read or written.
    #[error("{0}")]
    Report(#[from] seal_report::Error),
    /// A link, a folder or another thing stands where a file is to be. It is for the user to
    /// take away.
    #[error("{}", obstacle(path, source))]
    Obstacle {
        /// The place.
        path: PathBuf,
        /// What the system said, which may name a place above it.
        source: std::io::Error,
    },
    /// A file or folder that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of the store or of the run folder that is not what it should be.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A stage that failed; what was finished before is kept.
    #[error("{label}: {source}")]
    Stage {
        /// Stage, arm and seed.
        label: String,
        /// Why.
        source: Box<StudyError>,
    },
    /// The observer asked to stop. What is finished is in the store.
    #[error("stopped on request{}", stages_done(stages))]
    Cancelled {
        /// Stages that are done, and all; `None` within a stage.
        stages: Option<(usize, usize)>,
    },
    /// A defect of the program.
    #[error("this is a defect of the program: {0}")]
    Defect(#[from] Defect),
}

fn stages_done(stages: &Option<(usize, usize)>) -> String {
    match stages {
        Some((done, of)) => {
            format!("; {done} of {of} stages are done, and those that ran keep their work")
        }
        None => String::new(),
    }
}

fn no_selector(arm: Option<&str>) -> String {
    match arm {
        None => "no arm has the role `seal`".to_owned(),
        Some(id) => format!("`{id}` is no arm that trains a selector"),
    }
}

fn obstacle(path: &Path, source: &std::io::Error) -> String {
    let said = source.to_string();
    // Some name the path themselves, which may be one above this.
    match said.contains(std::path::MAIN_SEPARATOR) {
        true => said,
        false => format!("{}: {said}", path.display()),
    }
}

impl StudyError {
    /// An [`StudyError::Io`] for `path`.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// Whether the run was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled { .. })
    }

    /// An error at a file of a run folder or a store: [`StudyError::Obstacle`] where something
    /// else stands in its place, and [`StudyError::Io`] otherwise.
    pub(crate) fn at_file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            ErrorKind::InvalidInput | ErrorKind::IsADirectory => Self::Obstacle { path, source },
            _ => Self::Io { path, source },
        }
    }
}

impl From<BilevelError> for StudyError {
    fn from(error: BilevelError) -> Self {
        match error {
            BilevelError::Cancelled => Self::Cancelled { stages: None },
            other => Self::Training(other),
        }
    }
}

impl From<LaunchError> for StudyError {
    fn from(error: LaunchError) -> Self {
        Self::Launch(Box::new(error))
    }
}

impl From<ModelError> for StudyError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Cancelled => Self::Cancelled { stages: None },
            other => Self::OneModel(other),
        }
    }
}

impl From<KeyError> for StudyError {
    fn from(error: KeyError) -> Self {
        Self::OneModel(error.into())
    }
}
