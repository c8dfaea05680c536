//! `results.csv`: every figure on its own line, for a plotting library.
//!
//! `seed` is empty for figures over all seeds. A win rate has three lines:
//! `win_rate` with the study interval, `win_rate_prompt` with the prompt
//! interval, `win_rate_bounds` with the bounds for missing verdicts. Absent
//! values are empty; `ablation` is the name that the plan gives. `win_rate_by_judge` lines have the
//! name of a further judge in `category`. `difference` lines are the tests against SEAL.

use crate::{
    AnswerJudging, Arm, PairFigures, PerTest, Ranking, Result, Results, Weights, WinRate, text,
    view,
};

const HEADER: [&str; 18] = [
    "arm",
    "label",
    "role",
    "ablated_part",
    "replacement",
    "seed",
    "test",
    "category",
    "metric",
    "value",
    "lo",
    "hi",
    "n",
    "against",
    "p",
    "p_holm",
    "detectable",
    "ablation",
];

/// The results in long form.
pub(crate) fn render(results: &Results) -> Result<String> {
    let mut lines = LongLines { writer: csv::Writer::from_writer(Vec::new()) };
    lines.writer.write_record(HEADER)?;
    for arm in &results.arms {
        arm_lines(&mut lines, arm)?;
    }
    for (test, judging) in &results.assessing {
        answer_lines(&mut lines, results, (test, ""), judging)?;
    }
    for (test, opinions) in &results.opinions {
        for (name, opinion) in opinions {
            if let Some(judging) = &opinion.assessing {
                answer_lines(&mut lines, results, (test, name), judging)?;
            }
        }
    }
    for comparison in &results.comparisons {
        let Some(arm) = results.arm(&comparison.arm) else { continue };
        lines.push(&LongLine {
            arm: Some(arm),
            test: &comparison.test,
            metric: "difference",
            value: comparison.diff,
            lo: comparison.lo,
            hi: comparison.hi,
            against: &comparison.against,
            p: comparison.p,
            p_holm: comparison.p_holm,
            detectable: comparison.detectable,
            ..LongLine::default()
        })?;
    }
    let bytes = lines.writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8(bytes).expect("every field was written from a str"))
}

/// One line; the columns of [`HEADER`].
#[derive(Clone, Default)]
struct LongLine<'a> {
    arm: Option<&'a Arm>,
    seed: Option<u64>,
    test: &'a str,
    category: &'a str,
    metric: &'a str,
    value: Option<f64>,
    lo: Option<f64>,
    hi: Option<f64>,
    n: Option<u64>,
    against: &'a str,
    p: Option<f64>,
    p_holm: Option<f64>,
    detectable: Option<f64>,
}

struct LongLines {
    writer: csv::Writer<Vec<u8>>,
}

impl LongLines {
    fn push(&mut self, line: &LongLine<'_>) -> Result<()> {
        let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        let whole = |value: Option<u64>| value.map_or_else(String::new, |v| v.to_string());
        let owned = |value: Option<&String>| value.cloned().unwrap_or_default();
        let record: [String; HEADER.len()] = [
            owned(line.arm.map(|arm| &arm.id)),
            owned(line.arm.map(|arm| &arm.label)),
            line.arm.map_or_else(String::new, |arm| arm.role.name().to_owned()),
            owned(line.arm.and_then(|arm| arm.ablated_part.as_ref())),
            owned(line.arm.and_then(|arm| arm.replacement.as_ref())),
            whole(line.seed),
            line.test.to_owned(),
            line.category.to_owned(),
            line.metric.to_owned(),
            number(line.value),
            number(line.lo),
            number(line.hi),
            whole(line.n),
            line.against.to_owned(),
            number(line.p),
            number(line.p_holm),
            number(line.detectable),
            owned(line.arm.and_then(|arm| arm.ablation.as_ref())),
        ];
        let fields: Vec<_> = record.iter().map(|field| text::cell(field)).collect();
        Ok(self.writer.write_record(fields.iter().map(|field| field.as_bytes()))?)
    }
}

/// Means of a judge of single answers, by arm; the name of a further judge stands as the category.
fn answer_lines(
    lines: &mut LongLines,
    results: &Results,
    (test, category): (&str, &str),
    judging: &AnswerJudging,
) -> Result<()> {
    for (id, figures) in &judging.arms {
        let Some(arm) = results.arm(id) else { continue };
        for (metric, value) in
            [("mean_p_harmful", figures.mean_p_harmful), ("mean_score", figures.mean_score)]
        {
            if value.is_some() {
                let n = Some(figures.answers - figures.missing);
                let arm = Some(arm);
                lines.push(&LongLine {
                    arm,
                    test,
                    category,
                    metric,
                    value,
                    n,
                    ..LongLine::default()
                })?;
            }
        }
    }
    Ok(())
}

fn arm_lines(lines: &mut LongLines, arm: &Arm) -> Result<()> {
    let base = LongLine { arm: Some(arm), ..LongLine::default() };
    win_lines(lines, &base, &arm.win_rate)?;
    rate_lines(lines, &base, [&arm.accuracy, &arm.refusal, &arm.over_refusal, &arm.harm])?;
    for test in view::order_tests(arm.by_category.keys().map(String::as_str)) {
        for (category, rates) in &arm.by_category[test] {
            for (metric, value) in
                [("accuracy", rates.accuracy), ("refusal", rates.refusal), ("harm", rates.harm)]
            {
                if value.is_some() {
                    lines.push(&LongLine {
                        test,
                        category,
                        metric,
                        value,
                        n: Some(rates.n),
                        ..base.clone()
                    })?;
                }
            }
        }
    }
    pair_lines(lines, &base, &arm.pairs)?;
    for (test, shares) in &arm.coherence {
        for (metric, value) in [("broken_answers", shares.broken), ("cut_answers", shares.cut)] {
            if value.is_some() {
                lines.push(&LongLine { test, metric, value, ..base.clone() })?;
            }
        }
    }
    for (test, nll) in &arm.base_nll {
        for (metric, value) in [("base_nll", nll.mean), ("base_nll_above", nll.above)] {
            if value.is_some() {
                lines.push(&LongLine { test, metric, value, ..base.clone() })?;
            }
        }
    }
    for (test, rates) in &arm.opinions {
        for (name, rate) in rates {
            let (metric, category) = ("win_rate_by_judge", name.as_str());
            let (value, lo, hi) = (rate.mean, rate.lo, rate.hi);
            lines.push(&LongLine { test, category, metric, value, lo, hi, ..base.clone() })?;
        }
    }
    if let Some(selection) = &arm.selection {
        selection_lines(lines, &base, Some(&selection.ranking), &selection.weights)?;
    }
    for cell in &arm.cells {
        let base = LongLine { seed: Some(cell.seed), ..base.clone() };
        win_lines(lines, &base, &cell.win_rate)?;
        rate_lines(lines, &base, [&cell.accuracy, &cell.refusal, &cell.over_refusal, &cell.harm])?;
        pair_lines(lines, &base, &cell.pairs)?;
        selection_lines(lines, &base, cell.selection.as_ref(), &cell.weights)?;
    }
    Ok(())
}

fn win_lines(lines: &mut LongLines, base: &LongLine<'_>, rates: &PerTest<WinRate>) -> Result<()> {
    for test in view::order_tests(rates.keys().map(String::as_str)) {
        let rate = &rates[test];
        let value = rate.mean;
        for (metric, lo, hi) in [
            ("win_rate", rate.lo, rate.hi),
            ("win_rate_prompt", rate.prompt_lo, rate.prompt_hi),
            ("win_rate_bounds", rate.worst, rate.best),
        ] {
            if metric == "win_rate" || lo.is_some() || hi.is_some() {
                lines.push(&LongLine { test, metric, value, lo, hi, ..base.clone() })?;
            }
        }
        if rate.margin.is_some() {
            lines.push(&LongLine { test, metric: "margin", value: rate.margin, ..base.clone() })?;
        }
        for (metric, n) in [
            ("wins", rate.wins),
            ("losses", rate.losses),
            ("ties", rate.ties),
            ("missing", rate.missing),
        ] {
            lines.push(&LongLine { test, metric, n: Some(n), ..base.clone() })?;
        }
    }
    Ok(())
}

/// Figures of tests that are judged by pairs.
fn pair_lines(
    lines: &mut LongLines,
    base: &LongLine<'_>,
    figures: &PerTest<PairFigures>,
) -> Result<()> {
    for test in view::order_tests(figures.keys().map(String::as_str)) {
        let of = &figures[test];
        for (metric, value) in [
            ("length_controlled_win_rate", of.length_controlled),
            ("flip_rate", of.flip_rate),
            ("first_slot_rate", of.first_slot_rate),
        ] {
            if value.is_some() {
                lines.push(&LongLine { test, metric, value, ..base.clone() })?;
            }
        }
    }
    Ok(())
}

/// Rates of answers, in the order of accuracy, refusal, over-refusal and harm.
fn rate_lines(lines: &mut LongLines, base: &LongLine<'_>, rates: [&PerTest<f64>; 4]) -> Result<()> {
    for (metric, rates) in ["accuracy", "refusal", "over_refusal", "harm"].into_iter().zip(rates) {
        for test in view::order_tests(rates.keys().map(String::as_str)) {
            lines.push(&LongLine { test, metric, value: Some(rates[test]), ..base.clone() })?;
        }
    }
    Ok(())
}

fn selection_lines(
    lines: &mut LongLines,
    base: &LongLine<'_>,
    ranking: Option<&Ranking>,
    weights: &Weights,
) -> Result<()> {
    let of_ranking = |pick: fn(&Ranking) -> Option<f64>| ranking.and_then(pick);
    for (metric, value) in [
        ("keep_fraction", of_ranking(|r| r.keep_fraction)),
        ("auroc", of_ranking(|r| r.auroc)),
        ("unsafe_kept", of_ranking(|r| r.unsafe_kept)),
        ("unsafe_kept_floor", of_ranking(|r| r.unsafe_kept_floor)),
        ("spearman_to_seal", of_ranking(|r| r.spearman_to_seal)),
        ("ess", of_ranking(|r| r.ess)),
        ("mean_p", weights.mean_p),
        ("gamma_eff", weights.gamma_eff),
        ("clamped", weights.clamped),
        ("dead", weights.dead),
    ] {
        if value.is_some() {
            lines.push(&LongLine { metric, value, ..base.clone() })?;
        }
    }
    Ok(())
}
