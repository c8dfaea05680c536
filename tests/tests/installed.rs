//! The program as it is installed: `seal` in a folder without a checkout.

use std::path::Path;

use whole_program::{Finished, PROGRAM, Sandbox};

fn seal(sandbox: &Sandbox, args: &[&str]) -> Finished {
    Finished::of(sandbox.command(args).env(PROGRAM, "seal").output().unwrap())
}

fn empty() -> Sandbox {
    Sandbox::empty(env!("CARGO_BIN_EXE_program"))
}

#[test]
fn every_command_that_it_names_is_its_own() {
    let sandbox = empty();
    let help = seal(&sandbox, &["--help"]).stdout;
    assert!(help.contains("\nUsage: seal [OPTIONS] <COMMAND>\n"), "{help}");
    // Those of a checkout are no part of it.
    assert!(!help.contains("  bench ") && !help.contains("  check "), "{help}");
    let verbs: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.strip_prefix("  ")?.split(' ').next())
        .collect();
    assert_eq!(verbs.len(), 21, "{verbs:?}");
    for verb in verbs {
        let help = seal(&sandbox, &[verb, "--help"]).stdout;
        assert!(help.contains(&format!("Usage: seal {verb}")), "{help}");
        assert!(!help.contains("xtask"), "{help}");
    }
    let unknown = seal(&sandbox, &["bench"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("Usage: seal [OPTIONS] <COMMAND>"), "{}", unknown.stderr);
    let missing = seal(&sandbox, &["devices", "--device", "cuda:1"]);
    let command = "`cargo install --path crates/seal-cli --features cuda && seal VERB`";
    assert!(missing.stderr.contains(command), "{}", missing.stderr);
    let status = seal(&sandbox, &["status", "--quick"]);
    assert!(status.stdout.contains("no results yet: `seal ablate` with the same options"));
}

#[test]
fn configs_and_plans_come_with_it() {
    let sandbox = empty();
    let list = seal(&sandbox, &["configs"]).stdout;
    for name in ["configs/own.toml", "configs/data/hh.toml", "plans/paper.jsonl"] {
        assert!(list.contains(name), "{list}");
    }
    let own = seal(&sandbox, &["configs", "own.toml"]).stdout;
    assert!(own.contains("#   seal ablate --config FILE"), "{own}");
    let written = seal(&sandbox, &["configs", "--write", "."]);
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    assert_eq!(sandbox.read("configs/own.toml"), own);
    assert_eq!(list.lines().count(), 1 + written.stdout.lines().count());
    // Another run leaves a file that was changed.
    sandbox.write("configs/own.toml", "mine");
    let again = seal(&sandbox, &["configs", "--write", "."]).stdout;
    assert!(again.contains("configs/own.toml is there and differs: left as it is"), "{again}");
    assert!(again.contains("plans/paper.jsonl is there\n"), "{again}");
    assert_eq!(sandbox.read("configs/own.toml"), "mine");
    let unknown = seal(&sandbox, &["configs", "other.toml"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("no file `other.toml`; there are "), "{}", unknown.stderr);
    let args = ["plan", "--config", "configs/world.toml", "--quick"];
    let plan = seal(&sandbox, &args);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    // In the checkout the files stand as they are.
    let checkout = sandbox.run(&["configs", "configs/world.toml"]).stdout;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/world.toml");
    assert_eq!(checkout, std::fs::read_to_string(file).unwrap());
}
