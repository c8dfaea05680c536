//! What `--help` teaches.

use whole_program::Sandbox;

fn help(args: &[&str]) -> String {
    let finished = Sandbox::empty(env!("CARGO_BIN_EXE_program")).run(args);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    finished.stdout
}

#[test]
fn the_program() {
    insta::assert_snapshot!(help(&["--help"]));
}

#[test]
fn each_verb() {
    for verb in [
        "ablate",
        "plan",
        "status",
        "select",
        "score",
        "sft",
        "generate",
        "inspect",
        "report",
        "findings",
        "configs",
        "bench",
        "devices",
        "gpu-check",
        "check",
        "judge",
        "store",
        "doctor",
        "completions",
        "man",
        "config",
        "run-stage",
        "cancel",
    ] {
        insta::assert_snapshot!(verb, help(&[verb, "--help"]));
    }
    for action in ["show", "schema"] {
        insta::assert_snapshot!(format!("config_{action}"), help(&["config", action, "--help"]));
    }
    for action in ["ls", "verify", "du", "gc"] {
        insta::assert_snapshot!(format!("store_{action}"), help(&["store", action, "--help"]));
    }
}

#[test]
fn a_verb_that_is_not_there_is_a_usage_error() {
    let finished = Sandbox::empty(env!("CARGO_BIN_EXE_program")).run(&["ablat"]);
    insta::assert_snapshot!(finished.error(), @"
    exit 2
    error: unrecognized subcommand 'ablat'

      tip: a similar subcommand exists: 'ablate'

    Usage: cargo xtask [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}
