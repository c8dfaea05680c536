use std::fs;

use super::*;

fn origins(source: &ConfigSource, arm: Option<&str>) -> BTreeMap<String, (Value, ValueOrigin)> {
    let resolved = resolve_config(source, arm).unwrap();
    resolved.values.into_iter().map(|v| (v.key.join("."), (v.value, v.origin))).collect()
}

/// The built-in config with some keys taken out, so that they have their defaults.
fn file(dir: &std::path::Path) -> PathBuf {
    let path = dir.join("own.toml");
    let text = crate::config::BUILT_IN.replace("baseline = false\n", "");
    let head = text.split("\n[[arms]]").next().unwrap();
    let head = head.split("\n[bindings").next().unwrap();
    fs::write(&path, head).unwrap();
    path
}

#[test]
fn each_value_comes_from_the_last_that_gave_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path());
    let text = fs::read_to_string(&path).unwrap();
    let line = |begins: &str| text.lines().position(|line| line.starts_with(begins)).unwrap() + 1;
    let set = ["sft.epochs=7", "bilevel.kappa=0.4", "bilevel={ batch = 5 }"].map(str::to_owned);
    let source = ConfigSource {
        file: Some(path.clone()),
        set: set.to_vec(),
        seeds: Some(vec![4]),
        ..ConfigSource::default()
    };
    let found = origins(&source, None);
    let of = |key: &str| found[key].1.clone();
    let set = |i: usize| ValueOrigin::Set { text: source.set[i].clone() };
    assert_eq!(found["sft.epochs"], (Value::Integer(7), set(0)));
    assert_eq!(of("bilevel.kappa"), set(1), "a setting that repeats a value");
    assert_eq!(of("bilevel.batch"), set(2));
    assert_eq!(of("study.seeds"), ValueOrigin::Field);
    let at = |begins: &str| ValueOrigin::File { path: path.clone(), line: line(begins) };
    assert_eq!(of("device"), at("device ="));
    assert_eq!(of("model.hidden_size"), at("hidden_size ="));
    assert_eq!(of("bilevel.gamma.increment"), at("gamma ="), "an inline table has its line");
    assert_eq!(of("bilevel.baseline"), ValueOrigin::Default);
    assert_eq!(of("arms"), ValueOrigin::BuiltIn { line: None });
    // All that is written again is there, with its value.
    let config = resolve_config(&source, None).unwrap().config;
    for (key, value) in leaves(&as_table(&config).unwrap()) {
        assert_eq!(found[&key.join(".")].0, value, "{key:?}");
    }
}

#[test]
fn an_arm_has_its_own_and_the_plans_values() {
    let found = origins(&ConfigSource::default(), Some("gamma-0.1"));
    let planned =
        ValueOrigin::Plan { part: "penalty strength".to_owned(), replacement: "0.1".to_owned() };
    assert_eq!(found["bilevel.gamma"], (Value::Float(0.1), planned));
    assert!(matches!(found["sft.epochs"].1, ValueOrigin::BuiltIn { line: Some(_) }));
    assert!(!found.contains_key("bilevel.gamma.start"), "the schedule is replaced");
    let found = origins(&ConfigSource::default(), Some("standard-sft"));
    let arm = ValueOrigin::Arm { id: "standard-sft".to_owned() };
    assert_eq!(found["selection.method"], (Value::String("all".to_owned()), arm));
    let error = resolve_config(&ConfigSource::default(), Some("gama")).unwrap_err().to_string();
    assert!(error.contains("gama") && error.contains("gamma-0.1"), "{error}");
}

#[test]
fn the_quick_section_and_built_in_lines_are_named() {
    let source = ConfigSource { quick: true, ..ConfigSource::default() };
    let found = origins(&source, None);
    assert_eq!(found["study.quick"].1, ValueOrigin::Quick);
    assert_eq!(found["study.name"].1, ValueOrigin::Quick);
    let text = crate::config::BUILT_IN;
    let line = text.lines().position(|line| line.starts_with("device =")).unwrap() + 1;
    assert_eq!(found["device"].1, ValueOrigin::BuiltIn { line: Some(line) });
}

#[test]
fn a_key_with_dots_and_quotes_is_found_by_its_parts() {
    let found = lines("[a.\"b.c\"]\nd = 1\n\n'e f' = { g = 2 }\n");
    let key = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    assert_eq!(found[&key(&["a", "b.c", "d"])], 2);
    assert_eq!(found[&key(&["a", "b.c", "e f", "g"])], 4);
    assert_eq!(line_of(&found, &key(&["a", "b.c", "d", "x"])), 2);
    assert_eq!(line_of(&found, &key(&["z"])), 1);
}

/// What SEAL itself sets holds for the plan's arms, and is not the plan's.
#[test]
fn what_seal_sets_is_its_own_in_the_arms_of_the_plan() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("own.toml");
    let text = crate::config::BUILT_IN;
    let seal = text.find("id = \"seal\"").unwrap();
    let (before, after) = text.split_at(seal);
    let rest = after.split_once('\n').unwrap().1;
    let set = "id = \"seal\"\nset = { \"sft.epochs\" = 5, \"bilevel.gamma\" = 0.7 }\n";
    fs::write(&path, format!("{before}{set}{rest}")).unwrap();
    let source = ConfigSource { file: Some(path), ..ConfigSource::default() };
    let found = origins(&source, Some("gamma-0.1"));
    let seal = ValueOrigin::Arm { id: "seal".to_owned() };
    assert_eq!(found["sft.epochs"], (Value::Integer(5), seal));
    assert!(
        matches!(found["bilevel.gamma"].1, ValueOrigin::Plan { .. }),
        "{:?}",
        found["bilevel.gamma"]
    );
}

#[test]
fn a_field_that_repeats_a_value_is_where_it_comes_from() {
    let plain = origins(&ConfigSource::default(), None);
    let (device, seeds) = (&plain["device"].0, &plain["study.seeds"].0);
    let seeds = seeds.as_array().unwrap().iter();
    let source = ConfigSource {
        device: device.as_str().map(str::to_owned),
        seeds: Some(seeds.map(|seed| seed.as_integer().unwrap().unsigned_abs()).collect()),
        ..ConfigSource::default()
    };
    let found = origins(&source, None);
    assert_eq!(found["device"], (device.clone(), ValueOrigin::Field));
    assert_eq!(found["study.seeds"].1, ValueOrigin::Field);
    assert!(matches!(found["study.plan"].1, ValueOrigin::BuiltIn { .. }));
}
