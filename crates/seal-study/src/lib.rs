//! A study: plan -> arms -> cells -> stages, with a content-addressed store
//! and a runner.
//!
//! Invariant: a stage's output depends on its key and on nothing else: not on
//! the order in which stages run, on the number of jobs, on the clock or on the
//! host. So two runs give the same `results.json`, a killed run goes on where it
//! was, and a changed setting redoes only what depends on it.
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
mod checks;
mod config;
mod digests;
mod encoder;
mod error;
mod exec;
mod exit_code;
mod facts;
mod figures;
mod graph;
mod import;
mod key;
mod observer;
mod opening;
mod options;
mod plan;
mod pretrained;
mod preview;
mod remote;
mod run;
mod run_folder;
mod select;
mod sets;
mod single;
mod stages;
mod store;
mod survey;
mod threads;
mod trace;

pub use arm::Arm;
pub use config::{
    Append, ArmRole, ArmSpec, BUILT_IN, Binding, Config, ConfigSource, Expected, Method,
    ModelFolder, ModelSettings, Proxy, Quick, SelectionSettings, StudySection, TokenizerKind,
    TokenizerSettings, load_config,
};
pub use error::StudyError;
pub use exit_code::report_exit_code;
pub use import::{ImportRequest, Imported, import_selector, write_selector_file};
pub use key::Key;
pub use observer::{Event, Observer, Silent};
pub use options::{Outcome, PlanView, PlannedStage, RunOptions};
pub use plan::{MISSING_ABLATIONS, Replacement, read_plan};
pub use preview::{ModelPreview, Preview};
pub use run::Study;
pub use run_folder::{config_of_folder, study_of_folder};
pub use seal_data::{Row, SetSummary, Source};
pub use seal_select::{RowSet, SelectorFile, Separation};
pub use select::{SelectRequest, Selected};
pub use single::{
    AnswerFile, AnswerRow, Applied, Chosen, Generated, Inspected, InspectedRow, InspectedToken,
    ModelRequest, OwnModel, OwnRows, RowIds, SPEARMAN_TO_LOSS, Scored, ScoredRow, SelectorFigures,
    StageSettings, Tuned, apply_selector, inspect_rows, read_prompts, read_rows, selector_figures,
    source_named, write_kept,
};
pub use store::{Damage, Entry, Found, Store, StoreError, StoredFile};
