//! `seal ablate --launch`: who makes the stages.

mod left;

use std::io::Write;
use std::path::Path;

use clap::{Args, ValueEnum};
use seal_launch::{
    HyperQueue, LaunchError, LaunchFolder, Launched, Launcher, Local, PlannedStage, RESULTS,
    Script, Settings, Slurm, Work, refuse_second,
};
use seal_study::{Event, LaunchPlan, Observer, Outcome, PlanView, RunOptions, Study, StudyError};

pub(crate) use self::left::{Failed, failed, status};
use crate::command::quoted;
use crate::plain;
use crate::program::running;
use crate::progress::Progress;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

/// Where stages run.
#[derive(Clone, Debug, Args)]
pub(crate) struct LaunchArgs {
    /// Make stages in processes of their own, small ones together, and say where. See
    /// docs/clusters.md.
    #[arg(long, value_name = "WHERE", conflicts_with = "dry_run")]
    launch: Option<Place>,
    /// Set something of the launch, such as partition=gpu (repeatable). cpus, gpus, memory and time
    /// may be set for one kind of stage: selector.time=12h. A wrong name lists the right ones.
    #[arg(long, value_name = "KEY=VALUE", requires = "launch")]
    launch_set: Vec<String>,
}

/// Where stages run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Place {
    /// Processes of this machine, --jobs at once; waits for them.
    Local,
    /// Job arrays of Slurm, by levels of the plan; submits and returns.
    Slurm,
    /// Tasks of a HyperQueue server; submits and returns.
    Hyperqueue,
    /// Shell scripts, a file of SkyPilot, and manifests of Kubernetes; writes them and returns.
    Script,
}

/// Places that this process does not wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    Slurm,
    Hyperqueue,
    Script,
}

impl Elsewhere {
    fn name(self) -> Place {
        match self {
            Self::Slurm => Place::Slurm,
            Self::Hyperqueue => Place::Hyperqueue,
            Self::Script => Place::Script,
        }
    }
}

impl Place {
    /// The place, if this process does not wait for the stages.
    pub(crate) fn elsewhere(self) -> Option<Elsewhere> {
        match self {
            Self::Local => None,
            Self::Slurm => Some(Elsewhere::Slurm),
            Self::Hyperqueue => Some(Elsewhere::Hyperqueue),
            Self::Script => Some(Elsewhere::Script),
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
    fn check(&self, place: Elsewhere, jobs: Option<usize>) -> Result<(), UsageError> {
        let has_image = self.launch_set.iter().any(|given| given.starts_with("image="));
        let way = match place {
            Elsewhere::Hyperqueue => "with --launch hyperqueue: its workers say how many tasks run",
            Elsewhere::Script if !has_image => "with --launch script, except for Kubernetes",
            Elsewhere::Slurm | Elsewhere::Script => return Ok(()),
        };
        match jobs {
            Some(_) => Err(UsageError::NoEffect { option: "jobs".to_owned(), way }),
            None => Ok(()),
        }
    }

    /// Where stages run; `None` is in this process.
    pub(crate) fn place(&self) -> Option<Place> {
        self.launch
    }

    /// The settings, and whether another launch is at work: both before anything is written.
    fn settings(
        &self,
        place: Place,
        study: &Study,
        options: &RunOptions,
    ) -> Result<Settings, LaunchError> {
        let mut kinds: Vec<&str> = study.kinds(options).into_iter().collect();
        kinds.push(RESULTS);
        let settings = Settings::parse(&self.launch_set, place.reads(), &kinds)?;
        refuse_second(&LaunchFolder::of_run(&options.out))?;
        Ok(settings)
    }

    /// Stores the plan of the study and gives the settings.
    fn store(
        &self,
        (place, jobs): (Place, Option<usize>),
        study: &Study,
        options: &RunOptions,
        observer: &dyn Observer,
    ) -> anyhow::Result<(LaunchPlan, Settings)> {
        let program = std::env::current_exe().map_err(StudyError::io(Path::new("the program")))?;
        let out = std::path::absolute(&options.out).map_err(StudyError::io(&options.out))?;
        let text = |path: &Path| match path.to_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(LaunchError::Path { path: path.to_owned() }),
        };
        let command = vec![text(&program)?, "run-stage".into(), "--out".into(), text(&out)?];
        let settings = self.settings(place, study, options)?;
        let words = (command, vec!["--results".to_owned()]);
        let mut planned = study.launch_plan(options, words, observer)?;
        // Another launch may have begun before the run folder was this one's.
        refuse_second(&planned.plan.launch_folder())?;
        for stage in &mut planned.plan.stages {
            let (threads, device) = (stage.threads, stage.device.as_deref());
            let asked = settings.request(&stage.stage, threads, device);
            // A small stage takes no more threads for being given more cores.
            stage.threads = if device.is_some() { asked.cpus } else { threads };
        }
        let id = planned.plan.name(place.reads().0, (&planned.found, &settings, jobs))?.to_owned();
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
    progress: &Progress,
) -> anyhow::Result<Outcome> {
    let (planned, settings) =
        args.store((Place::Local, Some(options.jobs)), study, options, progress)?;
    let work = Work::of(&planned.plan, &planned.found, settings, Some(options.jobs));
    let missing = planned.found.iter().filter(|found| !**found).count();
    let left = planned.plan.stages.iter().zip(&planned.found).filter(|(_, found)| !**found);
    let cost = left.map(|(stage, _)| stage.cost).sum();
    let (stages, found) = (planned.found.len(), planned.found.len() - missing);
    progress.event(&Event::Planned { stages, found, cost });
    let told = Told { work: &work, view, progress };
    match (Local { observer: &told }).launch(&work) {
        Ok(_) => {}
        Err(LaunchError::Cancelled { done, of }) => {
            return Err(StudyError::Cancelled { stages: Some((done, of)) }.into());
        }
        Err(error) => return Err(error.into()),
    }
    let outcome = study.results_of_launch(&planned, options, &Afterwards(progress))?;
    // What this process found was made by those that it started.
    let (ran, found) = (outcome.ran + missing, outcome.found.saturating_sub(missing));
    Ok(Outcome { ran, found, ..outcome })
}

/// Submits the stages, or writes what starts them, and says how to go on.
pub(crate) fn elsewhere(
    study: &Study,
    options: &RunOptions,
    (place, args, jobs): (Elsewhere, &LaunchArgs, Option<usize>),
    verbosity: Verbosity,
) -> anyhow::Result<()> {
    args.check(place, jobs)?;
    // The cores of this machine say nothing of those that make the stages.
    let options = &RunOptions { threads: 1, ..options.clone() };
    let (planned, settings) = args.store((place.name(), jobs), study, options, &Notices)?;
    // The job of the results may start before this process ends.
    let (plan, stages_found) = planned.released();
    let work = Work::of(&plan, &stages_found, settings, jobs);
    let slow = |stage: &PlannedStage| stage.device.as_deref() == Some("flex") && stage.threads == 1;
    if study.config().model.folder().is_some() && plan.stages.iter().any(slow) {
        let message =
            "a task with the model has one core; --launch-set cpus=N gives it more".to_owned();
        Notices.event(&Event::Notice { message });
    }
    let launcher: &dyn Launcher = match place {
        Elsewhere::Slurm => &Slurm,
        Elsewhere::Hyperqueue => &HyperQueue,
        Elsewhere::Script => &Script,
    };
    let launched = launcher.launch(&work)?;
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
            if place == Elsewhere::Slurm {
                writeln!(out, "{program} cancel --out {shown}    stops all of it")?;
            }
            let logs = work.folder().logs();
            writeln!(out, "{}    what each task says", logs.display())?;
        }
        Launched::Written(files) => {
            for file in files {
                writeln!(out, "{}", file.display())?;
            }
            let all = quoted(&work.folder().own().join("script/all.sh"));
            writeln!(out, "\nsh {all}    runs all of it here, one task after another")?;
        }
        Launched::Done => {}
    }
    Ok(())
}

/// Tells the progress of a study of its tasks.
struct Told<'a> {
    work: &'a Work<'a>,
    view: &'a PlanView,
    progress: &'a Progress,
}

impl seal_launch::Observer for Told<'_> {
    fn is_cancelled(&self) -> bool {
        self.progress.is_cancelled()
    }

    fn event(&self, event: &seal_launch::Event) {
        use seal_launch::Event as Of;
        let stages = |task: &usize| &self.work.tasks[*task].stages;
        match event {
            Of::Started { task } => {
                for node in stages(task) {
                    let of = &self.view.stages[*node];
                    let (stage, label, cost) = (of.stage, of.label.clone(), of.cost);
                    self.progress.event(&Event::Started { node: *node, stage, label, cost });
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
struct Afterwards<'a>(&'a Progress);

impl Observer for Afterwards<'_> {
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
