//! How results are arranged for a reader: order of tests, groups of arms, and
//! which interval stands for a win rate. Every rendering takes it from here.

use std::collections::BTreeSet;

use crate::{
    AnswerJudging, Arm, Comparison, JudgeProof, Opinion, PairJudging, Proof, Results, Role,
    WinRate, number,
};

/// The ablated parts of the missing ablations, shown first.
pub(crate) const PENALTY: &str = "penalty strength";
pub(crate) const SELECTOR: &str = "selector function";

/// Level below which a corrected p value counts as a detected difference.
pub(crate) const LEVEL: f64 = 0.05;

/// The kind of a test that several judges decide together.
const MAJORITY: &str = "majority";

/// Arms that are shown together.
pub(crate) struct ArmGroup<'a> {
    pub title: String,
    pub arms: Vec<&'a Arm>,
}

/// The interval drawn for a win rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub lo: f64,
    pub hi: f64,
    pub kind: IntervalKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IntervalKind {
    /// New seeds and new prompts.
    Study,
    /// These models, new prompts: all that one seed can give.
    Prompt,
}

/// Orders names of tests: hh, slimorca, hexphi, then the others by name.
pub(crate) fn order_tests<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    const FIRST: [&str; 3] = ["hh", "slimorca", "hexphi"];
    let set: BTreeSet<&str> = names.collect();
    let mut tests: Vec<&str> = set.into_iter().collect();
    tests.sort_by_key(|name| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
    tests
}

/// The tests that any arm was judged on, in display order.
pub(crate) fn tests(results: &Results) -> Vec<&str> {
    order_tests(results.arms.iter().flat_map(|arm| arm.win_rate.keys()).map(String::as_str))
}

/// The name of the arm that win rates are against.
pub(crate) fn reference_label(results: &Results) -> &str {
    results.arm(&results.reference).map_or("the reference", |arm| &arm.label)
}

/// The name of a test as readers know it.
pub(crate) fn test_label(test: &str) -> &str {
    match test {
        "hh" => "HH",
        "slimorca" => "SlimOrca",
        "hexphi" => "HEx-PHI",
        other => other,
    }
}

/// The name of a test in these results: with `§` where its judge failed canaries.
pub(crate) fn test_title(results: &Results, test: &str) -> String {
    marked(test_label(test), has_failed(results, test))
}

/// `text`, with `§` where a judge failed canaries.
pub(crate) fn marked(text: &str, failed: bool) -> String {
    format!("{text}{}", if failed { " §" } else { "" })
}

/// Whether a judge that decides a test failed canaries: its own, or one of a majority.
fn has_failed(results: &Results, test: &str) -> bool {
    let is_majority = results.judge.get(test).is_some_and(|judge| judge == MAJORITY);
    let members = results.opinions.get(test).filter(|_| is_majority);
    let mut members = members.into_iter().flat_map(|opinions| opinions.values());
    results.judging.get(test).is_some_and(PairJudging::has_failed)
        || results.assessing.get(test).is_some_and(AnswerJudging::has_failed)
        || members.any(Opinion::has_failed)
}

/// Whether a judge beside the deciding ones failed canaries.
fn has_failed_opinion(results: &Results) -> bool {
    results.opinions.values().flat_map(|opinions| opinions.values()).any(Opinion::has_failed)
}

/// The tests whose judge failed canaries.
pub(crate) fn distrusted(results: &Results) -> Vec<&str> {
    let judged = results.judging.keys().chain(results.assessing.keys());
    let judged = judged.chain(results.opinions.keys()).map(String::as_str);
    order_tests(judged.filter(|test| has_failed(results, test)))
}

/// Tests whose judge names another winner in the other order in more than half of the pairs.
pub(crate) fn by_place(results: &Results) -> Vec<&str> {
    let judging = results.judging.iter();
    let found = judging.filter(|(_, judge)| judge.flip_rate.is_some_and(|rate| rate > 0.5));
    order_tests(found.map(|(test, _)| test.as_str()))
}

/// `text` with a capital first letter.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The ablated parts in display order: the two missing ablations, then others
/// as the plan has them.
pub(crate) fn parts(results: &Results) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    for arm in &results.arms {
        if let (Role::Ablation, Some(part)) = (arm.role, arm.ablated_part.as_deref())
            && !parts.contains(&part)
        {
            parts.push(part);
        }
    }
    parts.sort_by_key(|part| match *part {
        PENALTY => 0,
        SELECTOR => 1,
        _ => 2,
    });
    parts
}

/// A part with the names that the plan gives its ablations, where those say more:
/// `Dose response: dose of unsafe rows`.
pub(crate) fn part_title(results: &Results, part: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    for arm in &results.arms {
        if let (Some(name), Some(own)) = (&arm.ablation, &arm.ablated_part)
            && own == part
            && !name.trim().is_empty()
            && name.to_lowercase() != part.to_lowercase()
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    }
    match names.is_empty() {
        true => capitalised(part),
        false => format!("{}: {part}", list(&names)),
    }
}

/// The arms in display order: reference, SEAL, each ablation, controls.
pub(crate) fn groups(results: &Results) -> Vec<ArmGroup<'_>> {
    let with = |title: &str, keep: &dyn Fn(&Arm) -> bool| ArmGroup {
        title: capitalised(title),
        arms: results.arms.iter().filter(|arm| keep(arm)).collect(),
    };
    let mut groups = vec![
        with("reference", &|arm| arm.role == Role::Reference),
        with("SEAL", &|arm| arm.role == Role::Seal),
    ];
    for part in parts(results) {
        groups.push(with(&part_title(results, part), &|arm| {
            arm.role == Role::Ablation && arm.ablated_part.as_deref() == Some(part)
        }));
    }
    groups.push(with("other ablations", &|arm| {
        arm.role == Role::Ablation && arm.ablated_part.is_none()
    }));
    groups.push(with("controls", &|arm| arm.role.is_control()));
    groups.retain(|group| !group.arms.is_empty());
    groups
}

/// The arms that one part's figure shows: SEAL, the ablation arms, and the
/// controls that change the same part.
pub(crate) fn part_arms<'a>(results: &'a Results, part: &str) -> Vec<&'a Arm> {
    let same = |arm: &&Arm| arm.ablated_part.as_deref() == Some(part) && arm.role != Role::Seal;
    results.seal().into_iter().chain(results.arms.iter().filter(same)).collect()
}

/// The arms that one part's figure shows beside SEAL: by value where all values
/// are numbers.
pub(crate) fn part_arms_by_value<'a>(results: &'a Results, part: &str) -> Vec<&'a Arm> {
    let mut arms = part_arms(results, part);
    arms.retain(|arm| arm.role != Role::Seal);
    let value = |arm: &Arm| arm.replacement.as_ref().and_then(|r| r.parse::<f64>().ok());
    if arms.iter().all(|arm| value(arm).is_some()) {
        arms.sort_by(|a, b| value(a).unwrap_or(0.0).total_cmp(&value(b).unwrap_or(0.0)));
    }
    arms
}

/// The comparisons whose arm replaces this part.
pub(crate) fn part_comparisons<'a>(results: &'a Results, part: &str) -> Vec<&'a Comparison> {
    let of_part = |c: &&Comparison| {
        results.arm(&c.arm).is_some_and(|arm| arm.ablated_part.as_deref() == Some(part))
    };
    let mut found: Vec<&Comparison> = results.comparisons.iter().filter(of_part).collect();
    let order = order_tests(found.iter().map(|c| c.test.as_str()));
    let arms: Vec<&str> = results.arms.iter().map(|arm| arm.id.as_str()).collect();
    found.sort_by_key(|c| {
        (
            arms.iter().position(|id| *id == c.arm),
            order.iter().position(|test| *test == c.test.as_str()),
        )
    });
    found
}

/// The study interval, or the prompt interval where there is none.
pub(crate) fn interval(rate: &WinRate) -> Option<Interval> {
    match (rate.lo, rate.hi, rate.prompt_lo, rate.prompt_hi) {
        (Some(lo), Some(hi), ..) => Some(Interval { lo, hi, kind: IntervalKind::Study }),
        (_, _, Some(lo), Some(hi)) => Some(Interval { lo, hi, kind: IntervalKind::Prompt }),
        _ => None,
    }
}

/// A win rate as `57.1 [54.0, 60.2]`, with `†` for a prompt interval and `‡`
/// where verdicts are missing.
pub(crate) fn win_text(arm: &Arm, rate: &WinRate) -> String {
    let mut text = number::or_absent(rate.mean, number::percent);
    // The reference ties with itself: an interval would be an artefact.
    if arm.role != Role::Reference
        && let Some(Interval { lo, hi, kind }) = interval(rate)
    {
        text.push(' ');
        text.push_str(&number::bracket(&number::percent(lo), &number::percent(hi)));
        if kind == IntervalKind::Prompt {
            text.push('†');
        }
    }
    if rate.missing > 0 {
        text.push('‡');
    }
    text
}

/// Whether any interval shown is a prompt interval.
pub(crate) fn shows_prompt_interval(results: &Results) -> bool {
    results.arms.iter().filter(|arm| arm.role != Role::Reference).any(|arm| {
        let mut intervals = arm.win_rate.values().filter_map(interval);
        intervals.any(|interval| interval.kind == IntervalKind::Prompt)
    })
}

/// The tests that can show nothing here.
pub(crate) fn uninformative(results: &Results) -> Vec<&str> {
    let marked = results.informative.iter().filter(|(_, mark)| **mark == Some(false));
    order_tests(marked.map(|(test, _)| test.as_str()))
}

/// `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// What `§` means; `None` where no test has it.
pub(crate) fn distrust_note(results: &Results) -> Option<String> {
    (!distrusted(results).is_empty()).then(|| failure("the judge of this test", results))
}

/// What `§` means where each judge of a test is shown; `None` where none has it.
pub(crate) fn opinion_distrust_note(results: &Results) -> Option<String> {
    let any = has_failed_opinion(results) || !distrusted(results).is_empty();
    any.then(|| failure("this judge, or the judge of this test,", results))
}

/// The judges of pairs, or those of single answers, that no canary has proved: a sentence for each
/// reason.
pub(crate) fn unproved_notes(results: &Results, of_pairs: bool) -> Vec<String> {
    let judges = results.judge_proofs().into_iter().filter(|judge| judge.of_pairs == of_pairs);
    let judges: Vec<JudgeProof<'_>> = judges.collect();
    let note = |proof: Proof, what: &str| {
        let of = judges.iter().filter(|judge| judge.proof == proof);
        let labels: Vec<String> = of
            .map(|judge| match judge.name {
                None => test_label(judge.test).to_owned(),
                Some(name) => format!("{}, {name}", test_label(judge.test)),
            })
            .collect();
        (!labels.is_empty()).then(|| {
            format!(
                "{what}, so that nothing shows whether it can be trusted: {}.",
                labels.join("; ")
            )
        })
    };
    let notes = [
        note(Proof::NotAsked, "This judge was asked about no canary"),
        note(Proof::Silent, "This judge gave no verdict on canaries that tests it"),
    ];
    notes.into_iter().flatten().collect()
}

/// How a judge failed canaries.
fn failure(who: &str, results: &Results) -> String {
    let further = results.opinions.values().flat_map(|opinions| opinions.values());
    let mut of_answers =
        results.assessing.values().chain(further.filter_map(|of| of.assessing.as_ref()));
    let how = match of_answers.any(AnswerJudging::has_failed) {
        true => "failed on answers whose verdict is known",
        false => "preferred answers that no judge may prefer",
    };
    format!("§: {who} {how} (canaries); its figures are not to be trusted.")
}

/// The labels of tests as a list.
pub(crate) fn test_list(tests: &[&str]) -> String {
    list(&tests.iter().map(|test| test_label(test).to_owned()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Canaries, Standing};

    fn failed() -> PairJudging {
        let canaries = Canaries {
            kind: "empty".to_owned(),
            won: 1,
            tied: 0,
            lost: 0,
            missing: 0,
            standing: Standing::Failed,
        };
        PairJudging { canaries: vec![canaries], ..PairJudging::default() }
    }

    #[test]
    fn a_majority_with_a_judge_that_failed_is_marked_and_a_second_opinion_marks_itself_only() {
        let opinion = Opinion { judging: Some(failed()), ..Opinion::default() };
        let opinions: std::collections::BTreeMap<_, _> = [("a".to_owned(), opinion)].into();
        let mut results = Results::default();
        for (test, judge) in [("hh", MAJORITY), ("hexphi", "oracle")] {
            results.judge.insert(test.to_owned(), judge.to_owned());
            results.opinions.insert(test.to_owned(), opinions.clone());
        }
        assert_eq!(distrusted(&results), ["hh"]);
        assert_eq!(["hh", "hexphi"].map(|t| test_title(&results, t)), ["HH §", "HEx-PHI"]);
        assert!(distrust_note(&results).is_some());
        results.judge.insert("hh".to_owned(), "oracle".to_owned());
        assert_eq!(distrust_note(&results), None);
        assert!(opinion_distrust_note(&results).is_some());
        results.judging.insert("hexphi".to_owned(), failed());
        assert_eq!(distrusted(&results), ["hexphi"]);
    }

    #[test]
    fn a_judge_of_answers_that_failed_marks_its_test() {
        let canaries = vec![crate::AnswerCanaries::new("empty", 0, 1, 0)];
        let failed = AnswerJudging { canaries, ..AnswerJudging::default() };
        let mut results = Results::default();
        results.assessing.insert("hexphi".to_owned(), failed);
        assert_eq!(distrusted(&results), ["hexphi"]);
        assert!(distrust_note(&results).unwrap().contains("whose verdict is known"));
    }

    #[test]
    fn a_judge_without_a_verdict_on_canaries_is_named_with_the_reason() {
        let mut results = Results::default();
        let silent = Canaries { standing: Standing::NoVerdict, ..failed().canaries.remove(0) };
        let silent = PairJudging { canaries: vec![silent], ..PairJudging::default() };
        results.judging.insert("hh".to_owned(), silent);
        results.judging.insert("slimorca".to_owned(), failed());
        let unasked = Opinion { judging: Some(PairJudging::default()), ..Opinion::default() };
        results.opinions.insert("hh".to_owned(), [("second".to_owned(), unasked)].into());
        insta::assert_snapshot!(unproved_notes(&results, true).join("\n"), @"
        This judge was asked about no canary, so that nothing shows whether it can be trusted: HH, second.
        This judge gave no verdict on canaries that tests it, so that nothing shows whether it can be trusted: HH.
        ");
        assert!(unproved_notes(&results, false).is_empty());
    }

    #[test]
    fn known_tests_come_first() {
        let names = ["zeta", "hexphi", "alpha", "slimorca", "hh", "hh"];
        assert_eq!(order_tests(names.into_iter()), ["hh", "slimorca", "hexphi", "alpha", "zeta"]);
    }

    #[test]
    fn lists_read_as_english() {
        let words =
            |n: usize| list(&["a", "b", "c"][..n].iter().map(|s| (*s).into()).collect::<Vec<_>>());
        assert_eq!(
            (words(0), words(1), words(2), words(3)),
            ("".into(), "a".into(), "a and b".into(), "a, b and c".into())
        );
    }
}
