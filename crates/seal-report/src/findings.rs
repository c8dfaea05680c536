//! A page of findings: what each study shows, computed from stored results, so
//! that no sentence outlives its figures.

use std::fmt::Write as _;

use crate::markdown::{escape, fenced};
use crate::text::visible;
use crate::{Arm, Report, Results, Role, finding, number, view};

/// The Markdown of the page, from the reports of studies with one reference.
///
/// Each study gets its command, a table a part, and sentences with figures.
/// Shares of unsafe rows and AUROC are means over seeds, with the least and
/// the largest seed in brackets; win rates have their 95 % interval.
pub fn findings(reports: &[Report]) -> String {
    let mut page = String::from(
        "# Findings\n\n\
         Made by `cargo xtask findings` from the results of the commands named below; every \
         figure is of those runs. \"Unsafe kept\" is the share of unsafe rows among the rows \
         kept, AUROC the probability that an unsafe row ranks below a safe one: means over \
         seeds, the least and the largest seed in brackets. Win rates and differences carry \
         95 % intervals over new seeds and prompts; p values are Holm's within a part. An arm \
         that changes the data is held against the same reference as the others. Where no \
         difference was detected, the difference that would have been is given.\n",
    );
    let all: Vec<&Results> = reports.iter().map(|r| &r.results).collect();
    let why = reasons(&all);
    if !why.is_empty() {
        page.push_str("\n## In short\n\n");
        why.iter().for_each(|line| writeln!(page, "- {line}").expect("a string takes text"));
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
    let _ = write!(page, "\n## {}\n\n", escape(&view::capitalised(&view::list(&parts))));
    let _ = write!(
        page,
        "Study {}, seeds {}:\n\n{}",
        code(&results.study),
        seeds.join(", "),
        fenced("sh", command).trim_end_matches('\n')
    );
    page.push('\n');
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
    let mut arms = view::part_arms(results, part);
    arms.retain(|arm| arm.role != Role::Seal);
    let value = |arm: &Arm| arm.replacement.as_ref().and_then(|r| r.parse::<f64>().ok());
    if arms.iter().all(|arm| value(arm).is_some()) {
        arms.sort_by(|a, b| value(a).unwrap_or(0.0).total_cmp(&value(b).unwrap_or(0.0)));
    }
    results.seal().into_iter().chain(arms).collect()
}

fn table(page: &mut String, results: &Results, part: &str) {
    page.push_str("| arm | AUROC | unsafe kept, % |");
    for test in view::tests(results) {
        let _ = write!(page, " {} win rate, % | against SEAL |", escape(view::test_label(test)));
    }
    page.push_str("\n| :-- | --: | --: |");
    for _ in view::tests(results) {
        page.push_str(" --: | --: |");
    }
    page.push('\n');
    for arm in rows(results, part) {
        let auroc = over_seeds(arm, |c| c.auroc, |x| number::fixed(x, 3));
        let kept = over_seeds(arm, |c| c.unsafe_kept, number::share);
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

fn per_seed(arm: &Arm, pick: fn(&crate::Ranking) -> Option<f64>) -> Vec<f64> {
    arm.cells.iter().filter_map(|cell| pick(cell.selection.as_ref()?)).collect()
}

/// Mean over seeds, with the least and the largest.
fn over_seeds(
    arm: &Arm,
    pick: fn(&crate::Ranking) -> Option<f64>,
    text: fn(f64) -> String,
) -> String {
    let values = per_seed(arm, pick);
    let Some(mean) = mean(&values) else { return number::ABSENT.to_owned() };
    let lo = values.iter().copied().fold(f64::INFINITY, f64::min);
    let hi = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{} {}", text(mean), number::bracket(&text(lo), &text(hi)))
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn unsafe_kept(arm: &Arm) -> Option<f64> {
    mean(&per_seed(arm, |c| c.unsafe_kept))
}

/// What the share of unsafe rows kept does over a part of numbers.
fn trend(results: &Results, part: &str) -> Option<String> {
    let number_of = |arm: &Arm| arm.replacement.as_ref()?.parse::<f64>().ok();
    let mut points: Vec<(f64, f64)> = view::part_arms(results, part)
        .into_iter()
        .filter_map(|arm| Some((number_of(arm)?, unsafe_kept(arm)?)))
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

/// Comparisons across parts and studies, where their arms were run.
fn reasons(all: &[&Results]) -> Vec<String> {
    let arm = |id: &str| all.iter().find_map(|results| results.arm(id));
    let kept = |arm: &Arm| over_seeds(arm, |c| c.unsafe_kept, number::share);
    let auroc = |arm: &Arm| over_seeds(arm, |c| c.auroc, |x| number::fixed(x, 3));
    let hexphi = |arm: &Arm| {
        arm.win_rate.get("hexphi").map_or_else(String::new, |rate| {
            format!(", HEx-PHI win rate {}", view::win_text(arm, rate))
        })
    };
    let told = |arm: &Arm| {
        format!(
            "{}: AUROC {}, unsafe kept {} %{}",
            escape(&arm.label),
            auroc(arm),
            kept(arm),
            hexphi(arm)
        )
    };
    let mut lines = Vec::new();
    // A reason is given only where the shares of unsafe rows kept bear it out.
    let mut compare = |what: &str, ids: &[&str], because: &str, holds: fn(&[f64]) -> bool| {
        let arms: Option<Vec<&Arm>> = ids.iter().map(|id| arm(id)).collect();
        let Some(arms) = arms else { return };
        let shares: Vec<f64> = arms.iter().filter_map(|arm| unsafe_kept(arm)).collect();
        let because = match shares.len() == arms.len() && holds(&shares) {
            true => format!(" {because}"),
            false => String::new(),
        };
        let each: Vec<String> = arms.into_iter().map(told).collect();
        lines.push(format!("**{what}**{because} {}.", each.join("; ")));
    };
    compare(
        "How much gamma matters.",
        &["gamma-0", "gamma-0.01", "gamma-0.05", "gamma-0.1", "gamma-0.2"],
        "The larger gamma is, the better the model fits the unsafe rows too, and the less their \
         losses stand out.",
        |kept| kept.windows(2).all(|pair| pair[0] < pair[1]),
    );
    compare(
        "The climb from 0 against its mean held constant.",
        &["seal", "gamma-0.03"],
        "The climb ranks better: its first epoch, at gamma 0, is not spoilt.",
        |kept| kept[0] < kept[1],
    );
    compare(
        "The same gamma with the value function.",
        &["gamma-0.2", "one-gamma-0.2"],
        "Algorithm 1 takes off what a model fitted to the rows alone would pay, and depends less \
         on gamma.",
        |kept| kept[1] < 0.5 * kept[0],
    );
    compare(
        "Selector functions.",
        &["seal", "sigmoid", "tanh", "relu"],
        "With plain steps at matched rates all rank alike: a cut at a share of the rows uses \
         their order only.",
        |kept| kept.iter().all(|k| (k - kept[0]).abs() < 0.02),
    );
    compare(
        "Adam on omega alone, against all that the released code does.",
        &["seal", "omega-adam", "released"],
        "Adam accounts for what the released optimiser loses: it divides a row's gradient by its \
         size, so that the loss hardly counts and the time since the last visit does.",
        |kept| kept[1] - kept[0] > 0.5 * (kept[2] - kept[0]) && kept[2] > kept[0],
    );
    compare(
        "Rankings without a selector.",
        &["frozen-loss", "dsir", "random"],
        "Under the frozen base new tasks are the rows of highest loss, and go first.",
        |kept| kept[0] > kept[2],
    );
    let functions: Vec<String> = ["sigmoid", "tanh", "relu"]
        .iter()
        .filter_map(|id| {
            let arm = arm(id)?;
            let selection = arm.selection.as_ref()?;
            let of = |x: Option<f64>| number::or_absent(x, number::share);
            Some(format!(
                "{}: Spearman {} to softmax, mean weight {}, clamped {} %, dead {} %",
                escape(&arm.label),
                number::or_absent(selection.ranking.spearman_to_seal, |x| number::fixed(x, 3)),
                number::or_absent(selection.weights.mean_p, |x| number::fixed(x, 2)),
                of(selection.weights.clamped),
                of(selection.weights.dead),
            ))
        })
        .collect();
    if !functions.is_empty() {
        lines.push(format!("**What the functions do to weights.** {}.", functions.join("; ")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cell, Ranking};

    fn arm(id: &str, part: Option<&str>, replacement: &str, kept: [f64; 2]) -> Arm {
        let role = if part.is_some() { Role::Ablation } else { Role::Seal };
        let cell = |(seed, kept): (u64, f64)| Cell {
            seed,
            selection: Some(Ranking {
                unsafe_kept: Some(kept),
                auroc: Some(1.0 - kept),
                ..Ranking::default()
            }),
            ..Cell::default()
        };
        Arm {
            ablated_part: part.map(str::to_owned),
            replacement: part.map(|_| replacement.to_owned()),
            cells: [(0, kept[0]), (1, kept[1])].map(cell).into(),
            ..Arm::new(id, id, role)
        }
    }

    fn report(kept: [f64; 3]) -> Report {
        let part = Some("penalty strength");
        let results = Results {
            study: "demo".into(),
            reference: "seal".into(),
            seeds: vec![0, 1],
            arms: vec![
                arm("seal", None, "", [0.01, 0.03]),
                arm("gamma-0.2", part, "0.2", [kept[2]; 2]),
                arm("gamma-0.03", part, "0.03", [kept[1]; 2]),
                arm("gamma-0.01", part, "0.01", [kept[0]; 2]),
            ],
            ..Results::default()
        };
        Report { results, ..Report::default() }
    }

    #[test]
    fn a_trend_is_said_as_it_is() {
        let said = |kept| trend(&report(kept).results, "penalty strength").unwrap();
        insta::assert_snapshot!(said([0.1, 0.2, 0.3]), @"From 0.01 to 0.2 the share of unsafe rows kept goes from 10.0 % to 30.0 %, rising at every step.");
        insta::assert_snapshot!(said([0.1, 0.4, 0.3]), @"From 0.01 to 0.2 the share of unsafe rows kept goes from 10.0 % to 30.0 %, not in one direction at every step.");
        insta::assert_snapshot!(said([0.3, 0.2, 0.1]), @"From 0.01 to 0.2 the share of unsafe rows kept goes from 30.0 % to 10.0 %, falling at every step.");
    }

    #[test]
    fn arms_are_in_the_order_of_their_values_and_seeds_are_shown() {
        let page = findings(&[report([0.1, 0.2, 0.3])]);
        let table: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).collect();
        insta::assert_snapshot!(table.join("\n"), @r"
        | arm | AUROC | unsafe kept, % |
        | :-- | --: | --: |
        | seal | 0.980 [0.970, 0.990] | 2.0 [1.0, 3.0] |
        | gamma-0.01 | 0.900 [0.900, 0.900] | 10.0 [10.0, 10.0] |
        | gamma-0.03 | 0.800 [0.800, 0.800] | 20.0 [20.0, 20.0] |
        | gamma-0.2 | 0.700 [0.700, 0.700] | 30.0 [30.0, 30.0] |
        ");
        assert!(
            page.contains("**The climb from 0 against its mean held constant.** The climb"),
            "{page}"
        );
        assert!(!page.contains("Adam on omega"), "an arm that was not run says nothing");
    }
}
