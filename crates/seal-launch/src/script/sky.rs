//! A file of SkyPilot: one managed job that runs every level on one machine.
//!
//! The store must lie on a file system that links and renames at once or not at all. A bucket that is
//! mounted does neither, so the file names a volume. It names no kind of GPU: none is right for all
//! models, and SkyPilot takes it as an option.

use serde_json::json;

use super::yaml;
use crate::error::LaunchError;
use crate::shell::quoted_path;
use crate::tasks::RemainingWork;

/// The text of the file.
pub(super) fn text(work: &RemainingWork<'_>) -> Result<String, LaunchError> {
    let cpus = work.tasks.iter().map(|task| task.needs.cpus).max().unwrap_or(1);
    let memory = work.tasks.iter().filter_map(|task| task.needs.memory).max();
    let mut resources = json!({"cpus": format!("{cpus}+")});
    if let Some(memory) = memory {
        resources["memory"] = format!("{}+", memory.div_ceil(1024)).into();
    }
    let all = quoted_path(&work.folder().plan_dir().join("script").join("all.sh"))?;
    let mut task = json!({
        "name": format!("seal-{}", work.plain_study()),
        "resources": resources,
        "run": format!("sh {all}\n"),
    });
    if let (Some(mount), Some(claim)) = (work.settings.text("mount"), work.settings.text("claim")) {
        task["volumes"] = json!({mount: claim});
    }
    Ok(yaml::text(&task))
}
