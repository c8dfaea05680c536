//! Tasks as tasks of HyperQueue.
//!
//! The package `hyperqueue` of PyPI has a client for Python and no program of its own, so a small
//! script submits. It stands beside the plan, and a user may run it again.

use std::process::Command;

use serde_json::json;

use crate::error::LaunchError;
use crate::folder::write;
use crate::jobs::{Jobs, Submitted};
use crate::launcher::{Launched, Launcher};
use crate::shell::write_task;
use crate::slurm::refuse_second;
use crate::tasks::RemainingWork;

const SUBMIT: &str = include_str!("hyperqueue.py");

/// The exit code of the script where its Python has no package.
const NO_PACKAGE: i32 = 3;

/// Submits tasks to a HyperQueue server, and returns.
#[derive(Clone, Copy, Debug, Default)]
pub struct HyperQueue;

impl HyperQueue {
    /// Its name.
    pub const NAME: &'static str = "hyperqueue";
    /// The settings that it reads.
    pub const READS: &'static [&'static str] =
        &["cpus", "gpus", "memory", "time", "group", "attempts", "server", "python"];
}

impl Launcher for HyperQueue {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn launch(&self, work: &RemainingWork<'_>) -> Result<Launched, LaunchError> {
        let folder = work.folder();
        refuse_second(&folder)?;
        let dir = folder.make_own("hyperqueue")?;
        let task_sh = write_task(work)?;
        let tasks = (0..work.tasks.len()).map(|i| {
            let task = &work.tasks[i];
            json!({
                "arguments": work.arguments(i),
                "after": task.after,
                "cpus": task.needs.cpus,
                "gpus": task.needs.gpus,
                "memory": task.needs.memory,
                "minutes": task.needs.minutes,
                // One at a time asks a service: each waits for the one before.
                "asks": task.network,
            })
        });
        let results = work.results();
        let graph = json!({
            "name": work.study(),
            "task": task_sh,
            "folder": work.plan.folder,
            "logs": folder.logs(),
            "tasks": tasks.collect::<Vec<_>>(),
            "results": work.results_arguments(),
            "memory": results.memory,
            "minutes": results.minutes,
            "cpus": results.cpus,
            "gpus": results.gpus,
        });
        let (script, graph_file) = (dir.join("submit.py"), dir.join("tasks.json"));
        write(&script, SUBMIT)?;
        write(&graph_file, &(serde_json::to_string_pretty(&graph)? + "\n"))?;
        let python = work.settings.text("python").unwrap_or("python3");
        let mut command = Command::new(python);
        command.arg(&script).arg(&graph_file).args(work.settings.text("server"));
        let output = command
            .output()
            .map_err(|source| LaunchError::Start { program: python.to_owned(), source })?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let id = said(&output.stdout);
        if !output.status.success() || id.is_empty() {
            let (code, said) = (output.status.code(), said(&output.stderr));
            let (python, package) = (python.to_owned(), "hyperqueue");
            return Err(match code {
                Some(NO_PACKAGE) => LaunchError::NoPackage { python, package, said },
                code => LaunchError::Refused { program: python, code, said },
            });
        }
        let mut jobs = Jobs::of(Self::NAME);
        let all: Vec<usize> = (0..work.tasks.len()).collect();
        let makes = match all.is_empty() {
            true => "the results".to_owned(),
            false => format!("{}, the results", work.kinds(&all)),
        };
        jobs.add(&folder, Submitted { id, makes, tasks: all.len() + 1 })?;
        Ok(Launched::Submitted(jobs.jobs))
    }
}
