//! `config show` and `config schema`.

use super::{said, study};

#[test]
fn the_config_that_is_shown_is_the_one_that_is_used() {
    let sandbox = study();
    let args = ["--config", "study.toml", "--set", "sft.epochs=3"];
    let shown = said(&sandbox, &[&["config", "show"][..], &args].concat());
    let shown: toml::Table = toml::from_str(&shown).unwrap();
    assert_eq!(shown["sft"]["epochs"].as_integer(), Some(3));
    assert_eq!(shown["bilevel"]["kappa"].as_float(), Some(0.4), "a default");
    sandbox.ablate("out", &["--set", "sft.epochs=3"]);
    let used: toml::Table = toml::from_str(&sandbox.read("out/config.toml")).unwrap();
    assert_eq!(shown, used);
    // It runs, as every config does.
    sandbox.write("shown.toml", &toml::to_string(&shown).unwrap());
    let again = sandbox.run(&["ablate", "--config", "shown.toml", "--out", "out"]);
    assert!(again.stdout.contains("0 stages run"), "{}{}", again.stdout, again.stderr);
}

#[test]
fn each_value_has_a_line_with_its_origin() {
    let sandbox = study();
    let args =
        ["config", "show", "--config", "study.toml", "--set", "sft.epochs=3", "--seeds", "5"];
    let origins = [&args[..], &["--origins"]].concat();
    let lines = said(&sandbox, &origins);
    // As TOML, the lines are the config.
    let by_lines: toml::Table = toml::from_str(&lines).unwrap();
    let whole: toml::Table = toml::from_str(&said(&sandbox, &args)).unwrap();
    assert_eq!(by_lines, whole);
    let study = sandbox.read("study.toml");
    let line = study.lines().position(|line| line == "vocab_size = 300").unwrap() + 1;
    for expected in [
        "sft.epochs = 3  # --set sft.epochs=3".to_owned(),
        format!("tokenizer.vocab_size = 300  # study.toml:{line}"),
        "study.seeds = [5]  # --seeds".to_owned(),
        "bilevel.kappa = 0.4  # default".to_owned(),
    ] {
        assert!(lines.lines().any(|line| line == expected), "{expected}: {lines}");
    }
    let arm = said(&sandbox, &[&origins[..], &["--arm", "gamma-0.1"]].concat());
    let gamma = "bilevel.gamma = 0.1  # plan: penalty strength = 0.1";
    assert!(arm.lines().any(|line| line == gamma), "{arm}");
    let alone = "# runs this arm and the reference alone with --set 'study.only=[\"gamma-0.1\"]'.";
    assert!(arm.lines().any(|line| line == alone), "{arm}");
    said(&sandbox, &[&args[..], &["--set", "study.only=[\"gamma-0.1\"]"]].concat());
    let absent = sandbox.run(&[&args[..], &["--arm", "gamma-9"]].concat());
    assert_eq!(absent.code, Some(2), "{}", absent.stderr);
    assert!(absent.stderr.contains("gamma-9") && absent.stderr.contains("no-unsafe"));
}

#[test]
fn the_schema_is_json_with_the_keys_of_a_config() {
    let sandbox = study();
    let printed = said(&sandbox, &["config", "schema"]);
    let schema: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(schema["properties"]["bilevel"]["properties"]["kappa"].is_object());
    assert_eq!(said(&sandbox, &["config", "schema", "--file", "schema.json"]), "");
    assert_eq!(sandbox.read("schema.json"), printed);
    let line: serde_json::Value =
        serde_json::from_str(&said(&sandbox, &["config", "schema", "--plan-line"])).unwrap();
    assert_eq!(line["properties"]["action"]["const"], "REPLACE");
}
