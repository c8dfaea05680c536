//! Manifests of Kubernetes: an Indexed Job for each array of tasks.
//!
//! Kubernetes starts jobs in no order, so a script applies them level by level. Exit codes are
//! mapped: 1 to 4 fail their index at once, and any other code is tried again.

use serde_json::{Value, json};

use super::yaml;
use crate::error::LaunchError;
use crate::settings::Request;
use crate::shell::{ATTEMPTS, quoted, quoted_path};
use crate::tasks::{RESULTS, RemainingWork};

/// Bytes of a list of tasks. The list is one argument of a program, and Linux takes 128 KiB.
const LIST: usize = 100 * 1024;

/// Names and texts of the files: a manifest for each array and one for the results, and the script
/// that applies them.
pub(super) fn files(work: &RemainingWork<'_>) -> Result<Vec<(String, String)>, LaunchError> {
    let mut files = Vec::new();
    let mut script = String::from(HEAD);
    let mut level = 0;
    let mut names = Vec::new();
    let mut number = 0;
    for array in &work.arrays() {
        for (part, lists) in parts(work, &array.tasks)?.into_iter().enumerate() {
            // Two jobs that ask one service do not run at once.
            let is_after = array.level != level || part > 0 && array.network.is_some();
            if is_after && !names.is_empty() {
                script.push_str(&format!("wait_for {}\n", names.join(" ")));
                names.clear();
            }
            level = array.level;
            number += 1;
            let name = job_name(work, &number.to_string());
            let file = format!("kubernetes-{number}.yaml");
            let at_once = if array.network.is_some() { Some(1) } else { work.jobs };
            let job = manifest(work, &name, (&array.needs, at_once), &lists)?;
            files.push((file.clone(), yaml::text(&job)));
            script.push_str(&format!("apply {name} \"$here/{file}\"\n"));
            names.push(name);
        }
    }
    if !names.is_empty() {
        script.push_str(&format!("wait_for {}\n", names.join(" ")));
    }
    let name = job_name(work, RESULTS);
    let line = line(work, 0, &work.results_arguments())?;
    let job = manifest(work, &name, (&work.results(), None), &[line])?;
    files.push(("kubernetes-results.yaml".to_owned(), yaml::text(&job)));
    script.push_str(&format!("apply {name} \"$here/kubernetes-results.yaml\"\n"));
    script.push_str(&format!("wait_for {name}\nexit \"$code\"\n"));
    files.push(("kubernetes.sh".to_owned(), script));
    Ok(files)
}

/// The lines that choose among tasks, in as many lists as are needed.
fn parts(work: &RemainingWork<'_>, tasks: &[usize]) -> Result<Vec<Vec<String>>, LaunchError> {
    let mut all: Vec<Vec<String>> = Vec::new();
    let mut bytes = LIST;
    for task in tasks {
        let number = all.last().map_or(0, Vec::len);
        let mut text = line(work, number, &work.arguments(*task))?;
        if bytes + text.len() > LIST {
            all.push(Vec::new());
            text = line(work, 0, &work.arguments(*task))?;
            bytes = 0;
        }
        bytes += text.len();
        if let Some(part) = all.last_mut() {
            part.push(text);
        }
    }
    Ok(all)
}

/// What the pod with this number does.
fn line(
    work: &RemainingWork<'_>,
    number: usize,
    arguments: &[&str],
) -> Result<String, LaunchError> {
    let task_sh = quoted_path(&work.folder().plan_dir().join("task.sh"))?;
    let words = arguments.iter().map(|word| quoted(word));
    let words = words.collect::<Result<Vec<_>, _>>()?.join(" ");
    Ok(format!("{number}) exec sh {task_sh} {words} ;;\n"))
}

/// The beginning of the script that applies the jobs.
const HEAD: &str = include_str!("kubernetes.sh");

/// A name that Kubernetes takes: small letters, digits and dashes, 63 of them at most. It has the id
/// of the plan, because a job cannot be changed, and run folders may share a name of a study.
fn job_name(work: &RemainingWork<'_>, number: &str) -> String {
    format!("seal-{}-{}-{number}", work.plain_study(), short_id(work))
}

/// The beginning of the plan's id.
fn short_id<'w>(work: &'w RemainingWork<'_>) -> &'w str {
    work.plan.id.get(..8).unwrap_or("plan")
}

/// A job with an index for each of `lines`, of which so many run at once.
fn manifest(
    work: &RemainingWork<'_>,
    name: &str,
    (needs, at_once): (&Request, Option<usize>),
    lines: &[String],
) -> Result<Value, LaunchError> {
    let settings = &work.settings;
    let launcher = super::Script::NAME;
    let image = settings.needed(launcher, "image")?;
    let claim = settings.needed(launcher, "claim")?;
    let mount = settings.needed(launcher, "mount")?;
    let count = lines.len();
    let at_once = at_once.unwrap_or(count).clamp(1, count.max(1));
    let mut limits = serde_json::Map::new();
    limits.insert("cpu".to_owned(), needs.cpus.to_string().into());
    if let Some(memory) = needs.memory {
        limits.insert("memory".to_owned(), format!("{memory}Mi").into());
    }
    if needs.gpus > 0 {
        limits.insert("nvidia.com/gpu".to_owned(), needs.gpus.to_string().into());
    }
    // The list is in the manifest, so that a later launch changes no job that waits.
    let lines = lines.concat();
    let choose = format!("case \"$JOB_COMPLETION_INDEX\" in\n{lines}esac\n");
    let container = json!({
        "name": "stage",
        "image": image,
        "command": ["/bin/sh", "-c", choose],
        // Kubernetes counts the attempts.
        "env": [{"name": ATTEMPTS, "value": "1"}],
        "resources": {"limits": limits.clone(), "requests": limits},
        "volumeMounts": [{"name": "study", "mountPath": mount}],
    });
    let mut spec = json!({
        "completionMode": "Indexed",
        "completions": count,
        "parallelism": at_once,
        "backoffLimitPerIndex": settings.attempts().saturating_sub(1),
        "maxFailedIndexes": count,
        "podFailurePolicy": {"rules": [
            {"action": "FailIndex",
             "onExitCodes": {"containerName": "stage", "operator": "In", "values": [1, 2, 3, 4]}},
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        ]},
        "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [container],
            "volumes": [{"name": "study", "persistentVolumeClaim": {"claimName": claim}}],
        }},
    });
    if let Some(minutes) = needs.minutes {
        spec["template"]["spec"]["activeDeadlineSeconds"] = (minutes * 60).into();
    }
    let labels = json!({"seal-launch": short_id(work)});
    let metadata = json!({"name": name, "labels": labels});
    Ok(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}))
}
