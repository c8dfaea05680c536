//! Judges as a config has them.

use std::fs;

use crate::config::{ConfigSource, OneJudge, load_config};

const TABLE: &str = "kind = \"pairwise\"\ncanaries = 2\n[prompt]\nfile = \"p.txt\"\nsha256 = \"any\"\n\
                     [endpoint]\nbase_url = \"https://x.example/v1\"\nmodel = \"m\"\nmax_tokens = 5\n";

fn with(set: &[&str]) -> ConfigSource {
    let set = set.iter().map(|text| (*text).to_owned()).collect();
    ConfigSource { set, ..ConfigSource::default() }
}

fn error(set: &[&str]) -> String {
    load_config(&with(set)).unwrap_err().to_string()
}

#[test]
fn a_table_is_relative_to_the_config_and_single_keys_replace_its_own() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("judges")).unwrap();
    fs::write(dir.path().join("judges/pairs.toml"), TABLE).unwrap();
    let text = crate::BUILT_IN.replace(
        "hh = { kind = \"oracle\" }",
        "hh = { table = \"judges/pairs.toml\", canaries = 1, endpoint = { model = \"n\" } }",
    );
    let file = dir.path().join("study.toml");
    fs::write(&file, text).unwrap();
    let source = ConfigSource { file: Some(file), ..ConfigSource::default() };
    let config = load_config(&source).unwrap();
    let OneJudge::Pairs(table) = &config.judge["hh"].first else { panic!("no judge of pairs") };
    let endpoint = table.endpoint.as_ref().unwrap();
    assert_eq!((table.canaries, &*endpoint.model, endpoint.max_tokens), (1, "n", 5));
    let prompt = &table.prompt.as_ref().unwrap().file;
    assert_eq!(*prompt, dir.path().join("judges/p.txt"));
    // The resolved config stands on its own.
    let resolved = dir.path().join("resolved.toml");
    fs::write(&resolved, config.resolved_toml().unwrap()).unwrap();
    let again = ConfigSource { file: Some(resolved), ..ConfigSource::default() };
    assert_eq!(load_config(&again).unwrap().judge, config.judge);
}

#[test]
fn a_table_of_the_command_line_is_a_whole_judge_and_leaves_further_ones() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pairs.toml");
    fs::write(&path, TABLE).unwrap();
    let table = format!("judge.hh.table={}", path.display());
    let rules = "judge.hh={ kind = \"rules\", refusals = [\"no\"] }";
    let also = "judge.hh.also.truth.kind=oracle";
    let config = load_config(&with(&[rules, also, &table, "judge.hh.canaries=0"])).unwrap();
    let judges = &config.judge["hh"];
    let OneJudge::Pairs(judge) = &judges.first else { panic!("no judge of pairs") };
    assert_eq!(judge.canaries, 0);
    assert_eq!(judges.also.len(), 1);
    let second = format!("judge.hh.also.other.table={}", path.display());
    assert_eq!(load_config(&with(&[&second])).unwrap().judge["hh"].also.len(), 1);
}

#[test]
fn a_table_of_the_quick_section_takes_the_place_of_the_old_keys() {
    let dir = tempfile::tempdir().unwrap();
    let table = "kind = \"rubric\"\n[endpoint]\nbase_url = \"https://x.example/v1\"\nmodel = \"m\"";
    fs::write(dir.path().join("rubric.toml"), table).unwrap();
    let load = |quick: &str, is_quick: bool| {
        let is_set = |line: &&str| line.starts_with("set = { \"study.seeds\"");
        let old = crate::BUILT_IN.lines().find(is_set).unwrap();
        let text = crate::BUILT_IN.replace(old, quick);
        // The old keys go with no rubric.
        let text =
            text.replace("hh = { kind = \"oracle\" }", "hh = { kind = \"oracle\", tie = 0.1 }");
        assert!(text.contains("tie = 0.1"));
        let file = dir.path().join("study.toml");
        fs::write(&file, text).unwrap();
        load_config(&ConfigSource { file: Some(file), quick: is_quick, ..ConfigSource::default() })
    };
    // The key beside the name comes before it in the order of the alphabet.
    let keys = "set = { \"judge.hh.canaries\" = 1, \"judge.hh.table\" = \"rubric.toml\" }";
    let config = load(keys, true).unwrap();
    let OneJudge::Rubric(table) = &config.judge["hh"].first else { panic!("{:?}", config.judge) };
    assert_eq!(table.canaries, 1);
    // Without it the judge is the old one.
    let config = load(keys, false).unwrap();
    assert!(matches!(&config.judge["hh"].first, OneJudge::Single(_)));
    let wrong = "set = { \"judge.hh.canary\" = 1, \"judge.hh.table\" = \"rubric.toml\" }";
    let said = load(wrong, true).unwrap_err().to_string();
    assert!(said.contains("judge.hh") && said.contains("`canary`"), "{said}");
}

#[test]
fn what_cannot_be_a_judge_is_named_with_its_place() {
    let pairs = "judge.hh={ kind = \"pairwise\", endpoint = { base_url = \"https://x.example/v1\", model = \"m\" } }";
    insta::assert_snapshot!(error(&[pairs, "judge.hh.canary=3"]), @r#"judge.hh={ kind = "pairwise", endpoint = { base_url = "https://x.example/v1", model = "m" } }, judge.hh.canary=3: judge.hh: unknown field `canary`, expected one of `table`, `also`, `kind`, `prompt`, `policy`, `verdict`, `endpoint`, `model`, `seed`, `samples`, `canaries`, `max_missing`, `max_cost`, `served_as`, `allow_self`; did you mean `canaries`?"#);
    insta::assert_snapshot!(error(&[pairs, "judge.hh.endpoint.max_token=3"]), @r#"judge.hh={ kind = "pairwise", endpoint = { base_url = "https://x.example/v1", model = "m" } }, judge.hh.endpoint.max_token=3: judge.hh.endpoint: unknown field `max_token`, expected one of `base_url`, `model`, `api_key_env`, `allow_http`, `temperature`, `max_tokens`, `length_field`, `top_logprobs`, `seed`, `extra`, `limits`, `patience`, `price`; did you mean `max_tokens`?"#);
    insta::assert_snapshot!(error(&["judge.hh.kind=pairwse"]), @"judge.hh.kind=pairwse: judge.hh: unknown variant `pairwse`, expected one of `oracle`, `answer-likelihood`, `preference-margin`, `refusal-margin`, `rules`, `guard`, `reward`, `rubric`, `pairwise`, `majority`");
    insta::assert_snapshot!(error(&[pairs, "judge.hh.max_missing=7"]), @"judge.hh: max_missing is a share, from 0 to 1");
    insta::assert_snapshot!(error(&["judge.hh.kind=majority"]), @"judge.hh: a majority needs at least two judges; list them in judge.hh.also");
    insta::assert_snapshot!(error(&["judge.hh.also.second={ kind = \"rules\", refusal = [\"a\"] }"]), @r#"judge.hh.also.second={ kind = "rules", refusal = ["a"] }: judge.hh.also.second: unknown field `refusal`, expected one of `table`, `kind`, `tie`, `refusals`, `openings`; did you mean `refusals`?"#);
    insta::assert_snapshot!(error(&["judge.hh.also.second=3"]), @"judge.hh.also.second=3: judge.hh: also.second is no table of a judge");
    insta::assert_snapshot!(error(&["judge.hh.table=no-such.toml"]), @"judge.hh: no-such.toml: cannot read this file: No such file or directory (os error 2)");
}

#[test]
fn a_key_of_an_account_is_refused_and_never_quoted() {
    let key = "sk-0123456789abcdefghij";
    let pairs = "judge.hh={ kind = \"pairwise\", endpoint = { base_url = \"https://x.example/v1\", model = \"m\" } }";
    for setting in [
        format!("judge.hh.endpoint.api_key={key}"),
        format!("judge.hh.endpoint.model={key}"),
        format!("judge.hh.endpoint.extra.headers.Authorization={key}"),
    ] {
        let said = error(&[pairs, &setting]);
        assert!(said.contains("holds a key") && !said.contains("0123456789"), "{said}");
    }
    let text = crate::BUILT_IN
        .replace("hh = { kind = \"oracle\" }", &format!("hh = {{ api_key = \"{key}\" }}"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("study.toml");
    fs::write(&file, text).unwrap();
    let said = load_config(&ConfigSource { file: Some(file), ..ConfigSource::default() });
    let said = said.unwrap_err().to_string();
    assert!(said.contains("judge.hh.api_key") && !said.contains("0123456789"), "{said}");
}
