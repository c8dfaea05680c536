//! Several devices that share the steps of one training. They are places on the CPU here.

use whole_program::{Finished, Sandbox};

const FOUR: &str = "flex:0,flex:1,flex:2,flex:3";

/// Steps of several micro-batches, the last one short.
const CUT: [&str; 6] =
    ["--set", "base.micro_batch=6", "--set", "bilevel.micro_batch=3", "--set", "sft.micro_batch=3"];

fn study() -> Sandbox {
    Sandbox::with_study(env!("CARGO_BIN_EXE_program"))
}

fn shared<'a>(devices: &'a str, each: &'a str) -> Vec<&'a str> {
    [&CUT[..], &["--device", devices, "--set", each]].concat()
}

#[test]
fn results_are_those_of_one_device_each() {
    let sandbox = study();
    sandbox.ablate("one", &CUT);
    for (out, devices, each, named) in [
        ("two", "flex:0,flex:1", "devices_per_stage=2", "on flex:0 and flex:1 ("),
        ("pairs", FOUR, "devices_per_stage=2", "on flex:0 and flex:1 ("),
        ("four", FOUR, "devices_per_stage=4", "on flex:0 and flex:1 and flex:2 and flex:3 ("),
    ] {
        let run = sandbox.ablate(out, &shared(devices, each));
        let results = format!("{out}/results.json");
        assert_eq!(sandbox.read(&results), sandbox.read("one/results.json"), "{out}");
        assert!(run.stderr.contains(named), "{}", run.stderr);
        // Stages that do not train have one.
        let answers = |line: &&str| line.contains("] answers") && line.contains(" on flex");
        assert!(run.stderr.lines().filter(answers).all(|line| !line.contains(" and flex")));
    }
    // A run with another number finds all of it, and its results are of the same settings.
    let again = sandbox.ablate("one", &shared("flex:0,flex:1", "devices_per_stage=2"));
    assert!(again.stdout.contains("0 stages run"), "{}", again.stdout);
    let status = ["status", "--config", "study.toml", "--out", "one"];
    let said = sandbox.run(&[&status[..], &CUT].concat()).stdout;
    assert!(!said.contains("of an earlier run with other settings"), "{said}");
}

/// Kept work of one number of devices is gone on with on another.
#[test]
fn a_killed_run_goes_on_with_another_number_of_devices() {
    let (sandbox, whole) = (study(), study());
    // One stage after another, so that each kill is in the middle of a training.
    let keeps = ["--checkpoint", "0", "--jobs", "1"];
    let base = [&["ablate", "--config", "study.toml", "--out", "out"], &keeps[..]].concat();
    let halted = |args: &[&str], point: &str| -> Finished {
        let mut command = sandbox.command(&[&base[..], args].concat());
        let done = command.env("SEAL_HALT_AT", point).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(done.stdout), text(done.stderr));
        assert!(!done.status.success(), "{stderr}");
        Finished { code: done.status.code(), stdout, stderr }
    };
    let (two, four) =
        (shared("flex:0,flex:1", "devices_per_stage=2"), shared(FOUR, "devices_per_stage=4"));
    halted(&two, "state-kept:2");
    let goes_on = |said: String| assert!(said.contains(": goes on after step "), "{said}");
    goes_on(halted(&CUT, "state-kept:9").stderr);
    goes_on(halted(&four, "state-kept:7").stderr);
    goes_on(sandbox.ablate("out", &[&two[..], &keeps[2..]].concat()).stderr);
    whole.ablate("out", &CUT);
    assert_eq!(sandbox.read("out/results.json"), whole.read("out/results.json"));
}

#[test]
fn processes_of_this_machine_have_their_devices() {
    let sandbox = study();
    sandbox.ablate("plain", &CUT);
    let local = ["--launch", "local", "--launch-set", "group=0"];
    let pairs = shared(FOUR, "devices_per_stage=2");
    let run = sandbox.ablate("out", &[&local[..], &pairs].concat());
    assert_eq!(sandbox.read("out/results.json"), sandbox.read("plain/results.json"));
    assert!(run.stderr.contains(" on flex:0 and flex:1 ("), "{}", run.stderr);
    let plan = sandbox.json("out/launch/study.json");
    for stage in plan["stages"].as_array().unwrap() {
        let trains = ["base", "selector", "sft"].contains(&stage["stage"].as_str().unwrap());
        assert_eq!(stage["devices"].as_u64(), trains.then_some(2), "{stage}");
        assert_eq!(stage["threads"], if trains { 2 } else { 1 }, "{stage}");
    }
    // Tasks of a cluster ask for as many GPUs.
    let script =
        ["--launch", "script", "--set", "device=\"cuda:*\"", "--set", "devices_per_stage=2"];
    let args = [&["ablate", "--config", "study.toml", "--out", "gpu"], &script[..]].concat();
    let run = sandbox.run(&args);
    if run.code == Some(0) {
        let plan = sandbox.json("gpu/launch/study.json");
        let of = plan["stages"].as_array().unwrap().iter().find(|s| s["stage"] == "sft").unwrap();
        assert_eq!(of["devices"], 2);
    }
}

#[test]
fn numbers_that_do_not_fit_the_list_are_refused_before_anything_is_written() {
    let sandbox = study();
    for (devices, each, says) in [
        ("flex", "2", "to have 2 devices, and there is 1"),
        ("flex:0,flex:1,flex:2", "2", "to have 2 devices, and there are 3"),
        ("flex:0,flex:1", "4", "to have 4 devices, and there are 2"),
        ("flex:0,flex:1", "0", "devices_per_stage = 0: give 1 or more"),
    ] {
        let each = format!("devices_per_stage={each}");
        let args = ["ablate", "--config", "study.toml", "--out", "out", "--set", &each];
        let run = sandbox.run(&[&args[..], &["--device", devices]].concat());
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(run.stderr.contains(says), "{}", run.stderr);
        assert!(!sandbox.path().join("out").exists());
    }
}
