//! Tasks as files that a user starts: shell scripts, manifests of Kubernetes, a file of SkyPilot.

mod kubernetes;
mod sky;
mod yaml;

use crate::error::LaunchError;
use crate::folder::write;
use crate::launcher::{Launched, Launcher};
use crate::shell::{lines, quoted, quoted_path, write_task};
use crate::tasks::RemainingWork;

/// Keeps the first exit code of a failure. That of a task without its inputs, 5, gives way to that of
/// the failure that it comes from.
const KEEP: &str = "\
code=0
keep() {
    case $code in
    0 | 5) code=$1 ;;
    esac
}
";

/// Writes files that start the tasks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Script;

impl Script {
    /// Its name.
    pub const NAME: &'static str = "script";
    /// The settings that it reads.
    pub const READS: &'static [&'static str] =
        &["cpus", "gpus", "memory", "time", "group", "attempts", "image", "claim", "mount"];
}

impl Launcher for Script {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// Writes, for each level of the plan, the list of its tasks and a script that runs them one
    /// after another. `all.sh` runs the levels. With the settings of a container, manifests too.
    fn launch(&self, work: &RemainingWork<'_>) -> Result<Launched, LaunchError> {
        let dir = work.folder().make_own("script")?;
        let task_sh = quoted_path(&write_task(work)?)?;
        let mut files = Vec::new();
        let mut put = |name: &str, text: String| {
            let path = dir.join(name);
            files.push(path.clone());
            write(&path, &text)
        };
        let mut levels = String::new();
        for level in 0..work.levels() {
            let of = |i: &usize| work.tasks[*i].level == level;
            let tasks: Vec<usize> = (0..work.tasks.len()).filter(of).collect();
            let number = level + 1;
            let list = quoted_path(&dir.join(format!("level-{number}.txt")))?;
            put(&format!("level-{number}.txt"), lines(work, &tasks))?;
            let (kinds, count, levels_in_all) = (work.kinds(&tasks), tasks.len(), work.levels());
            let text = format!(
                "#!/bin/sh\n# {kinds}. A number runs the task on that line alone, from 1.\n{KEEP}\
                 case ${{1:-1}} in\n*[!0-9]* | 0) echo \"$0: no task $1\" >&2; exit 2 ;;\nesac\n\
                 if [ \"${{1:-1}}\" -gt {count} ]; then\n    echo \"$0: no task $1\" >&2\n    exit 2\nfi\n\
                 number=0\nwhile read -r task; do\n    number=$((number + 1))\n    \
                 echo \"level {number} of {levels_in_all}, task ${{1:-$number}} of {count}: ${{task%% *}}\"\n    \
                 sh {task_sh} $task || {{ ended=$?; echo \"  ended with $ended\"; keep $ended; }}\n\
                 done <<EOF\n$(sed -n \"${{1:-1,\\$}}p\" {list})\nEOF\nexit \"$code\"\n",
            );
            put(&format!("level-{number}.sh"), text)?;
            let script = quoted_path(&dir.join(format!("level-{number}.sh")))?;
            levels.push_str(&format!("sh {script} || keep $?\n"));
        }
        let words = work.results_arguments().join(" ");
        let said = "echo \"the results and the report\"";
        put("results.sh", format!("#!/bin/sh\n{said}\nexec sh {task_sh} {words}\n"))?;
        let script = quoted_path(&dir.join("results.sh"))?;
        let logs = work.folder().logs();
        let logs = logs.to_str().ok_or_else(|| LaunchError::Path { path: logs.clone() })?;
        let logs = quoted(&format!("all that each task says is in {logs}"))?;
        // A level goes on where a stage of it failed. Each stage that reads from it then ends with 5.
        put(
            "all.sh",
            format!(
                "#!/bin/sh\necho {logs}\n{KEEP}{levels}sh {script} || keep $?\nexit \"$code\"\n"
            ),
        )?;
        let container = ["image", "claim", "mount"];
        if container.iter().any(|name| work.settings.text(name).is_some()) {
            for (name, text) in kubernetes::files(work)? {
                put(&name, text)?;
            }
        }
        put("skypilot.yaml", sky::text(work)?)?;
        Ok(Launched::Written(files))
    }
}

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;
