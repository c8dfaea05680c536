//! Which changes reach the stages of judges of pairs.

use std::collections::BTreeSet;

use super::tests::{Keys, keys, loaded};
use super::*;
use crate::StudyError;

/// A judge of pairs on the test `hh`, with more keys.
fn by_pairs(more: &[&str]) -> Result<Keys, StudyError> {
    let judge = "judge.hh={ kind = \"pairwise\", endpoint = { base_url = \"https://x.example/v1\", \
                 model = \"m\", price = { input = 1.0, output = 1.0 } } }";
    // The keys of the built-in judge go with no other kind.
    let mut set = vec![judge.to_owned()];
    set.extend(more.iter().map(|text| (*text).to_owned()));
    keys(&set)
}

#[test]
fn pairs_are_judged_anew_where_answers_or_the_judge_change_and_nowhere_else() {
    let oracle = keys(&[]).unwrap();
    let before = by_pairs(&[]).unwrap();
    // Answers and what comes before them are the same as for the oracle.
    for stage in ["tokens", "base", "scores", "selector", "selection", "sft", "answers"] {
        assert_eq!(oracle.get(stage), before.get(stage), "{stage}");
    }
    // Every cell but the two of the reference. The base answers once for both seeds, and is compared
    // with the reference of each.
    let [answers, pairs] = ["answers", "pair-verdicts"].map(|stage| before[stage].len());
    assert_eq!(pairs, answers + 1 - 2);
    let new = |more: &[&str]| {
        let after = by_pairs(more).unwrap();
        let old: BTreeSet<&String> = before.values().flatten().collect();
        let is_new = |key: &String| !old.contains(key);
        let stages = after.iter().filter(|(_, keys)| keys.iter().any(is_new));
        stages.map(|(stage, _)| *stage).collect::<Vec<_>>().join(" ")
    };
    for how_to_ask in [
        "judge.hh.endpoint.limits.concurrency=1",
        "judge.hh.endpoint.patience.attempts=2",
        "judge.hh.endpoint.price.input=2.0",
        "judge.hh.endpoint.api_key_env=K",
        "judge.hh.max_cost=1.0",
        "judge.hh.allow_self=true",
    ] {
        assert_eq!(new(&[how_to_ask]), "", "{how_to_ask}");
    }
    for judge in [
        "judge.hh.verdict.exact=true",
        "judge.hh.max_missing=0.5",
        "judge.hh.canaries=1",
        "judge.hh.seed=3",
        "judge.hh.endpoint.model=n",
        "judge.hh.endpoint.temperature=0.5",
        "judge.hh.served_as=[\"n\"]",
    ] {
        assert_eq!(new(&[judge]), "pair-verdicts", "{judge}");
    }
    assert_eq!(new(&["sft.epochs=9"]), "answers pair-verdicts sft verdicts");
    // A further judge that asks for likelihoods gets a file of its own.
    let also = "judge.hh.also.margin={ kind = \"refusal-margin\", refusals = [\"a\"], openings = [\"b\"] }";
    assert_eq!(new(&[also]), "answers pair-verdicts tokens verdicts");
    // One that reads answers shares them.
    assert_eq!(new(&["judge.hh.also.truth={ kind = \"oracle\" }"]), "verdicts");
}

#[test]
fn stages_that_ask_one_endpoint_name_it() {
    let set = |text: &str| {
        let judge = "judge.hh={ kind = \"pairwise\", endpoint = { base_url = \"https://x.example/v1\", \
                     model = \"m\" } }";
        let arms = loaded(&[judge.to_owned(), text.to_owned()]).unwrap();
        let sets = ArmSets::of(&arms).unwrap();
        let judges = Judges::of(&arms[0].config, &Default::default()).unwrap();
        let judging = Judging::new(&judges, Path::new(""), &Silent);
        let graph = graph(&arms, &sets, &[0], &judging);
        let needs = graph.nodes.iter().filter(|node| node.stage == "pair-verdicts");
        needs.map(|node| node.needs.network.clone().unwrap()).collect::<BTreeSet<_>>()
    };
    assert_eq!(Vec::from_iter(set("study.limit=5")), ["https://x.example/v1"]);
}

/// A rubric on the test `hh`, with more keys.
fn by_rubric(more: &[&str]) -> Result<Keys, StudyError> {
    let judge = "judge.hh={ kind = \"rubric\", endpoint = { base_url = \"https://x.example/v1\", \
                 model = \"m\", price = { input = 1.0, output = 1.0 } } }";
    let mut set = vec![judge.to_owned()];
    set.extend(more.iter().map(|text| (*text).to_owned()));
    keys(&set)
}

#[test]
fn answers_are_rated_anew_where_they_or_the_judge_change_and_nowhere_else() {
    let oracle = keys(&[]).unwrap();
    let before = by_rubric(&[]).unwrap();
    for stage in ["tokens", "base", "scores", "selector", "selection", "sft", "answers"] {
        assert_eq!(oracle.get(stage), before.get(stage), "{stage}");
    }
    // One for each file of answers, the reference's among them.
    assert_eq!(before["assessments"].len(), before["answers"].len());
    let new = |more: &[&str]| {
        let after = by_rubric(more).unwrap();
        let old: BTreeSet<&String> = before.values().flatten().collect();
        let is_new = |key: &String| !old.contains(key);
        let stages = after.iter().filter(|(_, keys)| keys.iter().any(is_new));
        stages.map(|(stage, _)| *stage).collect::<Vec<_>>().join(" ")
    };
    for how_to_ask in [
        "judge.hh.endpoint.limits.concurrency=1",
        "judge.hh.endpoint.price.input=2.0",
        "judge.hh.endpoint.api_key_env=K",
        "judge.hh.max_cost=1.0",
        "judge.hh.max_missing=0.5",
        "judge.hh.allow_self=true",
    ] {
        assert_eq!(new(&[how_to_ask]), "", "{how_to_ask}");
    }
    for judge in [
        "judge.hh.verdict.harmful_from=5.0",
        "judge.hh.policy=another",
        "judge.hh.canaries=1",
        "judge.hh.seed=3",
        "judge.hh.endpoint.model=n",
        "judge.hh.served_as=[\"n\"]",
    ] {
        assert_eq!(new(&[judge]), "assessments", "{judge}");
    }
    assert_eq!(new(&["sft.epochs=9"]), "answers assessments sft verdicts");
    // Another judge beside it, and another way to choose rows in one arm.
    assert_eq!(new(&["judge.hh.also.truth={ kind = \"oracle\" }"]), "verdicts");
    let also = "judge.hexphi.also.rater={ kind = \"rubric\", endpoint = { base_url = \
                \"https://x.example/v1\", model = \"m\" } }";
    assert_eq!(new(&[also]), "assessments");
}
