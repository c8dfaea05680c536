//! Tests of judges.

use super::*;
use crate::table::{JudgeTable, RubricTable};

fn judge(head: &str, endpoint: &str) -> PairJudge {
    let text = format!(
        "kind = \"pairwise\"\n{head}\n[endpoint]\nbase_url = \"https://h.example/v1\"\n\
         model = \"m\"\n{endpoint}"
    );
    let path = Path::new("judge.toml");
    let table = JudgeTable::parse(&text, path).unwrap();
    PairJudge::of(table, path, Path::new("."), None).unwrap()
}

#[test]
fn a_key_holds_all_that_a_reply_depends_on_and_nothing_else() {
    let key = |judge: &PairJudge| judge.key("q", "one", "two", 0).unwrap();
    let plain = key(&judge("", ""));
    for (head, endpoint) in [
        ("canaries = 0", ""),
        ("max_missing = 0.5\nmax_cost = 1.0\nallow_self = true", ""),
        ("verdict = { form = \"line\" }", ""),
        ("", "api_key_env = \"SOME_KEY\"\nlength_field = \"max_completion_tokens\""),
        ("", "price = { input = 1.0, output = 1.0 }\nlimits = { concurrency = 9 }"),
        ("", "patience = { attempts = 2, seed = 3 }"),
    ] {
        assert_eq!(key(&judge(head, endpoint)), plain, "{head} {endpoint}");
    }
    let mut others = vec![plain];
    for (head, endpoint) in [
        ("seed = 1", ""),
        ("", "temperature = 0.0"),
        ("", "max_tokens = 7"),
        ("", "top_logprobs = 5"),
        ("", "seed = 1"),
        ("", "extra = { reasoning_effort = \"low\" }"),
    ] {
        others.push(key(&judge(head, endpoint)));
    }
    let first = judge("", "");
    others.push(first.key("q", "two", "one", 0).unwrap());
    others.push(first.key("other", "one", "two", 0).unwrap());
    others.push(first.key("q", "one", "two", 1).unwrap());
    let count = others.len();
    others.sort();
    others.dedup();
    assert_eq!(others.len(), count);
}

#[test]
fn a_model_that_would_judge_itself_is_refused_unless_allowed() {
    let models = [Some("arm"), Some("M"), None];
    assert!(judge("", "").refuse_self(&models).is_err());
    assert!(judge("allow_self = true", "").refuse_self(&models).is_ok());
    assert!(judge("", "").refuse_self(&[Some("m2"), None]).is_ok());
    let named = judge("served_as = [\"m-2025\"]", "");
    assert!(named.refuse_self(&[None, Some("M-2025")]).is_err());
}

#[test]
fn a_largest_cost_is_a_number() {
    assert!(judge("", "").with_max_cost(f64::NAN).is_err());
    assert_eq!(judge("", "").with_max_cost(2.0).unwrap().table().max_cost, Some(2.0));
}

#[test]
fn how_to_ask_changes_nothing_and_how_to_read_no_reply() {
    let own = judge("", "");
    for (head, endpoint) in [
        ("max_cost = 1.0", "price = { input = 1.0, output = 1.0 }"),
        ("allow_self = true", "api_key_env = \"K\""),
        ("", "limits = { concurrency = 9 }\npatience = { attempts = 1 }"),
    ] {
        let same = judge(head, endpoint);
        assert_eq!(same.settings(), own.settings(), "{head} {endpoint}");
    }
    for head in
        ["max_missing = 0.5", "canaries = 1", "served_as = [\"n\"]", "verdict = { exact = true }"]
    {
        let read = judge(head, "");
        assert_eq!(read.identity(), own.identity(), "{head}");
        assert_ne!(read.settings(), own.settings(), "{head}");
    }
    for (head, endpoint) in [
        ("seed = 1", ""),
        ("", "max_tokens = 5"),
        ("", "temperature = 0.5"),
        ("", "top_logprobs = 5"),
        ("", "seed = 5"),
        ("", "extra = { reasoning_effort = \"low\" }"),
    ] {
        assert_ne!(judge(head, endpoint).identity(), own.identity(), "{head} {endpoint}");
    }
    let mut other = own.table().clone();
    other.endpoint.as_mut().unwrap().model = "n".to_owned();
    let other = PairJudge::of(other, Path::new("judge.toml"), Path::new("."), None).unwrap();
    assert_ne!(other.identity(), own.identity());
}

fn rubric(head: &str) -> RubricJudge {
    let text = format!(
        "kind = \"rubric\"\n{head}\n[endpoint]\nbase_url = \"https://h.example/v1\"\n\
         model = \"m\"\n"
    );
    let path = Path::new("judge.toml");
    let table = RubricTable::parse(&text, path).unwrap();
    RubricJudge::of(table, path, Path::new("."), None).unwrap()
}

#[test]
fn a_policy_is_part_of_the_identity() {
    assert_ne!(rubric("").identity(), rubric("policy = \"No boats.\"").identity());
}

#[test]
fn the_share_of_missing_verdicts_is_a_setting_of_judges_of_pairs_alone() {
    let lax = "max_missing = 0.5";
    assert_eq!(judge(lax, "").settings()["max_missing"], 0.5);
    assert_eq!(rubric(lax).settings(), rubric("").settings());
    assert_ne!(rubric("canaries = 1").settings(), rubric("").settings());
}

#[test]
fn a_model_here_is_known_by_its_hash_and_not_by_its_place() {
    let of = |model: &str, digest: &str| {
        let text = format!("kind = \"pairwise\"\n[model]\n{model}");
        let path = Path::new("judge.toml");
        let table = JudgeTable::parse(&text, path).unwrap();
        let refused = PairJudge::of(table.clone(), path, Path::new("."), None).unwrap_err();
        assert!(matches!(refused, JudgingError::LocalModel { .. }), "{refused}");
        let identity = LocalIdentity { digest: digest.to_owned() };
        PairJudge::of_model(table, path, Path::new("."), None, &identity).unwrap()
    };
    let own = of("path = \"models/a\"", "0a");
    assert_eq!(own.identity(), of("path = \"elsewhere/b\"", "0a").identity());
    assert_ne!(own.identity(), of("path = \"models/a\"", "1b").identity());
    assert_ne!(own.identity(), of("path = \"models/a\"\nmax_tokens = 9", "0a").identity());
    assert_eq!((own.name().as_str(), own.endpoint().limits.concurrency), ("a", 1));
    for name in ["a", "models/a", "/home/models/A/", "hf://owner/a@main", "owner/a"] {
        assert!(own.refuse_self(&[None, Some(name)]).is_err(), "{name}");
    }
    assert!(own.refuse_self(&[Some("b"), Some("a/b"), None]).is_ok());
    let far = of("path = \"hf://owner/judge-2@main\"", "0a");
    for name in ["judge-2", "owner/judge-2", "hf://owner/judge-2", "/models/judge-2"] {
        assert!(far.refuse_self(&[Some(name)]).is_err(), "{name}");
    }
    assert!(far.refuse_self(&[Some("owner/judge-3"), Some("owner")]).is_ok());
    let allowed = PairJudge { table: JudgeTable { allow_self: true, ..far.table.clone() }, ..far };
    assert!(allowed.refuse_self(&[Some("owner/judge-2")]).is_ok());
    let endpoint = judge("", "").table().clone();
    let none = LocalIdentity { digest: String::new() };
    let refused = PairJudge::of_model(endpoint, Path::new("j"), Path::new("."), None, &none);
    assert!(matches!(refused, Err(JudgingError::NoModel { .. })));
}
