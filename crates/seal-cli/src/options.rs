//! Options that verbs share, and what they amount to.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::Args;
use seal_study::{
    ConfigSource, RunOptions, Study, StudyError, config_of_folder, load_config, study_of_folder,
};

use crate::command;
use crate::kept;
use crate::memory;
use crate::plain;
use crate::reading::ReadingProgress;
use crate::stores::{Access, store_of_run};
use crate::verbosity::Verbosity;

/// Which study: a config and what changes it.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Config file; without it, the built-in world.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Set a key of the config, such as sft.epochs=4 (repeatable).
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Device that trains: flex, cuda:N, tch, tch:cuda:N, wgpu, wgpu:N, wgpu:cpu; several as
    /// cuda:0,cuda:1 or cuda:*, and each stage has one.
    #[arg(long)]
    pub(crate) device: Option<String>,
    /// Study seeds, such as 0,1,2.
    #[arg(long, visible_alias = "seed", value_name = "N,..", value_delimiter = ',')]
    pub(crate) seeds: Option<Vec<u64>>,
    /// Plan of ablations: a JSONL file, builtin:missing-ablations, or none.
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<String>,
    /// Largest number of rows of each data set, except the base's.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Two arms, one seed, little data: shows that it works, gives no result.
    #[arg(long, conflicts_with = "plan")]
    pub(crate) quick: bool,
}

/// A study and its folder.
#[derive(Clone, Debug, Args)]
pub(crate) struct FolderArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Run folder [default: runs/<study.name>].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the work that would be done, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Where stages are stored, and how they run.
#[derive(Clone, Debug, Args)]
pub(crate) struct StoreArgs {
    /// Store of finished stages [default: OUT/store].
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Number of stages that run at the same time [default: the number of cores; with a model
    /// folder 1, and that stage uses all cores; with several devices, one for each].
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Minutes after which a stage that trains keeps its state, so that a killed run loses at most
    /// these; 0 keeps it after each step. Ctrl-C, SIGTERM, SIGUSR1 and SIGUSR2 keep it, too.
    #[arg(long, value_name = "MINUTES", default_value_t = KEEP_EVERY, value_parser = minutes)]
    checkpoint: f64,
}

/// Minutes between two states that are kept, unless told otherwise.
const KEEP_EVERY: f64 = RunOptions::KEEP_EVERY.as_secs() as f64 / 60.0;

/// A number of minutes, 0 to a year.
fn minutes(text: &str) -> Result<f64, NotMinutes> {
    const YEAR: f64 = 366.0 * 24.0 * 60.0;
    match text.parse() {
        Ok(minutes) if (0.0..=YEAR).contains(&minutes) => Ok(minutes),
        _ => Err(NotMinutes),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("give a number of minutes, from 0 to a year")]
struct NotMinutes;

/// Folders and jobs of a verb that runs some stages of a study.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    /// Run folder [default: runs/<study.name>].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

/// A study, its folders, and how it runs.
#[derive(Clone, Debug, Args)]
pub(crate) struct StudyArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
    #[command(flatten)]
    store: StoreArgs,
    /// Show texts of your own rows in the report. Texts of the built-in world are always shown.
    #[arg(long)]
    show_rows: bool,
}

impl ConfigArgs {
    pub(crate) fn source(&self) -> ConfigSource {
        ConfigSource {
            file: self.config.clone(),
            set: self.set.clone(),
            quick: self.quick,
            limit: self.limit,
            seeds: self.seeds.clone(),
            device: self.device.clone(),
            plan: self.plan.clone(),
        }
    }
}

impl ConfigArgs {
    /// Whether nothing says which study is meant.
    fn names_no_study(&self) -> bool {
        self.config.is_none() && !self.quick
    }

    /// With the config that the last run left in the folder `out`, where no config is
    /// named and the folder is of another study than the built-in one. A run that was
    /// stopped so goes on without its config being named again.
    pub(crate) fn of_folder(&self, out: Option<&Path>) -> anyhow::Result<Self> {
        let mut args = self.clone();
        if let (Some(out), true) = (out, self.names_no_study())
            && let Some(study) = study_of_folder(out)?
            && study != load_config(&self.source())?.study.name
        {
            args.config = last_config(out)?;
        }
        Ok(args)
    }
}

impl FolderArgs {
    /// The run folder. The config is read only if it must name the folder, and
    /// the data never: a report is made from results alone.
    pub(crate) fn out(&self) -> anyhow::Result<PathBuf> {
        match &self.out {
            Some(out) => Ok(out.clone()),
            None => {
                let config = load_config(&self.config.source())?;
                Ok(Path::new("runs").join(config.study.name))
            }
        }
    }
}

impl FolderArgs {
    /// The study of the run in the folder, with the config that the run left there unless another
    /// is named, to read its store.
    pub(crate) fn study_of_run(
        &self,
        store: Option<PathBuf>,
        verbosity: Verbosity,
    ) -> anyhow::Result<(Study, RunOptions)> {
        let mut config = self.config.clone();
        if let (Some(out), true) = (&self.out, config.names_no_study()) {
            config.config = last_config(out)?;
        }
        let reading = ReadingProgress::start(verbosity);
        let study = Study::load_unjudged(&config.source())?;
        drop(reading);
        let out = self.out.clone().unwrap_or_else(|| study.default_out());
        let store = store_of_run(store.as_deref(), &out, Access::Reads, verbosity)?;
        Ok((study, RunOptions { store, ..RunOptions::new(out) }))
    }
}

impl StudyArgs {
    /// A run folder that is to say which study is meant, and is not there, or is empty.
    pub(crate) fn absent_run(&self) -> Option<&Path> {
        let out = self.folder.out.as_deref().filter(|_| self.folder.config.names_no_study());
        let is_empty =
            |out: &&Path| std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none());
        out.filter(|out| !out.exists() || is_empty(out))
    }

    /// With the config that the last run left in its folder, where the folder is named
    /// and no config is.
    pub(crate) fn of_run_folder(&self) -> anyhow::Result<Self> {
        let mut args = self.clone();
        if let (Some(out), true) = (&self.folder.out, self.folder.config.names_no_study()) {
            args.folder.config.config = last_config(out)?;
        }
        Ok(args)
    }

    /// The number of jobs, where it is given.
    pub(crate) fn jobs(&self) -> Option<usize> {
        self.store.jobs.map(NonZeroUsize::get)
    }

    /// As [`ConfigArgs::of_folder`].
    pub(crate) fn of_other_study(&self) -> anyhow::Result<Self> {
        let mut args = self.clone();
        args.folder.config = args.folder.config.of_folder(self.folder.out.as_deref())?;
        Ok(args)
    }

    /// The study and the options of its run.
    pub(crate) fn resolve(
        &self,
        access: Access,
        verbosity: Verbosity,
    ) -> anyhow::Result<(Study, RunOptions)> {
        let reading = ReadingProgress::start(verbosity);
        let study = Study::load(&self.folder.config.source())?;
        drop(reading);
        if !verbosity.quiet {
            let mut out = plain::stderr();
            for damage in study.damage() {
                writeln!(out, "{damage}")?;
            }
        }
        let options = RunOptions {
            show_rows: self.show_rows,
            ..self.store.options(self.folder.out.as_ref(), &study, access, verbosity)?
        };
        Ok((study, options))
    }
}

impl RunArgs {
    /// The run folder, where it is named.
    pub(crate) fn named_out(&self) -> Option<&Path> {
        self.out.as_deref()
    }

    /// The options of a run of `study` that makes stages.
    ///
    /// # Errors
    /// A run folder whose store cannot be told, or whose store is gone.
    pub(crate) fn options(
        &self,
        study: &Study,
        verbosity: Verbosity,
    ) -> anyhow::Result<RunOptions> {
        self.store.options(self.out.as_ref(), study, Access::Makes, verbosity)
    }
}

impl StoreArgs {
    fn options(
        &self,
        out: Option<&PathBuf>,
        study: &Study,
        access: Access,
        verbosity: Verbosity,
    ) -> anyhow::Result<RunOptions> {
        let jobs = self.jobs.map(NonZeroUsize::get);
        // Devices that this machine lacks are said by the run, and this machine may only plan.
        let device = &study.config().device;
        let each = study.config().devices_per_stage;
        let devices = device.to_take(each).map_or(1, |devices| devices.len());
        // A large model needs all cores, and its memory once; small ones a core each.
        let (jobs, threads) = match (study.config().model.folder(), devices) {
            (Some(_), 0) => (jobs.unwrap_or(1), cores() / jobs.unwrap_or(1)),
            (None, 0) => (jobs.unwrap_or_else(cores), 1),
            // Those of one device, where stages have several.
            (Some(_), n) => {
                let jobs = jobs.unwrap_or(n);
                (jobs, cores() / (each * jobs.min((n / each).max(1))))
            }
            (None, n) => (jobs.unwrap_or(n), 1),
        };
        let out = out.cloned().unwrap_or_else(|| study.default_out());
        Ok(RunOptions {
            store: store_of_run(self.store.as_deref(), &out, access, verbosity)?,
            out,
            jobs,
            threads: threads.max(1),
            given_devices: None,
            device_memory: memory::of_devices(device),
            keep_every: Duration::from_secs_f64(self.checkpoint * 60.0),
            probe: true,
            keep_base: kept::largest(memory::available(), study, jobs),
            screen: false,
            show_rows: false,
            command: command::text(),
        })
    }
}

/// The config that the last run left in the folder `out`. Whether it was edited since is not
/// known where `study.json` is missing; that is said.
pub(crate) fn last_config(out: &Path) -> Result<Option<PathBuf>, StudyError> {
    let Some(found) = config_of_folder(out)? else { return Ok(None) };
    if !found.is_vouched_for {
        // What cannot be shown stops nothing.
        let _ = writeln!(
            plain::stderr(),
            "{}: it is used, and may have been edited: study.json, which would tell, is missing \
             or damaged",
            found.path.display()
        );
    }
    Ok(Some(found.path))
}

/// The number of cores this process may use; one where the system does not say.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
