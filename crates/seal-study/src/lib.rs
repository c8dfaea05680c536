//! A study: plan -> arms -> cells -> stages. `seal-store` has the store and the
//! runner, `seal-eval` the figures.
//!
//! Invariant: a stage's output depends on its key and on nothing else: not on
//! the order in which stages run, on the number of jobs, on the clock or on the
//! host. So two runs give the same `results.json`. A killed run continues where it
//! stopped. A changed setting redoes only the stages that depend on it.
//!
//! ```no_run
//! use seal_study::{ConfigSource, RunOptions, Silent, Study};
//!
//! # fn main() -> Result<(), seal_study::StudyError> {
//! let study = Study::load(&ConfigSource { quick: true, ..Default::default() })?;
//! let options = RunOptions::new(study.default_out());
//! let outcome = study.run(&options, &Silent)?;
//! println!("{}", outcome.results.arms.len());
//! # Ok(())
//! # }
//! ```

mod arm;
mod cards;
mod config;
mod error;
mod exec;
mod findings;
mod graph;
mod judging;
mod kept_base;
mod memory;
mod model_digests;
mod observer;
mod opening;
mod options;
mod origins;
mod plan;
mod preview;
mod run;
mod run_folder;
mod schema;
mod sets;
mod stages;
mod trace;

pub use arm::Arm;
pub use cards::write_cards;
pub use config::{
    Append, ArmRole, ArmSpec, BUILT_IN, Binding, Config, ConfigSource, Devices, MajorityKind,
    MajoritySettings, Method, OneJudge, Proxy, Quick, SelectionSettings, StudySection, TestJudges,
    load_config,
};
pub use error::{
    AgainError, ArmError, AssessmentsError, ConfigError, ConfigPart, Defect, FileError,
    MemoryError, NumberError, OverrideError, PairsError, PlanError, PlanFault, PlannedError,
    RowsError, RunFolderError, SectionError, StudyError, ValueError,
};
pub use findings::findings_of_plans;
pub use memory::Peak;
pub use model_digests::remembered_digests;
pub use observer::{Event, Observer, Silent};
pub use options::{PlanView, PlannedJudging, PlannedStage, PlannedWork, RunOptions, RunOutcome};
pub use origins::{ConfigValue, ResolvedConfig, ValueOrigin, resolve_config};
pub use plan::{MISSING_ABLATIONS, Replacement, read_plan};
pub use preview::{BasePreview, ModelPreview, Preview, step_bytes};
pub use run::{
    AgainRequest, LaunchPlan, SelectRequest, Selected, StagesMade, StagesSeen, StoredAnswers,
    Study, WrittenAnswers, stage_by_key,
};
pub use run_folder::{FolderConfig, config_of_folder, store_of_folder, study_of_folder};
pub use schema::{config_schema, plan_schema};
pub use seal_data::SetSummary;
pub use seal_model::{Expected, ModelFolder, ModelSettings, TokenizerKind, TokenizerSettings};
/// Folders of a store with files that grow over many runs: replies that were paid for.
pub const LASTING: &[&str] = &[judging::LOGS];

pub use seal_store::{Damage, Entry, Flaw, Found, Key, Store, StoreError, StoredFile};
