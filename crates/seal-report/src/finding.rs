//! The summary in words, computed from the figures.
//!
//! "No difference" is never said without the difference that the study could
//! have detected, and a test that can show nothing is named as such.

use crate::{Comparison, Results, Role, number, view};

/// The sentences of the summary, in reading order.
pub(crate) fn summary(results: &Results) -> Vec<String> {
    let mut sentences = vec![design(results)];
    sentences.extend(seal(results));
    sentences.extend(random(results));
    for part in view::parts(results) {
        sentences.push(ablation(results, part));
    }
    sentences.extend(caveats(results));
    sentences
}

/// What was run.
fn design(results: &Results) -> String {
    let arms = results.arms.len();
    let reference = view::reference_label(results);
    let tests = view::tests(results);
    let seeds = match results.seeds.as_slice() {
        [seed] => format!("one seed ({seed})"),
        seeds => {
            let list = seeds.iter().map(u64::to_string).collect::<Vec<_>>();
            format!("{} seeds ({})", seeds.len(), list.join(", "))
        }
    };
    let judged = judges(results, &tests);
    format!(
        "{arms} {}, {seeds}. Each arm's answers on {} are compared with those of {reference}; \
         a win rate of 50 % means no better and no worse, and brackets hold 95 % intervals.{judged}",
        if arms == 1 { "arm" } else { "arms" },
        view::test_list(&tests),
    )
}

/// Who judged; one name where all tests have the same judge.
fn judges(results: &Results, tests: &[&str]) -> String {
    let named: Vec<(&str, &String)> =
        tests.iter().filter_map(|test| Some((*test, results.judge.get(*test)?))).collect();
    match named.as_slice() {
        [] => String::new(),
        [(_, first), rest @ ..] if rest.iter().all(|(_, judge)| judge == first) => {
            format!(" Judge: {first}.")
        }
        named => {
            let each: Vec<String> = named
                .iter()
                .map(|(test, judge)| format!("{judge} on {}", view::test_title(results, test)))
                .collect();
            format!(" Judges: {}.", view::list(&each))
        }
    }
}

/// How SEAL stands against the reference.
fn seal(results: &Results) -> Option<String> {
    let seal = results.seal()?;
    let rates: Vec<String> = view::tests(results)
        .into_iter()
        .filter_map(|test| {
            let rate = seal.win_rate.get(test)?;
            let mean = number::percent(rate.mean?);
            let interval = view::interval(rate).map_or_else(String::new, |interval| {
                let ends = [interval.lo, interval.hi].map(number::percent);
                format!(" {}", number::bracket(&ends[0], &ends[1]))
            });
            Some(format!("{mean} %{interval} on {}", view::test_title(results, test)))
        })
        .collect();
    if rates.is_empty() {
        return None;
    }
    Some(format!("{} has a win rate of {}.", seal.label, view::list(&rates)))
}

/// Where random rows do as well, which rows are kept does not explain a gain.
fn random(results: &Results) -> Option<String> {
    let (seal, random) = (results.seal()?, results.of_role(Role::Random)?);
    let mean = |arm: &crate::Arm, test: &str| arm.win_rate.get(test)?.mean;
    let alike: Vec<&str> = view::tests(results)
        .into_iter()
        .filter(|test| match (mean(seal, test), mean(random, test)) {
            (Some(seal), Some(random)) => seal > 50.0 + AS_WELL && random > seal - AS_WELL,
            _ => false,
        })
        .collect();
    (!alike.is_empty()).then(|| {
        format!(
            "{} does as well on {}: the gain there is not due to which rows were kept.",
            random.label,
            view::test_list(&alike)
        )
    })
}

/// Points within which two win rates count as alike in a sentence.
const AS_WELL: f64 = 1.0;

/// The strongest finding of one ablation, or that there is none.
pub(crate) fn ablation(results: &Results, part: &str) -> String {
    let title = view::capitalised(part);
    let all = view::part_comparisons(results, part);
    let tested: Vec<&Comparison> = all.iter().copied().filter(|c| c.p_holm.is_some()).collect();
    if tested.is_empty() {
        let why =
            if results.seeds.len() == 1 { "one seed does not allow one" } else { "none was made" };
        return format!("{title}: no test against SEAL ({why}).");
    }
    let detected: Vec<&Comparison> =
        tested.iter().copied().filter(|c| c.p_holm.is_some_and(|p| p < view::LEVEL)).collect();
    let Some(strongest) = strongest(results, &detected) else {
        return format!(
            "{title}: no difference from SEAL was detected in {} {}{}.",
            tested.len(),
            if tested.len() == 1 { "comparison" } else { "comparisons" },
            detectable(&tested),
        );
    };
    let label = results.arm(&strongest.arm).map_or(strongest.arm.as_str(), |arm| &arm.label);
    format!(
        "{title}: {} of {} comparisons differ from SEAL (Holm, 5 % level); the largest is {label} on \
         {}, {} points{} (p {}).",
        detected.len(),
        tested.len(),
        view::test_title(results, &strongest.test),
        number::or_absent(strongest.diff, number::signed),
        difference_interval(strongest).map_or_else(String::new, |text| format!(" {text}")),
        strongest.p_holm.map_or_else(String::new, equation),
    )
}

/// The largest difference, on an informative test if there is one.
fn strongest<'a>(results: &Results, detected: &[&'a Comparison]) -> Option<&'a Comparison> {
    let rank = |c: &Comparison| {
        let informative = results.informative.get(&c.test).copied().flatten() != Some(false);
        (informative, c.diff.map_or(0.0, f64::abs))
    };
    detected.iter().copied().reduce(|best, c| {
        let ((a, x), (b, y)) = (rank(best), rank(c));
        if (b, y) > (a, x) { c } else { best }
    })
}

/// The interval of a difference, if it has one.
pub(crate) fn difference_interval(c: &Comparison) -> Option<String> {
    Some(number::bracket(&number::signed(c.lo?), &number::signed(c.hi?)))
}

fn equation(p: f64) -> String {
    let text = number::p_value(p);
    text.strip_prefix('<').map_or_else(|| format!("= {text}"), |bound| format!("< {bound}"))
}

fn detectable(tested: &[&Comparison]) -> String {
    let mut sizes: Vec<f64> = tested.iter().filter_map(|c| c.detectable).collect();
    sizes.sort_by(f64::total_cmp);
    let text = number::percent;
    match (sizes.first(), sizes.last()) {
        (Some(lo), Some(hi)) if text(*lo) == text(*hi) => {
            format!("; the study detects {} points with 80 % power", text(*lo))
        }
        (Some(lo), Some(hi)) => format!(
            "; depending on arm and test, the study detects {} to {} points with 80 % power",
            text(*lo),
            text(*hi)
        ),
        _ => "; the detectable difference is not known, so this says nothing".to_owned(),
    }
}

/// What limits the figures.
fn caveats(results: &Results) -> Vec<String> {
    let mut sentences = Vec::new();
    let flat = view::uninformative(results);
    if !flat.is_empty() {
        sentences.push(format!(
            "Not informative here: {} ({} is not below the arm without unsafe rows, so there is \
             nothing to win back).",
            view::test_list(&flat),
            view::reference_label(results)
        ));
    }
    if results.seeds.len() == 1 {
        let instead = if view::shows_prompt_interval(results) {
            "; the intervals are prompt intervals (these models, new prompts)"
        } else {
            ""
        };
        sentences.push(format!("One seed: no study interval{instead}."));
    }
    let missing: u64 =
        results.arms.iter().flat_map(|arm| arm.win_rate.values()).map(|rate| rate.missing).sum();
    if missing > 0 {
        sentences.push(format!(
            "{} {} missing and not part of the win rates.",
            number::count(missing),
            if missing == 1 { "verdict is" } else { "verdicts are" }
        ));
    }
    let selects = |arm: &&crate::Arm| arm.role == Role::Seal && arm.selection.is_some();
    if results.arms.iter().find(selects).is_some_and(|arm| {
        arm.selection.as_ref().is_some_and(|selection| selection.ranking.unsafe_kept.is_none())
    }) {
        sentences.push(
            "AUROC and the share of unsafe rows kept are not known: they need a label for each \
             ranked row, and rows of both kinds."
                .to_owned(),
        );
    }
    sentences
}
