//! A page of findings: what each study shows, computed from stored results, so
//! that no sentence outlives its figures.

use std::fmt::Write as _;

use crate::markdown::{escape, fenced};
use crate::seeds::{OverSeeds, unsafe_kept};
use crate::text::visible;
use crate::{Arm, Report, Results, finding, number, view};

mod error;
mod phrase;
mod spec;

pub use error::SpecError;
use spec::Finding;
pub use spec::FindingsSpec;

/// The Markdown of the page, from the reports of studies with one reference.
/// `spec` says which arms are compared in words, `made_by` is the command that
/// makes the page.
///
/// Each study gets its command, a table a part, and sentences with figures.
/// Shares of unsafe rows and AUROC are means over seeds, with the least and
/// the largest seed in brackets; win rates have their 95 % interval.
pub fn findings(reports: &[Report], spec: &FindingsSpec, made_by: &str) -> String {
    let mut page = format!(
        "# Findings\n\n\
         Made by {} from the results of the commands named below. Every figure is of those runs. \
         \"Unsafe kept\" is the share of the unsafe rows that is kept. AUROC is the probability \
         that an unsafe row ranks below a safe one. Both are means over seeds, with the least and \
         the largest seed in brackets. Win rates and differences have 95 % intervals over new \
         seeds and prompts. p values are Holm's within a part. An arm that changes the data is \
         compared with the same reference as the others. Where no difference was detected, the \
         page gives the difference that the study would have detected.\n",
        code(made_by),
    );
    let all: Vec<&Results> = reports.iter().map(|r| &r.results).collect();
    let stated = stated(&all, spec);
    if !stated.is_empty() {
        page.push_str("\n## In short\n\n");
        stated.iter().for_each(|line| writeln!(page, "- {line}").expect("a string takes text"));
    }
    for report in reports {
        study(&mut page, report);
    }
    visible(page)
}

fn study(page: &mut String, report: &Report) {
    let results = &report.results;
    let seeds: Vec<String> = results.seeds.iter().map(u64::to_string).collect();
    let command = report.provenance.as_ref().map_or("", |p| p.command.as_str());
    let parts: Vec<String> = view::parts(results).into_iter().map(str::to_owned).collect();
    let title = match parts.is_empty() {
        true => results.study.clone(),
        false => view::capitalised(&view::list(&parts)),
    };
    let _ = write!(page, "\n## {}\n\n", escape(&title));
    let _ = write!(
        page,
        "Study {}, seeds {}:\n\n{}",
        code(&results.study),
        seeds.join(", "),
        fenced("sh", command).trim_end_matches('\n')
    );
    page.push('\n');
    if parts.is_empty() {
        page.push_str(
            "\nThis study has no ablation, so there is no finding. Its report has its figures.\n",
        );
    }
    for part in view::parts(results) {
        let _ = write!(page, "\n### {}\n\n", escape(&view::part_title(results, part)));
        table(page, results, part);
        let _ = write!(page, "\n{}", escape(&finding::ablation(results, part)));
        if let Some(trend) = trend(results, part) {
            let _ = write!(page, " {trend}");
        }
        page.push('\n');
    }
}

/// A name as code on one line; one that holds a backtick as text.
fn code(name: &str) -> String {
    let name = name.replace(['\n', '\r', '\t'], " ");
    match name.contains('`') || name.trim().is_empty() {
        true => escape(&name),
        false => format!("`{name}`"),
    }
}

/// SEAL, then the arms of the part by value.
fn rows<'a>(results: &'a Results, part: &str) -> Vec<&'a Arm> {
    results.seal().into_iter().chain(view::part_arms_by_value(results, part)).collect()
}

fn table(page: &mut String, results: &Results, part: &str) {
    page.push_str("| arm | AUROC | unsafe kept, % |");
    for test in view::tests(results) {
        let _ = write!(
            page,
            " {} win rate, % | against SEAL |",
            escape(&view::test_title(results, test))
        );
    }
    page.push_str("\n| :-- | --: | --: |");
    for _ in view::tests(results) {
        page.push_str(" --: | --: |");
    }
    page.push('\n');
    for arm in rows(results, part) {
        let or_absent = |text: Option<String>| text.unwrap_or_else(|| number::ABSENT.to_owned());
        let auroc =
            or_absent(OverSeeds::of(arm, |c| c.auroc).map(|x| x.text(|x| number::fixed(x, 3))));
        let kept = or_absent(unsafe_kept(arm).map(|x| x.text(number::share)));
        let _ = write!(page, "| {} | {auroc} | {kept} |", escape(&arm.label));
        for test in view::tests(results) {
            let rate = arm.win_rate.get(test).map(|rate| view::win_text(arm, rate));
            let rate = rate.unwrap_or_else(|| number::ABSENT.to_owned());
            let _ = write!(page, " {rate} | {} |", against(results, arm, test));
        }
        page.push('\n');
    }
}

/// Difference from SEAL with its interval and p.
fn against(results: &Results, arm: &Arm, test: &str) -> String {
    let own = |c: &&crate::Comparison| c.arm == arm.id && c.test == test;
    let Some(c) = results.comparisons.iter().find(own) else {
        return number::ABSENT.to_owned();
    };
    let interval = finding::difference_interval(c).map_or_else(String::new, |i| format!(" {i}"));
    let p = c.p_holm.map_or_else(String::new, |p| format!(", p {}", number::p_value(p)));
    format!("{}{interval}{p}", number::or_absent(c.diff, number::signed))
}

/// What the share of unsafe rows kept does over a part of numbers.
fn trend(results: &Results, part: &str) -> Option<String> {
    let number_of = |arm: &Arm| arm.replacement.as_ref()?.parse::<f64>().ok();
    let mut points: Vec<(f64, f64)> = view::part_arms(results, part)
        .into_iter()
        .filter_map(|arm| Some((number_of(arm)?, unsafe_kept(arm)?.mean)))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (first, last) = (points.first()?, points.last()?);
    if points.len() < 3 {
        return None;
    }
    let steps: Vec<f64> = points.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    let manner = if steps.iter().all(|step| step.abs() < 5e-4) {
        "without a change"
    } else if steps.iter().all(|step| *step > 0.0) {
        "rising at every step"
    } else if steps.iter().all(|step| *step < 0.0) {
        "falling at every step"
    } else {
        "not in one direction at every step"
    };
    Some(format!(
        "From {} to {} the share of unsafe rows kept goes from {} % to {} %, {manner}.",
        first.0,
        last.0,
        number::share(first.1),
        number::share(last.1)
    ))
}

/// The findings whose arms were run, across parts and studies.
fn stated(all: &[&Results], spec: &FindingsSpec) -> Vec<String> {
    let arm = |id: &String| all.iter().find_map(|results| results.arm(id));
    let line = |finding: &Finding| {
        let arms: Vec<&Arm> = finding.arms.iter().map(arm).collect::<Option<_>>()?;
        let shares: Vec<f64> = arms.iter().filter_map(|arm| Some(unsafe_kept(arm)?.mean)).collect();
        // A reason is given only where the shares of unsafe rows kept bear it out.
        let because = match &finding.reason {
            Some((because, when)) if shares.len() == arms.len() && when.holds(&shares) => {
                format!(" {}", escape(because))
            }
            _ => String::new(),
        };
        let of_arm = |arm: &&Arm| {
            let phrases: Vec<String> = finding.each.iter().filter_map(|p| p.of(arm)).collect();
            match phrases.is_empty() {
                true => escape(&arm.label),
                false => format!("{}: {}", escape(&arm.label), phrases.join(", ")),
            }
        };
        let each: Vec<String> = arms.iter().map(of_arm).collect();
        Some(format!("**{}**{because} {}.", escape(&finding.title), each.join("; ")))
    };
    spec.findings.iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests;
