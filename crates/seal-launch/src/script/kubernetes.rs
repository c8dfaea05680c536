//! Manifests of Kubernetes: an Indexed Job for each array of tasks.
//!
//! Kubernetes starts jobs in no order, so a script applies them level by level. Exit codes are
//! mapped: 2 to 4 fail their index at once, and any other code is tried again.

use serde_json::{Value, json};

use super::yaml;
use crate::error::LaunchError;
use crate::shell::{quoted, quoted_path};
use crate::tasks::{Array, Work};

/// Names and texts of the files: a manifest for each array and one for the results, and the script
/// that applies them.
pub(super) fn files(work: &Work<'_>) -> Result<Vec<(String, String)>, LaunchError> {
    let mut files = Vec::new();
    let mut script = String::from(HEAD);
    let mut level = 0;
    let mut names = Vec::new();
    for (number, array) in work.arrays().iter().enumerate() {
        if array.level != level {
            level = array.level;
            script.push_str(&format!("wait_for {}\n", names.join(" ")));
            names.clear();
        }
        let name = job_name(work, &(number + 1).to_string());
        let file = format!("kubernetes-{}.yaml", number + 1);
        let lines: Vec<Value> =
            array.tasks.iter().map(|task| work.arguments(*task).join(" ").into()).collect();
        files.push((file.clone(), yaml::text(&manifest(work, &name, Some(array), lines)?)));
        script.push_str(&format!("kubectl apply -f \"$here/{file}\"\n"));
        names.push(name);
    }
    if !names.is_empty() {
        script.push_str(&format!("wait_for {}\n", names.join(" ")));
    }
    let name = job_name(work, "results");
    let line = format!("results {}", work.plan.results.join(" "));
    let text = yaml::text(&manifest(work, &name, None, vec![line.into()])?);
    files.push(("kubernetes-results.yaml".to_owned(), text));
    script.push_str("kubectl apply -f \"$here/kubernetes-results.yaml\"\n");
    script.push_str(&format!("wait_for {name}\n"));
    files.push(("kubernetes.sh".to_owned(), script));
    Ok(files)
}

const HEAD: &str = "\
#!/bin/sh
# Applies the jobs level by level. A job that failed does not stop the next level: its other tasks
# have made their stages, and what reads from a stage that is missing fails by itself.
set -e
here=$(cd \"$(dirname \"$0\")\" && pwd)
wait_for() {
    for job; do
        until kubectl get job \"$job\" -o 'jsonpath={.status.conditions[*].type}' |
            grep -Eq 'Complete|Failed'; do
            sleep 5
        done
    done
}
";

/// A name that Kubernetes takes: small letters, digits and dashes, 63 of them at most.
fn job_name(work: &Work<'_>, number: &str) -> String {
    let study = work.plan.study.get("name").and_then(Value::as_str).unwrap_or("study");
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() => c,
        _ => '-',
    };
    let study: String = study.chars().map(plain).take(40).collect();
    format!("seal-{}-{number}", study.trim_matches('-'))
}

/// The job of `array`, or that of the results, whose tasks have these arguments.
fn manifest(
    work: &Work<'_>,
    name: &str,
    array: Option<&Array>,
    lines: Vec<Value>,
) -> Result<Value, LaunchError> {
    let settings = &work.settings;
    let launcher = super::Script::NAME;
    let image = settings.needed(launcher, "image")?;
    let claim = settings.needed(launcher, "claim")?;
    let mount = settings.needed(launcher, "mount")?;
    let count = lines.len();
    let at_once = match array {
        Some(array) if array.is_one_by_one => 1,
        _ => work.jobs.unwrap_or(count).clamp(1, count.max(1)),
    };
    let mut limits = serde_json::Map::new();
    let mut deadline = Value::Null;
    if let Some(array) = array {
        limits.insert("cpu".to_owned(), array.needs.cpus.to_string().into());
        if let Some(memory) = array.needs.memory {
            limits.insert("memory".to_owned(), format!("{memory}Mi").into());
        }
        if array.needs.gpus > 0 {
            limits.insert("nvidia.com/gpu".to_owned(), array.needs.gpus.to_string().into());
        }
        deadline = array.needs.minutes.map_or(Value::Null, |minutes| (minutes * 60).into());
    }
    let task_sh = quoted_path(&work.folder().dir().join("task.sh"))?;
    // The list is in the manifest, so that a later launch changes no job that waits.
    let mut choose = String::from("case \"$JOB_COMPLETION_INDEX\" in\n");
    for (i, line) in lines.iter().enumerate() {
        // A name and keys have no blanks, so the line is its words.
        let words = line.as_str().unwrap_or_default().split(' ').map(quoted);
        let words = words.collect::<Result<Vec<_>, _>>()?.join(" ");
        choose.push_str(&format!("{i}) exec sh {task_sh} {words} ;;\n"));
    }
    choose.push_str("esac\n");
    let mut container = json!({
        "name": "stage",
        "image": image,
        "command": ["/bin/sh", "-c", choose],
        "volumeMounts": [{"name": "study", "mountPath": mount}],
    });
    if !limits.is_empty() {
        container["resources"] = json!({"limits": limits.clone(), "requests": limits});
    }
    let mut spec = json!({
        "completionMode": "Indexed",
        "completions": count,
        "parallelism": at_once,
        "backoffLimitPerIndex": settings.attempts().saturating_sub(1),
        "maxFailedIndexes": count,
        "podFailurePolicy": {"rules": [
            {"action": "FailIndex",
             "onExitCodes": {"containerName": "stage", "operator": "In", "values": [2, 3, 4]}},
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        ]},
        "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [container],
            "volumes": [{"name": "study", "persistentVolumeClaim": {"claimName": claim}}],
        }},
    });
    if !deadline.is_null() {
        spec["template"]["spec"]["activeDeadlineSeconds"] = deadline;
    }
    let metadata = json!({"name": name});
    Ok(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}))
}
