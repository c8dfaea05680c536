//! Measurements by invented processes.

use std::process::Command;

use super::*;
use crate::step::Verdict;

const SAMPLE: &str = r#"{"step_ms": [10.0], "step_tokens": [100.0], "step_flops": [1e9],
    "start_mib": null, "peak_mib": 5.0, "matmul_flops": 1e12, "first_loss": 2.0}"#;

fn speed() -> Speed {
    let device = DeviceSpec::default();
    Speed { device, memory: Some(4 << 30), python: None, threads: 1 }
}

/// What the step finds where each process runs `script`; `$1` is the file of its job.
fn taken(script: &'static str, left: Duration, stop: &dyn Fn() -> bool) -> StepFound {
    let start = move |file: &Path| {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(file).env("SAMPLE", SAMPLE.replace('\n', " "));
        Ok(command)
    };
    let mut note = |_: &str| {};
    let mut context = Context::new(left, stop, &start, &mut note);
    speed().run(&mut context, &mut Known::default()).unwrap()
}

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn each_work_of_the_small_and_of_the_largest_shape_that_fits_is_measured() {
    let found = taken("echo \"$SAMPLE\"", LONG, &|| false);
    assert_eq!(found.verdict, Verdict::Passed, "{found:?}");
    let rows = &found.tables[0].rows;
    let shapes: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(shapes[..4], ["llama-1m"; 4]);
    assert_eq!(shapes[4..], ["smollm2"; 4], "with 4 GiB: {:?}", found.data["left_out"]);
    assert_eq!(rows[0][3], "10000");
    let left_out = found.data["left_out"].to_string();
    assert!(left_out.contains("llama3-8b: the device has too little memory"), "{left_out}");
    assert!(left_out.contains("no Python was named"), "{left_out}");
}

#[test]
fn a_crash_of_one_measurement_leaves_the_others() {
    let script = "grep -q '\"sft\"' \"$1\" && kill -SEGV $$; echo \"$SAMPLE\"";
    let found = taken(script, LONG, &|| false);
    let Verdict::Failed(said) = &found.verdict else { panic!("{found:?}") };
    assert!(said.starts_with("2 measurements failed, the first is llama-1m sft: "), "{said}");
    assert_eq!(found.tables[0].rows.len(), 6);
}

#[test]
fn an_answer_with_a_nan_is_no_measurement() {
    let script = "echo \"$SAMPLE\" | sed 's/2.0}/NaN}/'";
    let found = taken(script, LONG, &|| false);
    assert!(matches!(found.verdict, Verdict::Failed(_)), "{found:?}");
}

#[test]
fn what_does_not_fit_into_the_time_is_left_out() {
    let found = taken("echo \"$SAMPLE\"", Duration::from_secs(5), &|| false);
    assert_eq!(found.verdict, Verdict::Passed, "{found:?}");
    assert_eq!(found.tables[0].rows.len(), 4);
    let left_out = found.data["left_out"].to_string();
    assert!(left_out.contains("smollm2: its first measurement takes about"), "{left_out}");
    let late = taken("exec sleep 60", Duration::from_millis(400), &|| false);
    assert!(matches!(late.verdict, Verdict::Unfinished(_)), "{late:?}");
    let stopped = taken("exec sleep 60", LONG, &|| true);
    assert_eq!(stopped.verdict, Verdict::Unfinished("stopped on request".to_owned()));
}

#[test]
fn a_python_that_is_none_is_left_out_with_why() {
    let mut results = Results::default();
    let dir = tempfile::tempdir().unwrap();
    let python = Some(PathBuf::from("/no/such/python"));
    let peers = Speed { python, ..speed() }.peers(dir.path(), &mut results).unwrap();
    assert!(peers.is_empty());
    assert_eq!(results.left_out[0], "PyTorch lean: /no/such/python cannot be run");
}
