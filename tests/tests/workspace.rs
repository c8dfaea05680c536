//! The verbs about the program itself.

use std::path::Path;

use whole_program::{Finished, Sandbox};

fn sandbox() -> Sandbox {
    Sandbox::empty(env!("CARGO_BIN_EXE_program"))
}

#[test]
fn the_workspace_keeps_its_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace");
    let sandbox = sandbox();
    let mut command = sandbox.command(&["check", "--deps-only"]);
    let finished = Finished::of(command.current_dir(root).output().unwrap());
    let (floors, rest) = finished.stdout.split_once('\n').unwrap_or_default();
    assert!(floors.starts_with("floors: seal-bench "), "{floors}");
    assert_eq!(rest, "all checks passed\n", "{}", finished.stderr);
    assert_eq!(finished.code, Some(0));
}

#[test]
fn outside_a_workspace_there_is_nothing_to_check() {
    let finished = sandbox().run(&["check", "--deps-only"]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("run this verb inside the workspace"), "{}", finished.stderr);
}

#[test]
fn devices_are_tried() {
    let all = sandbox().run(&["devices"]);
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    assert!(all.stdout.contains("flex    works"), "{}", all.stdout);
    for backend in ["flex", "cuda", "tch", "wgpu"] {
        let lines = all.stdout.lines().filter(|line| line.starts_with(backend));
        assert_eq!(lines.count(), 1, "{backend}: {}", all.stdout);
    }
    assert!(all.stdout.contains("fusion off, autotune off"), "{}", all.stdout);
    assert_eq!(sandbox().run(&["devices", "--device", "flex"]).code, Some(0));
    assert_eq!(sandbox().run(&["devices", "--device", "abacus"]).code, Some(2));
}
