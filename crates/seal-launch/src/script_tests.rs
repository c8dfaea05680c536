use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use saphyr::{LoadableYamlNode as _, Yaml};

use super::*;
use crate::plan::Plan;
use crate::settings::Settings;
use crate::tasks::tests::plan;

fn written(plan: &Plan, given: &[&str], jobs: Option<usize>) -> BTreeMap<String, String> {
    let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
    let reads = (Script::NAME, Script::READS);
    let settings = Settings::parse(&given, reads, &["sft", "selector"]).unwrap();
    let work = Work::of(plan, &[false; 7], settings, jobs);
    let Launched::Written(files) = Script.launch(&work).unwrap() else { panic!("not written") };
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn yaml(text: &str) -> Yaml<'_> {
    let mut all = Yaml::load_from_str(text).unwrap();
    assert_eq!(all.len(), 1);
    all.swap_remove(0)
}

#[test]
fn the_scripts_make_every_stage_in_order_and_keep_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a 'b'");
    fs::create_dir(&out).unwrap();
    let script = out.join("make.sh");
    let text = "for key; do echo \"$key\" >>made; done; case $1 in *4) exit 3 ;; esac";
    fs::write(&script, text).unwrap();
    let mut plan = plan(&out, &["sh", script.to_str().unwrap()]);
    plan.folder = out.clone();
    let files = written(&plan, &["group=0"], None);
    let levels = ["level-1.sh", "level-1.txt", "level-4.sh", "results.sh", "all.sh"];
    assert!(levels.iter().all(|name| files.contains_key(*name)), "{:?}", files.keys());
    let all = out.join("launch/script/all.sh");
    let ended = Command::new("sh").arg(&all).status().unwrap();
    assert_eq!(ended.code(), Some(3));
    let made = fs::read_to_string(out.join("made")).unwrap();
    let made: Vec<&str> = made.lines().map(|key| key.trim_start_matches('0')).collect();
    assert_eq!(made, ["", "1", "2", "3", "4", "5", "6", "results"]);
    // One task alone.
    fs::remove_file(out.join("made")).unwrap();
    let level = out.join("launch/script/level-3.sh");
    let ended = Command::new("sh").arg(&level).arg("1").status().unwrap();
    assert_eq!(ended.code(), Some(0));
    assert_eq!(fs::read_to_string(out.join("made")).unwrap().trim_start_matches('0'), "3\n");
}

#[test]
fn a_manifest_has_an_index_for_each_task_and_maps_exit_codes() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(dir.path(), &["make"]);
    let given = ["image=seal:1", "claim=study", "mount=/work", "sft.memory=2G", "sft.time=2h"];
    let files = written(&plan, &given, Some(3));
    let text = &files["kubernetes-3.yaml"];
    let job = yaml(text);
    assert_eq!(job["kind"].as_str(), Some("Job"));
    assert_eq!(job["apiVersion"].as_str(), Some("batch/v1"));
    assert_eq!(job["metadata"]["name"].as_str(), Some("seal-s-3"));
    let spec = &job["spec"];
    assert_eq!(spec["completionMode"].as_str(), Some("Indexed"));
    assert_eq!(spec["completions"].as_integer(), Some(2));
    assert_eq!(spec["parallelism"].as_integer(), Some(2));
    assert_eq!(spec["backoffLimitPerIndex"].as_integer(), Some(3));
    let rule = &spec["podFailurePolicy"]["rules"][0];
    assert_eq!(rule["action"].as_str(), Some("FailIndex"));
    let values = rule["onExitCodes"]["values"].as_vec().unwrap();
    let codes: Vec<i64> = values.iter().filter_map(Yaml::as_integer).collect();
    assert_eq!(codes, [2, 3, 4]);
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["restartPolicy"].as_str(), Some("Never"));
    assert_eq!(pod["activeDeadlineSeconds"].as_integer(), Some(7200));
    let container = &pod["containers"][0];
    // A text that looks like a number stays a text.
    assert_eq!(container["resources"]["limits"]["cpu"].as_str(), Some("1"));
    assert_eq!(container["resources"]["requests"]["memory"].as_str(), Some("2048Mi"));
    let claim = &pod["volumes"][0]["persistentVolumeClaim"]["claimName"];
    assert_eq!(claim.as_str(), Some("study"));
    let choose = container["command"][2].as_str().unwrap();
    let keys =
        ["sft-00000000000000000000000000000003 00000000000000000000000000000003", "0) exec sh "];
    assert!(keys.iter().all(|part| choose.contains(part)), "{choose}");
    let script = &files["kubernetes.sh"];
    let order: Vec<usize> = (1..=4)
        .map(|n| script.find(&format!("apply -f \"$here/kubernetes-{n}.yaml\"")).unwrap())
        .collect();
    assert!(order.is_sorted() && script.contains("wait_for seal-s-3\n"), "{script}");
    assert!(script.ends_with("wait_for seal-s-results\n"), "{script}");
}

#[test]
fn a_manifest_needs_all_settings_of_a_container() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(dir.path(), &["make"]);
    assert!(!written(&plan, &[], None).contains_key("kubernetes-1.yaml"));
    let reads = (Script::NAME, Script::READS);
    let settings = Settings::parse(&["image=seal".to_owned()], reads, &[]).unwrap();
    let error = Script.launch(&Work::of(&plan, &[false; 7], settings, None)).unwrap_err();
    assert!(matches!(error, LaunchError::NoSetting { setting: "claim", .. }), "{error}");
}

#[test]
fn the_file_of_skypilot_runs_all_levels_on_a_volume() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(dir.path(), &["make"]);
    let files = written(&plan, &["claim=on", "mount=/a: b", "image=i", "memory=3G"], None);
    let task = yaml(&files["skypilot.yaml"]);
    assert_eq!(task["resources"]["memory"].as_str(), Some("3+"));
    assert_eq!(task["volumes"]["/a: b"].as_str(), Some("on"), "{}", files["skypilot.yaml"]);
    assert!(task["run"].as_str().unwrap().contains("launch/script/all.sh"));
}
