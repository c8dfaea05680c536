//! Tasks as job arrays of Slurm.
//!
//! Each level of the plan is a job array, or several where tasks ask for other things or are more
//! than an array may have. An array waits with `afterany` for those of the level below. `afterok`
//! would keep a whole level from running where one task of the level below failed, and Slurm may call
//! a task failed that has ended well: a controller that was killed does so. So each process looks for
//! its inputs in the store, and ends with a code of its own where they are not there.

mod limits;
mod queue;

use std::collections::BTreeMap;
use std::process::Command;

pub(crate) use self::queue::scancel;
pub use self::queue::{Queued, queue};

use crate::error::LaunchError;
use crate::folder::{LaunchFolder, write};
use crate::jobs::{Jobs, Submitted};
use crate::launcher::{Launched, Launcher};
use crate::settings::Request;
use crate::shell::{lines, quoted_path, write_task};
use crate::tasks::RemainingWork;

/// Submits tasks to Slurm, and returns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slurm;

impl Slurm {
    /// Its name.
    pub const NAME: &'static str = "slurm";
    /// The settings that it reads.
    pub const READS: &'static [&'static str] = &[
        "cpus",
        "gpus",
        "memory",
        "time",
        "group",
        "attempts",
        "requeue",
        "notice",
        "partition",
        "account",
        "qos",
        "sbatch",
    ];
}

/// Seconds before the end of its time at which a job is told so.
const NOTICE: u32 = 60;

impl Launcher for Slurm {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn launch(&self, work: &RemainingWork<'_>) -> Result<Launched, LaunchError> {
        refuse_second(&work.folder())?;
        let mut jobs = Jobs::of(Self::NAME);
        match submit_all(work, &mut jobs) {
            Ok(()) => Ok(Launched::Submitted(jobs.jobs)),
            Err(error) if jobs.jobs.is_empty() => Err(error),
            // Without the last job, nothing makes the results.
            Err(error) => {
                let ids = jobs.ids();
                let cancelled = scancel(&ids).is_ok();
                Err(LaunchError::Half { ids: ids.join(", "), cancelled, source: Box::new(error) })
            }
        }
    }
}

/// Submits an array for each level, or several, and the job that makes the results.
fn submit_all(work: &RemainingWork<'_>, jobs: &mut Jobs) -> Result<(), LaunchError> {
    let folder = work.folder();
    let dir = folder.make_own("slurm")?;
    let task_sh = quoted_path(&write_task(work)?)?;
    let most = limits::array_size();
    // Ids of the level below, and of this one.
    let (mut below, mut level, mut ids) = (Vec::<String>::new(), 0, Vec::<String>::new());
    // The last job that asks a service: the next one waits for it.
    let mut asks: BTreeMap<&str, String> = BTreeMap::new();
    let arrays = work.arrays();
    for (number, array) in arrays.iter().enumerate() {
        if array.level != level {
            (below, level, ids) = (std::mem::take(&mut ids), array.level, Vec::new());
        }
        let list = dir.join(format!("array-{}.txt", number + 1));
        write(&list, &lines(work, &array.tasks))?;
        let list = quoted_path(&list)?;
        for (chunk, tasks) in array.tasks.chunks(most).enumerate() {
            let script = dir.join(format!("array-{}-{}.sh", number + 1, chunk + 1));
            // A name and keys have no blanks, so the line is its words.
            let text = format!(
                "#!/bin/sh\nline=$((SLURM_ARRAY_TASK_ID + {}))\n\
                 exec sh {task_sh} $(sed -n \"${{line}}p\" {list})\n",
                chunk * most + 1
            );
            write(&script, &text)?;
            let mut after = below.clone();
            if let Some(service) = &array.network {
                after.extend(asks.get(service.as_str()).filter(|id| !below.contains(id)).cloned());
            }
            let mut command = sbatch(work, "%A_%a", &after)?;
            let most = if array.network.is_some() { Some(1) } else { work.jobs };
            let throttle = most.map_or_else(String::new, |most| format!("%{most}"));
            command.arg(format!("--array=0-{}{throttle}", tasks.len() - 1));
            ask(&mut command, work, &array.needs);
            command.arg(&script);
            let id = submitted(command)?;
            ids.push(id.clone());
            if let Some(service) = &array.network {
                asks.insert(service, id.clone());
            }
            jobs.add(&folder, Submitted { id, makes: work.kinds(tasks), tasks: tasks.len() })?;
        }
    }
    let last = if ids.is_empty() { below } else { ids };
    let script = dir.join("results.sh");
    let words = work.results_arguments().join(" ");
    write(&script, &format!("#!/bin/sh\nexec sh {task_sh} {words}\n"))?;
    let mut command = sbatch(work, "%j", &last)?;
    ask(&mut command, work, &work.results());
    command.arg(&script);
    let id = submitted(command)?;
    jobs.add(&folder, Submitted { id, makes: "the results".to_owned(), tasks: 1 })
}

/// A submission that every job has alike. `log` is what Slurm calls the job in the name of its log.
fn sbatch(work: &RemainingWork<'_>, log: &str, after: &[String]) -> Result<Command, LaunchError> {
    let logs = work.folder().logs();
    // Slurm takes a percent sign for the beginning of a number of its own.
    let logs = logs.to_str().ok_or_else(|| LaunchError::Path { path: logs.clone() })?;
    let logs = logs.replace('%', "%%");
    let mut command = Command::new("sbatch");
    command.args(["--parsable", "--requeue", "--open-mode=append"]);
    command.arg(format!("--job-name=seal-{}", work.study()));
    command.arg("--output").arg(format!("{logs}/slurm-{log}.log"));
    command.arg("--chdir").arg(&work.plan.folder);
    if !after.is_empty() {
        command.arg(format!("--dependency=afterany:{}", after.join(":")));
    }
    Ok(command)
}

/// Adds what a job asks for. The settings of a user come last, and win.
fn ask(command: &mut Command, work: &RemainingWork<'_>, needs: &Request) {
    command.arg(format!("--cpus-per-task={}", needs.cpus));
    if needs.gpus > 0 {
        command.arg(format!("--gpus={}", needs.gpus));
    }
    if let Some(memory) = needs.memory {
        command.arg(format!("--mem={memory}M"));
    }
    if let Some(minutes) = needs.minutes {
        command.arg(format!("--time={minutes}"));
    }
    // USR1 and not TERM, so that a job whose time runs out is told from one that is cancelled. The
    // batch shell gets it, and passes it on.
    let notice = work.settings.number("notice").unwrap_or(NOTICE);
    command.arg(format!("--signal=B:USR1@{notice}"));
    for name in ["partition", "account", "qos"] {
        if let Some(value) = work.settings.text(name) {
            command.arg(format!("--{name}={value}"));
        }
    }
    command.args(work.settings.texts("sbatch"));
}

/// Submits, and gives the id of the job.
fn submitted(command: Command) -> Result<String, LaunchError> {
    let text = said(command)?;
    // With several clusters, the name of the cluster follows the id.
    let id = text.trim().split(';').next().unwrap_or_default().to_owned();
    match !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(id),
        false => {
            Err(LaunchError::Refused { program: "sbatch".to_owned(), code: Some(0), said: text })
        }
    }
}

/// What a program of Slurm says on its standard output.
fn said(mut command: Command) -> Result<String, LaunchError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = match command.output() {
        Ok(output) => output,
        Err(source) => return Err(LaunchError::Start { program, source }),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(LaunchError::Refused { program, code: output.status.code(), said });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Refuses a launch while jobs of an earlier one are in Slurm's queue, or may be. Jobs of HyperQueue
/// cannot be asked for; a launch has files of its own, so those that wait are not disturbed.
///
/// # Errors
/// Jobs in the queue; a queue that cannot be asked; a record that cannot be read.
pub fn refuse_second(folder: &LaunchFolder) -> Result<(), LaunchError> {
    let Some(jobs) = Jobs::read(folder)? else { return Ok(()) };
    let mut left = queue(&jobs).map_err(|source| LaunchError::MayBeAtWork {
        record: folder.jobs(),
        source: Box::new(source),
    })?;
    match left.is_empty() {
        true => Ok(()),
        false => Err(LaunchError::AtWork { jobs: left.len(), first: left.swap_remove(0).id }),
    }
}
