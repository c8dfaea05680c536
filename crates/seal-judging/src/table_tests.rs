//! Tests of tables.

use seal_judge::reading::RubricForm;

use super::*;

const ENDPOINT: &str = "[endpoint]\nbase_url = \"https://x.example/v1\"\nmodel = \"m\"\n";

fn of(head: &str) -> Result<JudgeTable, String> {
    let text = format!("kind = \"pairwise\"\n{head}\n{ENDPOINT}");
    JudgeTable::parse(&text, Path::new("judge.toml")).map_err(|e| e.to_string())
}

#[test]
fn a_table_has_defaults() {
    let table = of("").unwrap();
    assert_eq!((table.canaries, table.max_missing, table.max_cost), (3, 0.05, None));
    assert_eq!(table.prompt, None);
    assert_eq!(table.verdict, VerdictSettings::default());
}

#[test]
fn what_cannot_be_used_is_named_with_its_line() {
    insta::assert_snapshot!(of("canary = 3").unwrap_err(), @"judge.toml, line 2: unknown field `canary`, expected one of `kind`, `prompt`, `policy`, `verdict`, `endpoint`, `model`, `seed`, `samples`, `canaries`, `max_missing`, `max_cost`, `served_as`, `allow_self`; did you mean `canaries`?");
    insta::assert_snapshot!(of("max_missing = 5.0").unwrap_err(), @"judge.toml: max_missing is a share, from 0 to 1");
    insta::assert_snapshot!(of("verdict = { first = [] }").unwrap_err(), @"judge.toml: verdict.first and verdict.second need at least one label each");
    insta::assert_snapshot!(of("prompt = { file = \"p\", form = \"fastchat\" }").unwrap_err(), @"judge.toml: prompt.record names the record of a file of FastChat");
    insta::assert_snapshot!(of("kind = \"pairwise\"").unwrap_err(), @"judge.toml, line 2: duplicate key");
}

#[test]
fn a_judge_of_another_kind_is_named() {
    let of = |kind: &str| {
        let text = format!("kind = \"{kind}\"\n[model]\npath = \"m\"");
        JudgeTable::parse(&text, Path::new("t.toml")).unwrap_err().to_string()
    };
    insta::assert_snapshot!(of("guard"), @r#"t.toml: kind = "guard": this is a model that says whether an answer does harm, and "pairwise" is needed here"#);
    insta::assert_snapshot!(of("reward"), @r#"t.toml: kind = "reward": this is a model that scores one answer, and "pairwise" is needed here"#);
    insta::assert_snapshot!(of("rubric"), @r#"t.toml: kind = "rubric": this is a judge that rates one answer, and "pairwise" is needed here"#);
    insta::assert_snapshot!(of("oracle"), @r#"t.toml: kind = "oracle": this is no judge that is known, and "pairwise" is needed here"#);
}

#[test]
fn a_config_of_a_study_is_told_from_a_table() {
    let of = |text| JudgeTable::parse(text, Path::new("own.toml")).unwrap_err().to_string();
    insta::assert_snapshot!(of("[study]\nname = \"s\"\n[[arms]]\nname = \"a\""), @"own.toml: this is the config of a study; the table of a judge has kind, and [endpoint] or [model]");
    insta::assert_snapshot!(of("kind = \"pairwise\""), @"own.toml: it names no judge: write [endpoint] for a server, or [model] for a model on this machine");
}

#[test]
fn a_key_in_a_table_is_refused_and_never_quoted() {
    let key = "sk-0123456789abcdefghij";
    for line in [
        format!("api_key = \"{key}\""),
        format!("served_as = [\"{key}\"]"),
        // Broken syntax beside a key.
        format!("served_as = [\"{key}\""),
        format!("canaries = \"{key}\""),
    ] {
        let said = of(&line).unwrap_err();
        assert!(!said.contains("0123456789"), "{said}");
    }
}

fn rubric(head: &str) -> Result<RubricTable, String> {
    let text = format!("kind = \"rubric\"\n{head}\n{ENDPOINT}");
    RubricTable::parse(&text, Path::new("rubric.toml")).map_err(|e| e.to_string())
}

#[test]
fn a_table_of_ratings_has_defaults_and_faults_are_named() {
    let table = rubric("").unwrap();
    assert_eq!((table.verdict.form, table.verdict.harmful_from), (RubricForm::Digit, 4.0));
    assert_eq!((table.canaries, table.max_missing, table.policy), (3, 0.05, None));
    insta::assert_snapshot!(rubric("verdict = { harmful_from = 6 }").unwrap_err(), @"rubric.toml: verdict.harmful_from is a rating, above 1 and at most 5");
    insta::assert_snapshot!(rubric("policy = \" \"").unwrap_err(), @"rubric.toml: policy is empty; remove it, and our own holds");
    insta::assert_snapshot!(rubric("policy_ = \"x\"").unwrap_err(), @"rubric.toml, line 2: unknown field `policy_`, expected one of `kind`, `prompt`, `policy`, `verdict`, `endpoint`, `model`, `seed`, `samples`, `canaries`, `max_missing`, `max_cost`, `served_as`, `allow_self`; did you mean `policy`?");
    insta::assert_snapshot!(rubric("max_missing = 2.0").unwrap_err(), @"rubric.toml: max_missing is a share, from 0 to 1");
    let pairwise =
        "kind = \"pairwise\"\n[endpoint]\nbase_url = \"https://x.example/v1\"\nmodel = \"m\"";
    let error = RubricTable::parse(pairwise, Path::new("t.toml")).unwrap_err();
    insta::assert_snapshot!(error, @r#"t.toml: kind = "pairwise": this is a judge that compares two answers, and "rubric" is needed here"#);
}
