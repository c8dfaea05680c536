//! Tasks as job arrays of Slurm.
//!
//! Each level of the plan is a job array, or several where tasks ask for other things or are more
//! than an array may have. An array waits with `afterany` for those of the level below. `afterok`
//! would keep a whole level from running where one task of the level below failed, and Slurm may call
//! a task failed that has ended well: a controller that was killed does so. So each process looks for
//! its inputs in the store, and ends with a code of its own where they are not there.

mod limits;
mod queue;

use std::path::Path;
use std::process::Command;

pub use self::queue::{Queued, cancel, queue};

use crate::error::LaunchError;
use crate::folder::write;
use crate::jobs::{Jobs, Submitted};
use crate::launcher::{Launched, Launcher};
use crate::shell::{lines, quoted_path, write_task};
use crate::tasks::{Array, Work};

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

    fn launch(&self, work: &Work<'_>) -> Result<Launched, LaunchError> {
        let folder = work.folder();
        refuse_second(work)?;
        let dir = folder.make("slurm")?;
        let task_sh = quoted_path(&write_task(work)?)?;
        let most = limits::array_size();
        let mut jobs = Jobs::of(Self::NAME);
        // Ids of the level below, and of this one.
        let (mut below, mut level, mut ids) = (Vec::<String>::new(), 0, Vec::<String>::new());
        for (number, array) in work.arrays().iter().enumerate() {
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
                let makes = work.kinds(tasks);
                let mut command = sbatch(work, &folder.logs(), &below);
                self.ask(&mut command, work, array, tasks.len());
                command.arg(&script);
                let id = submitted(command)?;
                ids.push(id.clone());
                jobs.add(&folder, Submitted { id, makes, tasks: tasks.len() })?;
            }
        }
        let last = if ids.is_empty() { below } else { ids };
        let script = dir.join("results.sh");
        let words = work.plan.results.join(" ");
        write(&script, &format!("#!/bin/sh\nexec sh {task_sh} results {words}\n"))?;
        let mut command = sbatch(work, &folder.logs(), &last);
        common(&mut command, work);
        command.arg(&script);
        let id = submitted(command)?;
        jobs.add(&folder, Submitted { id, makes: "the results".to_owned(), tasks: 1 })?;
        Ok(Launched::Submitted(jobs.jobs))
    }
}

impl Slurm {
    /// Adds what an array asks for.
    fn ask(&self, command: &mut Command, work: &Work<'_>, array: &Array, tasks: usize) {
        let most = if array.is_one_by_one { Some(1) } else { work.jobs };
        let throttle = most.map_or_else(String::new, |most| format!("%{most}"));
        command.arg(format!("--array=0-{}{throttle}", tasks - 1));
        command.arg(format!("--cpus-per-task={}", array.needs.cpus));
        if array.needs.gpus > 0 {
            command.arg(format!("--gpus={}", array.needs.gpus));
        }
        if let Some(memory) = array.needs.memory {
            command.arg(format!("--mem={memory}M"));
        }
        if let Some(minutes) = array.needs.minutes {
            command.arg(format!("--time={minutes}"));
        }
        // USR1 and not TERM, so that a job whose time runs out is told from one that is cancelled.
        // The batch shell gets it, and passes it on.
        command.arg(format!("--signal=B:USR1@{NOTICE}"));
        common(command, work);
    }
}

/// A submission that every job has alike.
fn sbatch(work: &Work<'_>, logs: &Path, after: &[String]) -> Command {
    let mut command = Command::new("sbatch");
    let name = work.plan.study.get("name").and_then(|name| name.as_str()).unwrap_or("study");
    command.args(["--parsable", "--requeue", "--open-mode=append"]);
    command.arg(format!("--job-name=seal-{name}"));
    command.arg("--output").arg(logs.join("slurm-%A_%a.log"));
    command.arg("--chdir").arg(&work.plan.folder);
    if !after.is_empty() {
        command.arg(format!("--dependency=afterany:{}", after.join(":")));
    }
    command
}

/// Adds what the settings say of all jobs. The settings of a user come last, and win.
fn common(command: &mut Command, work: &Work<'_>) {
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

/// Refuses a second launch while jobs of the first are in the queue. Where the queue cannot be asked,
/// the launch goes on: two of them harm nothing.
fn refuse_second(work: &Work<'_>) -> Result<(), LaunchError> {
    let Some(jobs) = Jobs::read(&work.folder())? else { return Ok(()) };
    let mut left = queue(&jobs).unwrap_or_default();
    match left.is_empty() {
        true => Ok(()),
        false => Err(LaunchError::AtWork { jobs: left.len(), first: left.swap_remove(0).id }),
    }
}
