//! The figures of a study in brief, for the terminal. The report has the rest.

use std::collections::BTreeSet;
use std::io::{self, Write};

use seal_report::{Arm, Results, Role, WinRate};

use crate::table::{self, Align};

/// Share of broken answers above which the figures of an arm on a test are doubted.
const MOST_BROKEN: f64 = 0.5;

/// What a cell without a value shows.
const ABSENT: &str = "—";

/// Writes one line per arm: its win rates with intervals, AUROC, and the share
/// of unsafe rows it keeps, in percent but for the AUROC.
pub(crate) fn write(out: &mut dyn Write, results: &Results) -> io::Result<()> {
    let tests = tests(results);
    let mut headings = table::headings(&[("arm", Align::Left)]);
    headings.extend(tests.iter().map(|test| ((*test).to_owned(), Align::Right)));
    headings.extend(table::headings(&[("AUROC", Align::Right), ("unsafe kept", Align::Right)]));
    let row = |arm: &Arm| {
        let ranking = arm.selection.as_ref().map(|selection| &selection.ranking);
        let rates = tests.iter().map(|test| match arm.win_rate.get(*test) {
            Some(rate) => win_rate(arm, rate),
            None => ABSENT.to_owned(),
        });
        std::iter::once(arm.label.clone())
            .chain(rates)
            .chain([
                number(ranking.and_then(|r| r.auroc), 3),
                number(ranking.and_then(|r| r.unsafe_kept).map(|share| share * 100.0), 1),
            ])
            .collect()
    };
    let rows: Vec<Vec<String>> = results.arms.iter().map(row).collect();
    table::write(out, &headings, &rows)?;
    writeln!(out, "Win rates against `{}` in percent, with 95 % intervals.", results.reference)?;
    if results.seeds.len() == 1 {
        writeln!(out, "† new prompts only: one seed has no study interval.")?;
    }
    Ok(())
}

/// Says what speaks against the figures: canaries against judges that are models, and broken answers
/// against every judge.
pub(crate) fn write_doubts(out: &mut dyn Write, results: &Results) -> io::Result<()> {
    for judge in results.judge_proofs() {
        let Some(doubt) = judge.proof.doubt() else { continue };
        let by = judge.name.map_or_else(String::new, |name| format!(" ({name})"));
        // A judge that was never asked has not named its model.
        let models: String = judge.models.iter().map(|model| format!(" {model}")).collect();
        writeln!(out, "{}{by}: its judge{models} {doubt}", judge.test)?;
    }
    for arm in &results.arms {
        for (test, shares) in &arm.coherence {
            let Some(broken) = shares.broken.filter(|share| *share > MOST_BROKEN) else { continue };
            writeln!(
                out,
                "{test}: {:.0} % of the answers of {} are broken (empty, without words, or repeating \
                 themselves); no judge is to be trusted on them",
                100.0 * broken,
                arm.label
            )?;
        }
    }
    Ok(())
}

/// The tests that any arm was judged on: the study's three first, then others.
fn tests(results: &Results) -> Vec<&str> {
    const FIRST: [&str; 3] = ["hh", "slimorca", "hexphi"];
    let judged = results.arms.iter().flat_map(|arm| arm.win_rate.keys());
    let names: BTreeSet<&str> = judged.map(String::as_str).collect();
    let mut tests: Vec<&str> = names.into_iter().collect();
    tests.sort_by_key(|test| FIRST.iter().position(|first| first == test).unwrap_or(FIRST.len()));
    tests
}

fn win_rate(arm: &Arm, rate: &WinRate) -> String {
    let mean = number(rate.mean, 1);
    // The reference ties with itself: an interval would be an artefact.
    if arm.role == Role::Reference {
        return mean;
    }
    match (rate.lo, rate.hi, rate.prompt_lo, rate.prompt_hi) {
        (Some(lo), Some(hi), ..) => format!("{mean} [{lo:.1}, {hi:.1}]"),
        (_, _, Some(lo), Some(hi)) => format!("{mean} [{lo:.1}, {hi:.1}]†"),
        _ => mean,
    }
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| ABSENT.to_owned(), |value| format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use seal_report::{
        AnswerCanaries, AnswerJudging, CoherenceShares, Opinion, PairJudging, Ranking, Selection,
    };

    use super::*;

    fn rate(mean: f64, study: Option<(f64, f64)>) -> WinRate {
        WinRate {
            mean: Some(mean),
            lo: study.map(|s| s.0),
            hi: study.map(|s| s.1),
            prompt_lo: Some(mean - 1.0),
            prompt_hi: Some(mean + 1.0),
            ..WinRate::default()
        }
    }

    fn results(seeds: &[u64], study: Option<(f64, f64)>) -> Results {
        let mut reference = Arm::new("standard-sft", "Standard SFT", Role::Reference);
        let mut seal = Arm::new("seal", "SEAL", Role::Seal);
        for test in ["extra", "hexphi", "hh"] {
            reference.win_rate.insert(test.into(), rate(50.0, study));
            seal.win_rate.insert(test.into(), rate(61.25, study));
        }
        seal.win_rate.remove("extra");
        let ranking =
            Ranking { auroc: Some(0.98765), unsafe_kept: Some(0.041), ..Ranking::default() };
        seal.selection = Some(Selection { ranking, ..Selection::default() });
        Results {
            reference: "standard-sft".into(),
            seeds: seeds.to_vec(),
            arms: vec![reference, seal],
            ..Results::default()
        }
    }

    fn text(results: &Results) -> String {
        let mut out = Vec::new();
        write(&mut out, results).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn three_seeds_have_study_intervals() {
        insta::assert_snapshot!(text(&results(&[0, 1, 2], Some((54.0, 68.5)))), @"
        arm                          hh             hexphi  extra  AUROC  unsafe kept
        Standard SFT               50.0               50.0   50.0      —            —
        SEAL          61.2 [54.0, 68.5]  61.2 [54.0, 68.5]      —  0.988          4.1
        Win rates against `standard-sft` in percent, with 95 % intervals.
        ");
    }

    #[test]
    fn each_judge_is_doubted_by_what_its_canaries_show() {
        let of = |canaries: Vec<AnswerCanaries>| AnswerJudging {
            models: vec!["m".into()],
            canaries,
            ..AnswerJudging::default()
        };
        let mut results = Results::default();
        let pairs = PairJudging { models: vec!["p".into()], ..PairJudging::default() };
        results.judging.insert("hh".into(), pairs);
        let passed = of(vec![AnswerCanaries::new("empty", 2, 0, 0)]);
        results.assessing.insert("slimorca".into(), passed);
        results.assessing.insert("hexphi".into(), of(vec![AnswerCanaries::new("empty", 1, 1, 0)]));
        let silent = of(vec![AnswerCanaries::new("empty", 0, 0, 2)]);
        let opinion = Opinion { assessing: Some(silent), ..Opinion::default() };
        results.opinions.insert("hh".into(), [("rater".to_owned(), opinion)].into());
        let mut arm = Arm::new("seal", "SEAL", Role::Seal);
        for (test, broken) in [("hh", 1.0), ("hexphi", 0.5)] {
            let shares = CoherenceShares { broken: Some(broken), cut: None };
            arm.coherence.insert(test.into(), shares);
        }
        results.arms.push(arm);
        let mut out = Vec::new();
        write_doubts(&mut out, &results).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @"
        hh: its judge p was asked about no canary; nothing shows that its figures can be trusted
        hexphi: its judge m fails canaries; its figures are not to be trusted
        hh (rater): its judge m gave no verdict that tests it on canaries; nothing shows that its figures can be trusted
        hh: 100 % of the answers of SEAL are broken (empty, without words, or repeating themselves); no judge is to be trusted on them
        ");
    }

    #[test]
    fn one_seed_has_prompt_intervals_and_says_so() {
        insta::assert_snapshot!(text(&results(&[0], None)), @"
        arm                           hh              hexphi  extra  AUROC  unsafe kept
        Standard SFT                50.0                50.0   50.0      —            —
        SEAL          61.2 [60.2, 62.2]†  61.2 [60.2, 62.2]†      —  0.988          4.1
        Win rates against `standard-sft` in percent, with 95 % intervals.
        † new prompts only: one seed has no study interval.
        ");
    }
}
