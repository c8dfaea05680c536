//! `seal ablate --launch`: who makes the stages.

mod left;

use std::io::Write;
use std::path::Path;

use clap::{Args, ValueEnum};
use seal_device::DeviceSpec;
use seal_launch::{
    HyperQueue, LaunchError, LaunchFolder, LaunchSettings, LaunchStage, Launched, Launcher, Local,
    OwnDevice, RESULTS, RemainingWork, Script, Slurm, refuse_second,
};
use seal_study::{
    Config, Event, LaunchPlan, Observer, PlanView, RunOptions, RunOutcome, Study, StudyError,
};

pub(crate) use self::left::{Failed, failed, status};
use crate::command::quoted;
use crate::plain;
use crate::program::running;
use crate::progress::StudyProgress;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

/// Where stages run.
#[derive(Clone, Debug, Args)]
pub(crate) struct LaunchArgs {
    /// Make stages in processes of their own, small ones together, and say where. See
    /// docs/clusters.md.
    #[arg(long, value_name = "WHERE", conflicts_with = "dry_run")]
    launch: Option<LauncherKind>,
    /// Set something of the launch, such as partition=gpu (repeatable). cpus, gpus, memory and time
    /// may be set for one kind of stage: selector.time=12h. A wrong name lists the right ones.
    #[arg(long, value_name = "KEY=VALUE", requires = "launch")]
    launch_set: Vec<String>,
}

/// Where stages run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LauncherKind {
    /// Processes of this machine, --jobs at once; waits for them.
    Local,
    /// Job arrays of Slurm, by levels of the plan; submits and returns.
    Slurm,
    /// Tasks of a HyperQueue server; submits and returns.
    Hyperqueue,
    /// Shell scripts, a file of SkyPilot, and manifests of Kubernetes; writes them and returns.
    Script,
}

/// Launchers that this process does not wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DetachedLauncher {
    Slurm,
    Hyperqueue,
    Script,
}

impl DetachedLauncher {
    fn name(self) -> LauncherKind {
        match self {
            Self::Slurm => LauncherKind::Slurm,
            Self::Hyperqueue => LauncherKind::Hyperqueue,
            Self::Script => LauncherKind::Script,
        }
    }
}

impl LauncherKind {
    /// The launcher, if this process does not wait for the stages.
    pub(crate) fn detached(self) -> Option<DetachedLauncher> {
        match self {
            Self::Local => None,
            Self::Slurm => Some(DetachedLauncher::Slurm),
            Self::Hyperqueue => Some(DetachedLauncher::Hyperqueue),
            Self::Script => Some(DetachedLauncher::Script),
        }
    }

    fn reads(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Local => (Local::NAME, Local::READS),
            Self::Slurm => (Slurm::NAME, Slurm::READS),
            Self::Hyperqueue => (HyperQueue::NAME, HyperQueue::READS),
            Self::Script => (Script::NAME, Script::READS),
        }
    }
}

impl LaunchArgs {
    /// Refuses options that say nothing of a launch.
    fn check(&self, launcher: DetachedLauncher, jobs: Option<usize>) -> Result<(), UsageError> {
        let has_image = self.launch_set.iter().any(|given| given.starts_with("image="));
        let way = match launcher {
            DetachedLauncher::Hyperqueue => {
                "with --launch hyperqueue: its workers say how many tasks run"
            }
            DetachedLauncher::Script if !has_image => "with --launch script, except for Kubernetes",
            DetachedLauncher::Slurm | DetachedLauncher::Script => return Ok(()),
        };
        match jobs {
            Some(_) => Err(UsageError::NoEffect { option: "jobs".to_owned(), way }),
            None => Ok(()),
        }
    }

    /// Where stages run; `None` is in this process.
    pub(crate) fn launcher(&self) -> Option<LauncherKind> {
        self.launch
    }

    /// The settings, and whether another launch is at work: both before anything is written.
    fn settings(
        &self,
        launcher: LauncherKind,
        study: &Study,
        options: &RunOptions,
    ) -> Result<LaunchSettings, LaunchError> {
        let mut kinds: Vec<&str> = study.kinds(options).into_iter().collect();
        kinds.push(RESULTS);
        let settings = LaunchSettings::parse(&self.launch_set, launcher.reads(), &kinds)?;
        refuse_second(&LaunchFolder::of_run(&options.out))?;
        Ok(settings)
    }

    /// Stores the plan of the study and gives the settings.
    fn store(
        &self,
        (launcher, jobs): (LauncherKind, Option<usize>),
        study: &Study,
        options: &RunOptions,
        observer: &dyn Observer,
    ) -> anyhow::Result<(LaunchPlan, LaunchSettings)> {
        let program = std::env::current_exe().map_err(StudyError::io(Path::new("the program")))?;
        let out = std::path::absolute(&options.out).map_err(StudyError::io(&options.out))?;
        let text = |path: &Path| match path.to_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(LaunchError::Path { path: path.to_owned() }),
        };
        let command = vec![text(&program)?, "run-stage".into(), "--out".into(), text(&out)?];
        let settings = self.settings(launcher, study, options)?;
        let words = (command, vec!["--results".to_owned()]);
        let mut planned = study.launch_plan(options, words, observer)?;
        // Another launch may have begun before the run folder was this one's.
        refuse_second(&planned.plan.launch_folder())?;
        for stage in &mut planned.plan.stages {
            let (threads, device) = (stage.threads, stage.device.as_deref());
            let asked = settings.request(&stage.stage, threads, (device, stage.devices()));
            // A small stage takes no more threads for being given more cores.
            stage.threads = if device.is_some() { asked.cpus } else { threads };
        }
        let id =
            planned.plan.name(launcher.reads().0, (&planned.found, &settings, jobs))?.to_owned();
        planned.plan.command.extend(["--plan".to_owned(), id]);
        planned.write()?;
        Ok((planned, settings))
    }
}

/// Makes the stages in processes of this machine, and then the results.
pub(crate) fn here(
    study: &Study,
    options: &RunOptions,
    args: &LaunchArgs,
    view: &PlanView,
    progress: &StudyProgress,
) -> anyhow::Result<RunOutcome> {
    // A device that is not there is said before the plan is written. Where all is there, none has
    // to be.
    let devices = match view.stages.iter().all(|stage| stage.found) {
        true => Vec::new(),
        false => own_devices(study.config())?,
    };
    let (planned, settings) =
        args.store((LauncherKind::Local, Some(options.jobs)), study, options, progress)?;
    let work = RemainingWork::of(&planned.plan, &planned.found, settings, Some(options.jobs));
    let missing = planned.found.iter().filter(|found| !**found).count();
    let left = planned.plan.stages.iter().zip(&planned.found).filter(|(_, found)| !**found);
    let cost = left.map(|(stage, _)| stage.cost).sum();
    let (stages, found) = (planned.found.len(), planned.found.len() - missing);
    progress.event(&Event::Planned { stages, found, cost });
    let told = TaskProgress { work: &work, view, progress };
    match (Local { observer: &told, devices: &devices }).launch(&work) {
        Ok(_) => {}
        Err(LaunchError::Cancelled { done, of }) => {
            return Err(StudyError::Cancelled { stages: Some((done, of)) }.into());
        }
        Err(error) => return Err(error.into()),
    }
    let outcome = study.results_of_launch(&planned, options, &ResultsProgress(progress))?;
    // What this process found was made by those that it started.
    let (ran, found) = (outcome.ran + missing, outcome.found.saturating_sub(missing));
    Ok(RunOutcome { ran, found, ..outcome })
}

/// The devices of a list, and how a process sees one of them alone.
fn own_devices(config: &Config) -> anyhow::Result<Vec<OwnDevice>> {
    let set = config.device.set()?;
    if !set.is_list() {
        return Ok(Vec::new());
    }
    let visible = std::env::var("CUDA_VISIBLE_DEVICES").ok();
    let own = |device: DeviceSpec| OwnDevice {
        name: device.to_string(),
        variables: device.variables(visible.as_deref()),
    };
    Ok(set.found_for(config.devices_per_stage)?.into_iter().map(own).collect())
}

/// Submits the stages, or writes what starts them, and says how to go on.
pub(crate) fn detached(
    study: &Study,
    options: &RunOptions,
    (launcher, args, jobs): (DetachedLauncher, &LaunchArgs, Option<usize>),
    verbosity: Verbosity,
) -> anyhow::Result<()> {
    args.check(launcher, jobs)?;
    // The cores and devices of this machine say nothing of those that make the stages.
    let options = &RunOptions { threads: 1, device_memory: None, ..options.clone() };
    let (planned, settings) = args.store((launcher.name(), jobs), study, options, &Notices)?;
    // The job of the results may start before this process ends.
    let (plan, stages_found) = planned.released();
    let work = RemainingWork::of(&plan, &stages_found, settings, jobs);
    let slow = |stage: &LaunchStage| stage.device.as_deref() == Some("flex") && stage.threads == 1;
    if study.config().model.folder().is_some() && plan.stages.iter().any(slow) {
        let message =
            "a task with the model has one core; --launch-set cpus=N gives it more".to_owned();
        Notices.event(&Event::Notice { message });
    }
    let starts: &dyn Launcher = match launcher {
        DetachedLauncher::Slurm => &Slurm,
        DetachedLauncher::Hyperqueue => &HyperQueue,
        DetachedLauncher::Script => &Script,
    };
    let launched = starts.launch(&work)?;
    if verbosity.quiet {
        return Ok(());
    }
    let mut out = plain::stdout();
    let found = stages_found.iter().filter(|found| **found).count();
    writeln!(
        out,
        "{} stages, {found} found; tasks that make the others: {}, on levels: {}\n",
        stages_found.len(),
        work.tasks.len(),
        work.levels()
    )?;
    let (program, shown) = (running().name, quoted(&options.out));
    match launched {
        Launched::Submitted(jobs) => {
            for job in &jobs {
                writeln!(out, "job {}: tasks {} ({})", job.id, job.tasks, job.makes)?;
            }
            writeln!(out, "\n{program} status --out {shown}    what is done, waits or has failed")?;
            if launcher == DetachedLauncher::Slurm {
                writeln!(out, "{program} cancel --out {shown}    stops all of it")?;
            }
            let logs = work.folder().logs();
            writeln!(out, "{}    what each task says", logs.display())?;
        }
        Launched::Written(files) => {
            for file in files {
                writeln!(out, "{}", file.display())?;
            }
            let all = quoted(&work.folder().plan_dir().join("script/all.sh"));
            writeln!(out, "\nsh {all}    runs all of it here, one task after another")?;
        }
        Launched::Done => {}
    }
    Ok(())
}

/// Tells the progress of a study of its tasks.
struct TaskProgress<'a> {
    work: &'a RemainingWork<'a>,
    view: &'a PlanView,
    progress: &'a StudyProgress,
}

impl seal_launch::Observer for TaskProgress<'_> {
    fn is_cancelled(&self) -> bool {
        self.progress.is_cancelled()
    }

    fn event(&self, event: &seal_launch::Event) {
        use seal_launch::Event as Of;
        let stages = |task: &usize| &self.work.tasks[*task].stages;
        match event {
            Of::Started { task, device } => {
                for node in stages(task) {
                    let of = &self.view.stages[*node];
                    let (node, stage, label, cost) = (*node, of.stage, of.label.clone(), of.cost);
                    let computes = self.work.plan.stages[node].device.is_some();
                    let device = device.clone().filter(|_| computes);
                    self.progress.event(&Event::Started { node, stage, label, cost, device });
                }
            }
            Of::Finished { task, seconds } => {
                let share = seconds / stages(task).len().max(1) as f64;
                for node in stages(task) {
                    let cost = self.view.stages[*node].cost;
                    self.progress.event(&Event::Finished { node: *node, seconds: share, cost });
                }
            }
            Of::Again { task, code } => {
                let code = code.map_or_else(|| "a signal".to_owned(), |c| format!("exit code {c}"));
                let names = self.work.names(*task).join(", ");
                let message = format!("{names}: its process ended with {code}; started again");
                self.progress.event(&Event::Notice { message });
            }
            Of::Failed { task, fault } => {
                for node in stages(task) {
                    let message = fault.to_string();
                    self.progress.event(&Event::Failed { node: *node, message });
                }
            }
        }
    }
}

/// The progress of the run after a launch, which finds all stages: their counts are known.
struct ResultsProgress<'a>(&'a StudyProgress);

impl Observer for ResultsProgress<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    fn event(&self, event: &Event) {
        if !matches!(event, Event::Planned { .. }) {
            self.0.event(event);
        }
    }
}

/// Says notices on stderr.
struct Notices;

impl Observer for Notices {
    fn event(&self, event: &Event) {
        if let Event::Notice { message } = event {
            // A closed stderr changes nothing.
            let _ = writeln!(plain::stderr(), "note: {message}");
        }
    }
}
