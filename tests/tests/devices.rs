//! Several devices of one kind, of which each stage has one. They are places on the CPU here.

use std::collections::BTreeSet;
use std::path::Path;

use whole_program::Sandbox;

const TWO: [&str; 2] = ["--device", "flex:0,flex:1"];

fn study() -> Sandbox {
    Sandbox::with_study(env!("CARGO_BIN_EXE_program"))
}

/// The entries of a store, which have their keys as names.
fn entries(store: &Path) -> BTreeSet<String> {
    let names = |dir: &Path| -> Vec<String> {
        let all = std::fs::read_dir(dir).unwrap();
        all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let stages = names(store).into_iter().filter(|name| store.join(name).is_dir());
    stages
        .filter(|stage| !["claims", "scratch", "unfinished"].contains(&stage.as_str()))
        .flat_map(|stage| {
            names(&store.join(&stage)).into_iter().map(move |key| (stage.clone(), key))
        })
        .map(|(stage, key)| format!("{stage}/{key}"))
        .collect()
}

#[test]
fn keys_and_results_depend_neither_on_the_number_of_devices_nor_on_which_a_stage_had() {
    let sandbox = study();
    sandbox.ablate("one", &[]);
    let of_one = entries(&sandbox.path().join("one/store"));
    for (out, devices) in [
        ("two", "flex:0,flex:1"),
        ("four", "flex:3,flex:2,flex:1,flex:0"),
        ("list", "flex:7,flex:2"),
    ] {
        let run = sandbox.ablate(out, &["--device", devices]);
        assert_eq!(entries(&sandbox.path().join(out).join("store")), of_one, "{out}");
        assert_eq!(sandbox.read(&format!("{out}/results.json")), sandbox.read("one/results.json"));
        // A stage takes the first device that is free. Stages that need no device name none.
        let first = devices.split(',').next().unwrap();
        assert!(run.stderr.contains(&format!(" on {first} (")), "{}", run.stderr);
        assert!(
            !run.stderr.lines().any(|line| line.contains("] tokens") && line.contains(" on flex"))
        );
    }
    // Its results are those of a study with two devices and with other memory, and with no other seed.
    let status = |set: &[&str]| {
        let args = ["status", "--config", "study.toml", "--out", "one"];
        sandbox.run(&[&args[..], set].concat()).stdout
    };
    let other = "of an earlier run with other settings";
    assert!(!status(&["--device", "flex:0,flex:1", "--set", "device_memory=9"]).contains(other));
    assert!(status(&["--set", "sft.epochs=7"]).contains(other));
    // What one device made is found with two, and says no device.
    let again = sandbox.ablate("one", &TWO);
    assert!(again.stdout.contains("0 stages run"), "{}", again.stdout);
    assert!(!again.stderr.contains(" on flex"), "{}", again.stderr);
}

#[test]
fn processes_of_this_machine_have_a_device_each() {
    let sandbox = study();
    sandbox.ablate("plain", &[]);
    let local = ["--launch", "local", "--launch-set", "group=0"];
    let run = sandbox.ablate("out", &[&local[..], &TWO].concat());
    assert_eq!(sandbox.read("out/results.json"), sandbox.read("plain/results.json"));
    assert!(run.stderr.contains(" on flex:1 ("), "{}", run.stderr);
    // A process is told by its launcher, and knows one device.
    let plan = sandbox.json("out/launch/study.json");
    let devices: BTreeSet<&str> =
        plan["stages"].as_array().unwrap().iter().filter_map(|s| s["device"].as_str()).collect();
    assert_eq!(devices, BTreeSet::from(["flex"]));
}

#[test]
fn devices_that_are_no_set_are_refused_before_anything_is_written() {
    let sandbox = study();
    let refused = |args: &[&str]| {
        let run =
            sandbox.run(&[&["ablate", "--config", "study.toml", "--out", "out"], args].concat());
        assert!(!sandbox.path().join("out").exists(), "{}", run.stderr);
        (run.code, run.stderr)
    };
    let (code, said) = refused(&["--device", "flex:0,cuda:0"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("flex:0 and cuda:0 are of two kinds"), "{said}");
    let (code, said) = refused(&["--set", "device=[\"flex:1\", \"flex:1\"]"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("flex:1 is there twice"), "{said}");
    let (code, said) = refused(&["--set", "device=flex:0,flex:1"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("several devices are a list, such as [\"flex:0\", \"flex:1\"]"),
        "{said}"
    );
    let (code, said) = refused(&["--device", "flex:0,,flex:1"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("the name of a device is empty"), "{said}");
    let (code, said) = refused(&["--set", "device=[]"]);
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = refused(&["--set", "device=3"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("a device or a list of devices"), "{said}");
    // A program without CUDA says so, and one with it that there is no GPU.
    let (code, said) = refused(&["--device", "cuda:*"]);
    assert_eq!(code, Some(4), "{said}");
    // A verb on one model takes one device.
    let score = ["score", "--model", "m", "--data", "train.jsonl", "--file", "s.jsonl"];
    for verb in [&score[..], &["devices"]] {
        let run = sandbox.run(&[verb, &["--device", "flex:0,flex:1"]].concat());
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(run.stderr.contains("`flex:0,flex:1`: one device is meant here"), "{}", run.stderr);
    }
}

#[test]
fn a_stage_that_needs_more_memory_than_a_device_has_is_refused_before_any_runs() {
    let sandbox = study();
    let small = ["--set", "device_memory=0.00001"];
    let plan = ["plan", "--config", "study.toml", "--out", "out"];
    let said = sandbox.run(&plan).stdout;
    assert!(said.contains("memory of a stage, about: base "), "{said}");
    for stage in ["scores", "selector", "sft", "answers"] {
        assert!(said.contains(&format!(", {stage} ")), "{said}");
    }
    // What a run would refuse, `plan` and `doctor` refuse with the same code.
    let refused = sandbox.run(&[&plan[..], &small].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stdout.contains("; a device has 10.5 KiB"), "{}", refused.stdout);
    assert!(refused.stderr.contains("lower base.micro_batch"), "{}", refused.stderr);
    let doctor = ["doctor", "--config", "study.toml", "--out", "out"];
    let refused = sandbox.run(&[&doctor[..], &small].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert!(refused.stdout.contains("wrong    memory of a device: base of "), "{}", refused.stdout);
    for more in [&[][..], &["--launch", "local"], &TWO] {
        let all =
            [&["ablate", "--config", "study.toml", "--out", "out"], &small[..], more].concat();
        let run = sandbox.run(&all);
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(run.stderr.contains("lower base.micro_batch"), "{}", run.stderr);
        assert!(run.stderr.contains("set device_memory to more GiB"), "{}", run.stderr);
        assert!(entries(&sandbox.path().join("out/store")).is_empty());
    }
    // Stages that are there need no memory any more.
    sandbox.ablate("out", &[]);
    let again = sandbox.ablate("out", &small);
    assert!(again.stdout.contains("0 stages run"), "{}", again.stdout);
    for verb in [plan[0], doctor[0]] {
        let fine = sandbox.run(&[&[verb], &plan[1..], &small].concat());
        assert_eq!(fine.code, Some(0), "{}{}", fine.stdout, fine.stderr);
    }
}

/// An arm whose stages are all there needs no memory, whatever other arms lack.
#[test]
fn only_the_stages_of_the_arm_that_needs_more_memory_are_looked_at() {
    let sandbox = study();
    let wide = "\n[[arms]]\nid = \"wide\"\nlabel = \"wide batches\"\nrole = \"control\"\n\
                set = { \"sft.batch\" = 40 }\n";
    let config = sandbox.read("study.toml") + wide;
    sandbox.write("study.toml", &config);
    let only = |arms: &str| format!("study.only={arms}");
    let small = ["--set", "device_memory=0.002"];
    let (two, all) = (only("[\"seal\", \"wide\"]"), only("[\"seal\", \"no-unsafe\", \"wide\"]"));
    let ablate = ["ablate", "--config", "study.toml", "--out", "out", "--set"];
    let refused = sandbox.run(&[&ablate[..], &[&two], &small].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("sft of wide: it needs about 3 MiB"), "{}", refused.stderr);
    let run = sandbox.run(&[&ablate[..], &[&two]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    // The rows without the unsafe ones are missing, and fit.
    let more = sandbox.run(&[&ablate[..], &[&all], &small].concat());
    assert_eq!(more.code, Some(0), "{}", more.stderr);
    assert!(!more.stdout.contains("0 stages run"), "{}", more.stdout);
}

/// The config of a run keeps the list, and says where it comes from.
#[test]
fn a_list_of_devices_is_a_value_like_others() {
    let sandbox = study();
    sandbox.ablate("out", &TWO);
    assert!(
        sandbox.read("out/config.toml").contains("device = [\n    \"flex:0\",\n    \"flex:1\",\n]")
    );
    let show = ["config", "show", "--config", "study.toml", "--origins"];
    let said = sandbox.run(&[&show[..], &TWO].concat()).stdout;
    assert!(said.contains("device = [\"flex:0\", \"flex:1\"]  # --device\n"), "{said}");
    let said = sandbox.run(&[&show[..], &["--set", "device=[\"flex:0\"]"]].concat()).stdout;
    assert!(said.contains("device = [\"flex:0\"]  # --set device="), "{said}");
    // The same command goes on from the folder, and the list is that of the run.
    let again = sandbox.run(&["ablate", "--out", "out"]);
    assert!(again.stdout.contains("0 stages run"), "{}{}", again.stdout, again.stderr);
}

/// The operations that every device takes beside the CPU's kernels, with a part of the checks.
#[test]
fn paths_of_a_model_are_compared_with_the_cpu() {
    let sandbox = study();
    let devices = |args: &[&str]| sandbox.run(&[&["devices", "--device", "flex"], args].concat());
    let run = devices(&["--checks", "--only", "qwen2/", "--only", "refusals/", "--json"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    let said: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((said["device"].as_str(), said["fusion"].as_bool()), (Some("flex"), Some(false)));
    let checks = said["checks"].as_array().unwrap();
    let names: Vec<&str> = checks.iter().map(|check| check["check"].as_str().unwrap()).collect();
    let family = ["losses", "gradients", "adapters", "greedy"].map(|of| format!("qwen2/{of}"));
    assert_eq!(names[..4], family);
    assert_eq!(names[4..], ["refusals/ids", "refusals/targets"]);
    for check in checks {
        assert_eq!(check["state"], "passed", "{check}");
        assert_eq!(check["repeat"], "same-bits", "{check}");
    }
    // The composed gradients are no copy of the fused ones.
    assert!(checks[1]["difference"].as_f64().unwrap() > 0.0, "{}", checks[1]);

    let run = devices(&["--checks", "--only", "files/"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{}", run.stdout);
    assert!(lines[0].starts_with("passed   files/model    "), "{}", run.stdout);
    let sum = "3 checks of flex: 3 passed, 0 failed, 0 skipped, in ";
    assert!(lines[3].starts_with(sum) && lines[3].ends_with("fusion off, autotune off"));

    let run = devices(&["--memory", "12"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("too few steps to tell whether it grows"), "{}", run.stdout);

    let run = devices(&["--checks", "--only", "nothing"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("no check has nothing in its name; there are llama/losses, "));
    let run = devices(&["--json"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("--json goes with --checks or --memory"), "{}", run.stderr);
}
