use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use saphyr::{LoadableYamlNode as _, Yaml};

use super::*;
use crate::plan::{LaunchStage, StagePlan};
use crate::settings::LaunchSettings;
use crate::tasks::tests::plan;

fn written(plan: &StagePlan, given: &[&str], jobs: Option<usize>) -> BTreeMap<String, String> {
    let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
    let reads = (Script::NAME, Script::READS);
    let settings = LaunchSettings::parse(&given, reads, &["sft", "selector"]).unwrap();
    let work = RemainingWork::of(plan, &[false; 7], settings, jobs);
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
    let text = "for key; do echo \"$key\" >>made; done
        case $1 in *4) exit 3 ;; *6 | results) exit 5 ;; esac";
    fs::write(&script, text).unwrap();
    let mut plan = plan(&out, &["sh", script.to_str().unwrap()]);
    plan.folder = out.clone();
    let files = written(&plan, &["group=0", "attempts=1"], None);
    let levels = ["level-1.sh", "level-1.txt", "level-4.sh", "results.sh", "all.sh"];
    assert!(levels.iter().all(|name| files.contains_key(*name)), "{:?}", files.keys());
    let all = out.join("launch/script/all.sh");
    let ended = Command::new("sh").arg(&all).output().unwrap();
    assert_eq!(ended.status.code(), Some(3));
    let said = String::from_utf8(ended.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].ends_with("a 'b'/launch/logs"), "{said}");
    assert!(lines[1].starts_with("level 1 of 4, task 1 of "), "{said}");
    assert!(lines.contains(&"  ended with 3") && lines.contains(&"  ended with 5"), "{said}");
    assert_eq!(lines.last(), Some(&"the results and the report"));
    let made = fs::read_to_string(out.join("made")).unwrap();
    let made: Vec<&str> = made.lines().map(|key| key.trim_start_matches('0')).collect();
    assert_eq!(made, ["", "1", "2", "3", "4", "5", "6", "results"]);
    // No such task.
    let level = out.join("launch/script/level-3.sh");
    let ended = Command::new("sh").arg(&level).arg("3").status().unwrap();
    assert_eq!(ended.code(), Some(2));
    // One task alone.
    fs::remove_file(out.join("made")).unwrap();
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
    assert_eq!(job["metadata"]["name"].as_str(), Some("seal-s-plan-3"));
    let spec = &job["spec"];
    assert_eq!(spec["completionMode"].as_str(), Some("Indexed"));
    assert_eq!(spec["completions"].as_integer(), Some(2));
    assert_eq!(spec["parallelism"].as_integer(), Some(2));
    assert_eq!(spec["backoffLimitPerIndex"].as_integer(), Some(3));
    let rule = &spec["podFailurePolicy"]["rules"][0];
    assert_eq!(rule["action"].as_str(), Some("FailIndex"));
    let values = rule["onExitCodes"]["values"].as_vec().unwrap();
    let codes: Vec<i64> = values.iter().filter_map(Yaml::as_integer).collect();
    assert_eq!(codes, [1, 2, 3, 4]);
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
        .map(|n| {
            script.find(&format!("apply seal-s-plan-{n} \"$here/kubernetes-{n}.yaml\"")).unwrap()
        })
        .collect();
    assert!(order.is_sorted() && script.contains("wait_for seal-s-plan-3\n"), "{script}");
    assert!(script.contains("wait_for seal-s-plan-results\n"), "{script}");
    let results = yaml(&files["kubernetes-results.yaml"]);
    let limits = &results["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"];
    assert_eq!(limits["cpu"].as_str(), Some("1"));
}

#[cfg(unix)]
#[test]
fn the_script_of_kubernetes_ends_and_tells_failures() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(dir.path(), &["make"]);
    written(&plan, &["image=seal:1", "claim=study", "mount=/work"], None);
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    // Job 2 of a study is the file with that number.
    let kubectl = r#"#!/bin/sh
        case $1 in
        get)
            [ ! -e down ] || exit 1
            [ ! -e "applied-$3" ] || cat "failed-$3" 2>/dev/null || echo Complete ;;
        apply)
            name=${3##*/kubernetes-}
            touch "applied-seal-s-plan-${name%.yaml}"
            echo "$*" >>log ;;
        delete)
            rm "failed-$3"
            echo "$*" >>log ;;
        esac
"#;
    for (name, text) in [("kubectl", kubectl), ("sleep", "#!/bin/sh\n")] {
        let path = bin.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let run = || {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command.arg(dir.path().join("launch/script/kubernetes.sh")).current_dir(dir.path());
        let output = command.env("PATH", format!("{}:{path}", bin.display())).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    fs::write(dir.path().join("failed-seal-s-plan-2"), "FailureTarget Failed\n").unwrap();
    let (code, said) = run();
    assert_eq!((code, said.as_str()), (Some(1), "job seal-s-plan-2 failed\n"));
    let log =
        |name: &str| fs::read_to_string(dir.path().join("log")).unwrap().matches(name).count();
    assert_eq!((log("apply"), log("delete")), (5, 0), "the levels above are applied, too");
    // The next start removes the job that failed.
    assert_eq!(run(), (Some(0), String::new()));
    assert_eq!((log("apply"), log("delete job seal-s-plan-2")), (10, 1));
    fs::write(dir.path().join("down"), "").unwrap();
    assert_eq!(run().0, Some(1));
}

#[test]
fn a_long_list_of_tasks_is_cut_into_jobs() {
    let dir = tempfile::tempdir().unwrap();
    let mut plan = plan(dir.path(), &["make"]);
    let first = plan.stages[0].clone();
    let stage = |i: usize| LaunchStage { key: format!("{i:032x}"), ..first.clone() };
    plan.stages = (0..2000).map(stage).collect();
    let given = ["image=seal:1", "claim=study", "mount=/work"].map(str::to_owned);
    let settings = LaunchSettings::parse(&given, (Script::NAME, Script::READS), &[]).unwrap();
    let work = RemainingWork::of(&plan, &[], settings, None);
    let files = kubernetes::files(&work).unwrap();
    let jobs: Vec<&String> =
        files.iter().filter(|(name, _)| name.ends_with(".yaml")).map(|(_, t)| t).collect();
    assert!(jobs.len() > 3, "{}", jobs.len());
    let mut tasks = 0;
    for job in jobs {
        let job = yaml(job);
        let spec = &job["spec"];
        let list = spec["template"]["spec"]["containers"][0]["command"][2].as_str().unwrap();
        assert!(list.len() < 128 * 1024, "{}", list.len());
        assert!(list.contains("\n0) exec sh "), "each job counts from 0");
        let count = spec["completions"].as_integer().unwrap();
        assert_eq!(i64::try_from(list.matches(") exec sh ").count()).unwrap(), count);
        tasks += count;
    }
    assert_eq!(tasks, 2001, "each task, and the results");
}

#[test]
fn a_manifest_needs_all_settings_of_a_container() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(dir.path(), &["make"]);
    assert!(!written(&plan, &[], None).contains_key("kubernetes-1.yaml"));
    let reads = (Script::NAME, Script::READS);
    let settings = LaunchSettings::parse(&["image=seal".to_owned()], reads, &[]).unwrap();
    let error = Script.launch(&RemainingWork::of(&plan, &[false; 7], settings, None)).unwrap_err();
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
