//! The config of the run on real text, which needs the shared data. Nothing of
//! a row is printed here: some of the data is harmful.

#![allow(clippy::print_stdout, reason = "skipped tests are counted by what they print")]

use std::path::Path;

use whole_program::Sandbox;

#[test]
fn the_text_study_resolves_its_data() {
    let Some(data) = std::env::var_os("SEAL_DATA") else {
        println!("skipped: the_text_study_resolves_its_data needs SEAL_DATA, the shared data");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace");
    let config = root.join("configs/text.toml");
    let set = format!("data.root={}", Path::new(&data).display());
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    let args = ["plan", "--config", config.to_str().expect("a path in UTF-8"), "--set", &set];
    let finished = sandbox.run(&args);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    for arm in ["standard-sft", "seal", "base", "random", "frozen-loss", "no-unsafe"] {
        let listed = finished.stdout.lines().any(|line| line.split(' ').next() == Some(arm));
        assert!(listed, "{arm} is not among the arms");
    }
    assert!(!finished.stdout.contains("left out, since"), "every row of D is labelled");
    let data =
        finished.stdout.lines().find(|line| line.starts_with("data: ")).expect("a data line");
    assert!(data.contains("fine_tuning 3750 rows (750 unsafe, 5 left out)"), "{data}");
}
