//! How a study is run, and what comes back.

use std::path::PathBuf;
use std::time::Duration;

use seal_report::Results;
use seal_store::{KEEP_EVERY, Key};

/// What is said of something that a run would get from a hub.
pub(crate) const FETCHED: &str = "would be fetched";

/// Where and how a study runs; none of it changes a result.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Run folder.
    pub out: PathBuf,
    /// Store of stage outputs; `out/store` by default.
    pub store: Option<PathBuf>,
    /// Stages side by side; with a list of devices, those that compute on one. As many as there are
    /// devices then run beside them without one.
    pub jobs: usize,
    /// How many devices the launcher of this process gave it, where it was started to make some stages:
    /// it sees these alone, whatever list of devices the config has. `None` without a launcher.
    pub given_devices: Option<usize>,
    /// Bytes of memory that each device of the study has, where that is known. A stage that needs more
    /// is refused.
    pub device_memory: Option<u64>,
    /// Threads of each, and of each device of a stage with several: one for the small models that a
    /// study trains from scratch.
    pub threads: usize,
    /// How often a stage that trains keeps the state that it would go on from after a kill. A
    /// request to stop keeps it, too. Zero keeps it after each step.
    pub keep_every: Duration,
    /// Find out before anything is trained whether the endpoints that judges still have questions to
    /// are there and take key and model, by a reply of one token.
    pub probe: bool,
    /// Bytes that the base may take to stay in memory for the stages that read it next; 0 keeps none.
    /// With bases on other devices than the CPU it has no effect.
    pub keep_base: u64,
    /// Run the first seed of all arms before the others, and write its results as soon as they are
    /// there. The stages, and the results at the end, are the same.
    pub screen: bool,
    /// Put row texts into the report; always so for the built-in world.
    pub show_rows: bool,
    /// The command, for the record.
    pub command: String,
}

impl RunOptions {
    /// How often work is kept unless told otherwise.
    pub const KEEP_EVERY: Duration = KEEP_EVERY;

    /// The largest base that stays in memory unless told otherwise: 1 GiB.
    pub const KEEP_BASE: u64 = 1 << 30;

    /// One job, into `out`.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            out: out.into(),
            store: None,
            jobs: 1,
            given_devices: None,
            device_memory: None,
            threads: 1,
            keep_every: Self::KEEP_EVERY,
            probe: true,
            keep_base: Self::KEEP_BASE,
            screen: false,
            show_rows: false,
            command: String::new(),
        }
    }

    /// Threads for reading files, while no stage runs.
    pub(crate) fn readers(&self) -> usize {
        self.jobs.saturating_mul(self.threads)
    }

    /// Folder of the store.
    pub fn store_dir(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| self.out.join("store"))
    }
}

/// How many stages run side by side, on how many threads each, and on which devices.
#[derive(Clone, Debug)]
pub(crate) struct Workers {
    pub(crate) jobs: usize,
    pub(crate) threads: usize,
    /// How often they keep their work.
    pub(crate) keep_every: Duration,
    /// Bytes of the largest base that is kept between stages.
    pub(crate) keep_base: u64,
    /// The kind of the devices, by which stages ask for one.
    pub(crate) kind: String,
    /// Devices that stages have for themselves; none where they share what there is.
    pub(crate) devices: Vec<String>,
}

/// A stage that is done or to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedStage {
    /// Name of the stage.
    pub stage: &'static str,
    /// Arm and seed.
    pub label: String,
    /// Key of its output.
    pub key: Key,
    /// Whether the store has it.
    pub found: bool,
    /// Relative cost; 1 is about a second on one core, or on one device that is no CPU, at the rate of
    /// [`PlanView::rate`].
    pub cost: f64,
}

/// What one judge that is a model will do, before any answer is there.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedJudging {
    /// The test.
    pub test: String,
    /// Name of a further judge; `None` for the one that decides.
    pub judge: Option<String>,
    /// The judge's model.
    pub model: String,
    /// Questions, or answers to judge, at most. Equal answers, and replies that are there, make them
    /// fewer. `None` where the rows of the test are not known.
    pub questions: Option<usize>,
    /// What that takes.
    pub work: PlannedWork,
    /// Why the replies that are there cannot be read. All questions then count, and a run is refused.
    pub unread: Option<String>,
}

/// What a judge takes.
#[derive(Clone, Debug, PartialEq)]
pub enum PlannedWork {
    /// It is asked through an endpoint.
    Asks {
        /// Cost of the questions at most; `None` without a price. Each token of an answer counts as
        /// four.
        cost: Option<f64>,
        /// The largest cost that its settings allow on the test.
        max_cost: Option<f64>,
        /// The variable of its key, where that is not set.
        unset: Option<String>,
    },
    /// It runs here, on answers.
    Runs {
        /// Number of weights, where it is known.
        parameters: Option<u64>,
        /// Bytes of the weights.
        memory: Option<u64>,
        /// Seconds on a few CPU cores, about.
        seconds: Option<f64>,
    },
    /// It is asked and runs here.
    Answers {
        /// Number of weights, where it is known.
        parameters: Option<u64>,
        /// Bytes of the weights, with the copies that generation may need of them.
        memory: Option<u64>,
        /// Seconds on a few CPU cores, about.
        seconds: Option<f64>,
    },
}

/// What would run.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanView {
    /// All stages; each comes after those it depends on.
    pub stages: Vec<PlannedStage>,
    /// The judges that are models and have something to do.
    pub judging: Vec<PlannedJudging>,
    /// The bases that are model folders fine-tuned first, in words.
    pub aligned: Vec<String>,
    /// Cost of the longest chain of stages to be done, each of which needs the one before.
    pub longest: f64,
    /// Floating-point operations a second that costs assume: of one core, or of one device that is no
    /// CPU.
    pub rate: f64,
}

/// A finished run.
#[derive(Debug)]
pub struct RunOutcome {
    /// The figures.
    pub results: Results,
    /// The run folder.
    pub out: PathBuf,
    /// The files of the report.
    pub files: Vec<PathBuf>,
    /// Stages that ran.
    pub ran: usize,
    /// Stages that were found.
    pub found: usize,
}
