//! Launchers: stages in processes of their own.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use whole_program::{Finished, Sandbox};

const ABLATE: [&str; 5] = ["ablate", "--config", "study.toml", "--out", "out"];

fn study() -> Sandbox {
    Sandbox::with_study(env!("CARGO_BIN_EXE_program"))
}

/// The results of a plain run.
fn plain() -> String {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    sandbox.read("out/results.json")
}

#[test]
fn processes_of_this_machine_make_the_same_results() {
    let sandbox = study();
    let args = ["--launch", "local", "--jobs", "2", "--launch-set", "group=0"];
    let launched = sandbox.ablate("out", &args);
    assert_eq!(sandbox.read("out/results.json"), plain());
    let plan = sandbox.json("out/launch/study.json");
    let stages = plan["stages"].as_array().unwrap().len();
    assert!(
        launched.stdout.contains(&format!("{stages} stages run, 0 found")),
        "{}",
        launched.stdout
    );
    let logs = fs::read_dir(sandbox.path().join("out/launch/logs")).unwrap().count();
    assert_eq!(logs, stages, "a log for each stage");
    let again = sandbox.ablate("out", &args);
    assert!(again.stdout.contains(&format!("0 stages run, {stages} found")), "{}", again.stdout);
}

#[test]
fn a_setting_that_a_launcher_does_not_have_is_refused() {
    let sandbox = study();
    let with = |launcher: &str, setting: &str| {
        let run =
            sandbox.run(&[&ABLATE[..], &["--launch", launcher, "--launch-set", setting]].concat());
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        run.stderr
    };
    let said = with("local", "partition=gpu");
    assert!(said.contains("its settings are cpus, memory, group, attempts"), "{said}");
    let said = with("slurm", "stf.time=2h");
    assert!(said.contains("the study has no stages of this kind"), "{said}");
    let said = with("slurm", "time=2:00");
    assert!(said.contains("a time such as 90m"), "{said}");
    assert!(!sandbox.path().join("out/launch/jobs.json").exists());
}

/// Programs of Slurm that run each job at once, in the order of submission. They are on the path
/// of the command before those of the system.
fn with_stubs(sandbox: &Sandbox, args: &[&str]) -> Finished {
    let bin = sandbox.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let sbatch = "#!/bin/sh
echo \"$*\" >>sbatch.log
id=$(wc -l <sbatch.log)
if [ -e refuse ] && [ $id -ge $(cat refuse) ]; then echo 'no more jobs' >&2; exit 1; fi
last=
for word; do
    case $word in --array=*) last=${word#--array=0-} ;; esac
    script=$word
done
export SLURM_ARRAY_JOB_ID=$id SLURM_JOB_ID=$id
i=0
while [ $i -le ${last%%%*} ]; do
    SLURM_ARRAY_TASK_ID=$i sh \"$script\" || echo \"$id $i $?\" >>failed.log
    i=$((i + 1))
done
echo $id
";
    // The job of the results has no array.
    let sbatch = sbatch.replace("last=\nfor", "last=0\nfor");
    let stubs = [
        ("sbatch", sbatch.as_str()),
        ("scontrol", "#!/bin/sh\necho 'MaxArraySize            = 3'\n"),
        ("squeue", "#!/bin/sh\ncat queue 2>/dev/null || exit 0\n"),
        ("scancel", "#!/bin/sh\necho \"$*\" >>scancel.log\n"),
    ];
    for (name, text) in stubs {
        let path = bin.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = sandbox.command(args);
    Finished::of(command.env("PATH", format!("{}:{path}", bin.display())).output().unwrap())
}

#[test]
fn job_arrays_make_the_same_results() {
    let sandbox = study();
    let set = ["group=0", "partition=gpu", "sft.time=2h", "memory=2G", "sbatch=--constraint=a"];
    let set: Vec<&str> = set.iter().flat_map(|text| ["--launch-set", text]).collect();
    let args = [&ABLATE[..], &["--launch", "slurm", "--jobs", "7"], &set].concat();
    let run = with_stubs(&sandbox, &args);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let failed = fs::read_to_string(sandbox.path().join("failed.log")).unwrap_or_default();
    assert_eq!(failed, "", "{}", run.stdout);
    assert_eq!(sandbox.read("out/results.json"), plain());

    let log = sandbox.read("sbatch.log");
    let jobs: Vec<&str> = log.lines().collect();
    for job in &jobs {
        for option in ["--parsable", "--requeue", "--partition=gpu", "--constraint=a"] {
            assert!(job.contains(option), "{option}: {job}");
        }
    }
    let (last, arrays) = jobs.split_last().unwrap();
    assert!(!last.contains("--array") && last.ends_with("results.sh"), "{last}");
    assert!(last.contains("--mem=2048M") && last.contains("--signal=B:USR1@60"), "{last}");
    assert!(last.contains("/slurm-%j.log "), "{last}");
    assert!(!arrays[0].contains("--dependency"), "{}", arrays[0]);
    let (mut tasks, mut of_sft) = (0, 0);
    for job in arrays {
        assert!(job.contains("--mem=2048M") && job.contains("--signal=B:USR1@60"), "{job}");
        let array = job.split_once("--array=0-").unwrap().1.split_once('%').unwrap();
        assert!(array.1.starts_with("7 "), "{job}");
        let of_job = array.0.parse::<usize>().unwrap() + 1;
        assert!(of_job <= 3, "no array is larger than the cluster takes: {job}");
        tasks += of_job;
        of_sft += if job.contains("--time=120 ") { of_job } else { 0 };
    }
    let plan = sandbox.json("out/launch/study.json");
    let stages = plan["stages"].as_array().unwrap();
    assert_eq!(tasks, stages.len(), "each stage is in one task");
    assert_eq!(of_sft, stages.iter().filter(|stage| stage["stage"] == "sft").count(), "{log}");
    // All jobs of a level wait for all jobs of the level below.
    let after = |job: &str| -> Vec<usize> {
        let of = job.split_once("--dependency=afterany:").map_or("", |(_, rest)| rest);
        let of = of.split_whitespace().next().unwrap_or_default();
        of.split(':').filter_map(|id| id.parse().ok()).collect()
    };
    let after: Vec<Vec<usize>> = jobs.iter().map(|job| after(job)).collect();
    for (number, of) in after.iter().enumerate().skip(1) {
        assert!(of.iter().all(|id| *id <= number), "{log}");
        let same_level = *of == after[number - 1];
        assert!(same_level || of.contains(&number), "the level just below ends with it: {log}");
    }
}

#[test]
fn jobs_in_the_queue_are_told_refused_and_cancelled() {
    let sandbox = study();
    let args = [&ABLATE[..], &["--launch", "slurm"]].concat();
    // A cluster that fails every job: nothing is made.
    let run = with_stubs(&sandbox, &[&args[..], &["--launch-set", "sbatch=--array=0--1"]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("status --out out") && run.stdout.contains("cancel --out out"));
    assert!(!sandbox.path().join("out/results.json").exists());
    sandbox.write("queue", "2_[0-3%7]|PENDING|(Dependency)\n1_0|RUNNING|node-1\n");
    let status = with_stubs(&sandbox, &["status", "--out", "out"]);
    assert!(status.stdout.contains(" slurm jobs (1, 2"), "{}", status.stdout);
    assert!(status.stdout.contains("\n  1_0 RUNNING node-1\n"), "{}", status.stdout);
    let again = with_stubs(&sandbox, &args);
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert!(again.stderr.contains("an earlier launch of this run is at work"), "{}", again.stderr);
    let cancelled = with_stubs(&sandbox, &["cancel", "--out", "out"]);
    assert_eq!(cancelled.code, Some(0), "{}", cancelled.stderr);
    // Slurm may have forgotten the others.
    assert_eq!(sandbox.read("scancel.log"), "1 2\n");
    fs::remove_file(sandbox.path().join("queue")).unwrap();
    let run = with_stubs(&sandbox, &args);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(sandbox.path().join("out/results.json").exists());
}

/// The id of the last launch, and the key of its first stage.
fn launched(sandbox: &Sandbox) -> (String, String) {
    let plan = sandbox.json("out/launch/study.json");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&plan["id"]), text(&plan["stages"][0]["key"]))
}

#[test]
fn a_launch_that_is_refused_or_comes_later_changes_nothing_for_tasks_that_wait() {
    let sandbox = study();
    let slurm = [&ABLATE[..], &["--launch", "slurm"]].concat();
    // Jobs that wait: the stub starts none of their tasks.
    let none = ["--launch-set", "sbatch=--array=0--1", "--launch-set", "cpus=3", "--jobs", "2"];
    let run = with_stubs(&sandbox, &[&slurm[..], &none].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!sandbox.read("sbatch.log").contains("--cpus-per-task=2"), "cores of this machine");
    let (id, key) = launched(&sandbox);
    let files =
        ["out/config.toml", "out/study.json", "out/launch/study.json", "out/launch/jobs.json"];
    let before = files.map(|file| sandbox.read(file));
    sandbox.write("queue", "1_[0-1]|PENDING|(Priority)\n");
    let other = ["--set", "base.epochs=3"];
    let wrong = ["--launch-set", "nonsense=1"];
    for (launcher, more) in
        [("slurm", &other), ("local", &other), ("script", &other), ("slurm", &wrong)]
    {
        let args = [&ABLATE[..], &["--launch", launcher], &more[..]].concat();
        let again = with_stubs(&sandbox, &args);
        assert_eq!(again.code, Some(2), "{}", again.stderr);
        assert_eq!(files.map(|file| sandbox.read(file)), before, "{launcher} {more:?}");
    }
    // The jobs have ended for Slurm, and scripts of the first launch are started late.
    fs::remove_file(sandbox.path().join("queue")).unwrap();
    let script = [&ABLATE[..], &["--launch", "script"], &other].concat();
    let later = with_stubs(&sandbox, &script);
    assert_eq!(later.code, Some(0), "{}", later.stderr);
    assert_ne!(launched(&sandbox).0, id);
    let first = format!("out/launch/{id}/slurm/array-1.txt");
    assert!(sandbox.read(&first).contains(&key));
    let stage = sandbox.run(&["run-stage", "--out", "out", "--plan", &id, &key]);
    assert_eq!(stage.code, Some(0), "{}", stage.stderr);
    let nowhere = sandbox.run(&["run-stage", "--out", "out", "--plan", "../..", &key]);
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.stderr);
}

#[test]
fn jobs_of_a_submission_that_fails_half_way_are_cancelled() {
    let sandbox = study();
    sandbox.write("refuse", "3");
    let none = ["--launch", "slurm", "--launch-set", "sbatch=--array=0--1"];
    let run = with_stubs(&sandbox, &[&ABLATE[..], &none].concat());
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    for said in ["no more jobs", "submitted before it are cancelled: 1, 2"] {
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    assert_eq!(sandbox.read("scancel.log"), "1 2\n");
}

#[test]
fn options_that_say_nothing_of_a_launch_are_refused() {
    let sandbox = study();
    let refused = |more: &[&str], option: &str| {
        let run = sandbox.run(&[&ABLATE[..], more].concat());
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("{option} has no effect")), "{}", run.stderr);
    };
    refused(&["--launch", "script", "--track", "mlflow=http://127.0.0.1:9"], "--track");
    refused(&["--launch", "script", "--jobs", "2"], "--jobs");
    refused(&["--launch", "hyperqueue", "--jobs", "2"], "--jobs");
    assert!(!sandbox.path().join("out").exists());
}

#[test]
fn a_stage_whose_process_was_killed_is_told_and_a_store_elsewhere_is_remembered() {
    let sandbox = study();
    let args = [&ABLATE[..], &["--launch", "script", "--store", "shared"]].concat();
    let run = sandbox.run(&args);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(sandbox.read("out/store-path.txt").ends_with("/shared\n"));
    // As the script of tasks leaves it where a process gets SIGKILL.
    let (_, key) = launched(&sandbox);
    fs::create_dir_all(sandbox.path().join("out/launch/failed")).unwrap();
    sandbox.write("out/launch/failed/tokenizer-x.code", &format!("137 4 {key}\n"));
    let status = sandbox.run(&["status", "--out", "out"]);
    let said = status.stdout;
    assert!(said.contains("failed with signal 9, attempt 4: "), "{said}");
    assert!(said.contains("out/launch/logs/tokenizer-x.log"), "{said}");
    // The watch tells it, too.
    let mut watch = sandbox.command(&["status", "--out", "out", "--watch=1"]);
    let mut child = watch.stdout(Stdio::piped()).spawn().unwrap();
    let first = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(first.starts_with("failed: signal 9, attempt 4: "), "{first}");
}

#[test]
fn a_run_folder_is_in_use_while_a_local_launch_is_at_work() {
    let sandbox = study();
    let long = ["--launch", "local", "--set", "base.epochs=400"];
    let mut command = sandbox.command(&[&ABLATE[..], &long].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !sandbox.path().join("out/launch/logs").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the launch has ended");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let before = sandbox.read("out/launch/study.json");
    for more in [&[][..], &["--launch", "local"], &["--launch", "script"]] {
        let second = sandbox.run(&[&ABLATE[..], more].concat());
        assert_eq!(second.code, Some(2), "{more:?}: {}", second.stderr);
    }
    assert_eq!(sandbox.read("out/launch/study.json"), before);
    let sent = Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn a_cluster_that_is_not_there_is_said() {
    let sandbox = study();
    let args = [&ABLATE[..], &["--launch", "slurm"]].concat();
    let mut command = sandbox.command(&args);
    let run = Finished::of(command.env("PATH", "").output().unwrap());
    assert_eq!(run.code, Some(4), "{}", run.stderr);
    assert!(run.stderr.contains("`sbatch` cannot be started"), "{}", run.stderr);
    assert!(run.stderr.contains("--launch local makes the stages here"), "{}", run.stderr);
    let not_cancelled = |words: &str| {
        let none = sandbox.run(&["cancel", "--out", "out"]);
        assert_eq!(none.code, Some(2), "{}", none.stderr);
        assert!(none.stderr.contains(words), "{}", none.stderr);
    };
    not_cancelled("the last launch was by `slurm`, and it has submitted no job; there is nothing");
    // A Python without the package is as a machine without Slurm.
    let python = sandbox.path().join("python");
    fs::write(&python, "#!/bin/sh\necho \"No module named 'hyperqueue'\" >&2\nexit 3\n").unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let named = format!("python={}", python.display());
    let more = ["--launch", "hyperqueue", "--launch-set", &named];
    let run = sandbox.run(&[&ABLATE[..], &more].concat());
    assert_eq!(run.code, Some(4), "{}", run.stderr);
    assert!(run.stderr.contains("has no package `hyperqueue`: No module named"), "{}", run.stderr);
    assert!(run.stderr.contains("`pip install hyperqueue` installs it"), "{}", run.stderr);
    not_cancelled("the last launch was by `hyperqueue`, and it has submitted no job");
    let script = sandbox.run(&[&ABLATE[..], &["--launch", "script"]].concat());
    assert_eq!(script.code, Some(0), "{}", script.stderr);
    not_cancelled("end the shell or the engine that runs the scripts");
}

#[test]
fn the_scripts_make_the_same_results() {
    let sandbox = study();
    let run = sandbox.run(&[&ABLATE[..], &["--launch", "script"]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let script = format!("out/launch/{}/script", launched(&sandbox).0);
    let ended = Command::new("sh").arg(sandbox.path().join(&script).join("all.sh")).status();
    assert_eq!(ended.unwrap().code(), Some(0));
    assert_eq!(sandbox.read("out/results.json"), plain());
    let levels = |text: &Value| text["level"].as_u64().unwrap();
    let plan = sandbox.json("out/launch/study.json");
    let most = plan["stages"].as_array().unwrap().iter().map(levels).max().unwrap();
    assert!(sandbox.path().join(format!("{script}/level-{}.sh", most + 1)).exists());
}
