//! The rules on invented workspaces, each with one breach.

use super::super::metadata::{Crate, Dependency};
use super::{TABLE, violations};

fn on(name: &str) -> Dependency {
    Dependency { name: name.into(), kind: None, features: Vec::new() }
}

/// The crates of the table without dependencies, but for those given.
fn workspace(dependencies: &[(&str, Dependency)]) -> Vec<Crate> {
    let of = |name: &str| {
        let own = dependencies.iter().filter(|(of, _)| *of == name);
        own.map(|(_, dependency)| dependency.clone()).collect()
    };
    TABLE
        .iter()
        .map(|r| Crate { name: r.name.into(), dependencies: of(r.name), ..Crate::default() })
        .collect()
}

#[test]
fn what_the_table_allows_passes() {
    let allowed = [
        ("seal-world", on("seal-rows")),
        ("seal-device", on("burn-cuda")),
        ("seal-lm", on("burn")),
        ("seal-lm", on("seal-device")),
        ("seal-judge", on("seal-world")),
        ("seal-bilevel", Dependency { kind: Some("dev".into()), ..on("seal-world") }),
        ("seal-study", on("seal-report")),
        ("seal-report", on("seal-files")),
        ("seal-select", on("seal-rows")),
        ("seal-select", Dependency { kind: Some("dev".into()), ..on("seal-data") }),
    ];
    assert_eq!(violations(&workspace(&allowed)), [""; 0]);
}

#[test]
fn each_breach_is_named() {
    let feature = |f: &str| Dependency { features: vec![f.into()], ..on("burn") };
    let dev = |name| Dependency { kind: Some("dev".into()), ..on(name) };
    for (of, dependency, expected) in [
        ("seal-data", on("seal-world"), "seal-data depends on seal-world, which is not above it"),
        ("seal-data", dev("seal-lm"), "seal-data depends on seal-lm, which is not above it"),
        ("seal-lm", on("seal-select"), "seal-lm must not depend on seal-select"),
        ("seal-stats", on("seal-files"), "seal-stats must not depend on seal-files"),
        ("seal-select", on("seal-data"), "seal-select must not depend on seal-data"),
        ("seal-judge", on("seal-data"), "seal-judge must not depend on seal-data"),
        ("seal-report", on("seal-stats"), "seal-report must not depend on seal-stats"),
        ("seal-study", on("burn-tch"), "seal-study names burn-tch: only seal-device may"),
        ("seal-lm", feature("cuda"), "seal-lm turns on burn/cuda: only seal-device may"),
        ("seal-world", on("burn"), "seal-world must stay free of Burn: seal-world -> burn"),
    ] {
        assert_eq!(violations(&workspace(&[(of, dependency)])), [expected]);
    }
}

#[test]
fn burn_is_found_behind_another_crate() {
    let far = [("seal-data", on("seal-rows")), ("seal-rows", on("burn"))];
    let expected = [
        "seal-rows must stay free of Burn: seal-rows -> burn",
        "seal-data must stay free of Burn: seal-data -> seal-rows -> burn",
    ];
    assert_eq!(violations(&workspace(&far)), expected);
}

#[test]
fn every_crate_is_in_the_table_and_the_reverse() {
    let mut crates = workspace(&[]);
    crates[0].name = "seal-new".into();
    assert_eq!(
        violations(&crates),
        [
            "seal-new is not in the table of rules: add it there",
            "seal-text is in the table of rules and not in the workspace",
        ]
    );
}
