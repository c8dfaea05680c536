//! Win rates with intervals against penalty strength.

use maud::{Markup, html};

use crate::{Arm, Results, Role, WinRate, view};

use super::axis::{Axis, Spread};
use super::win::{
    describe, domain, entry, heading, intervals, role_class, shape, whisker_class, win_axis,
};
use super::{LegendEntry, Panel, Plot, marker, path, px};

/// Win rate against penalty strength, one panel per test; `None` with fewer
/// than two constant values. SEAL's schedule is drawn over the range it runs
/// through, at its mean.
pub(crate) fn penalty(results: &Results) -> Option<Plot> {
    let arms = gamma_arms(results)?;
    let panels: Vec<Markup> = view::tests(results)
        .into_iter()
        .filter_map(|test| panel(results, test, &arms, (370.0, 260.0)))
        .collect();
    Some(Plot {
        id: "penalty-strength".to_owned(),
        caption: format!("Win rate against penalty strength γ, with {}", intervals(results)),
        panels,
        legend: legend(results, &arms),
    })
}

/// An arm with its penalty strength in each epoch.
pub(super) type GammaArm<'a> = (&'a Arm, Vec<f64>);

/// The arms of the curve; `None` with fewer than two constant values.
pub(super) fn gamma_arms(results: &Results) -> Option<Vec<GammaArm<'_>>> {
    let arms: Vec<GammaArm<'_>> = view::part_arms(results, view::PENALTY)
        .into_iter()
        .filter_map(|arm| gamma(arm).map(|gamma| (arm, gamma)))
        .collect();
    (arms.iter().filter(|(arm, _)| arm.role != Role::Seal).count() >= 2).then_some(arms)
}

/// How the arms of the curve are marked.
pub(super) fn legend(results: &Results, arms: &[GammaArm<'_>]) -> Vec<LegendEntry> {
    let mut legend = vec![entry("γ constant", Role::Ablation)];
    if let Some(seal) = results.seal() {
        legend.insert(0, entry(&format!("{} (its schedule, at the mean)", seal.label), Role::Seal));
    }
    if arms.iter().any(|(arm, _)| arm.role.is_control()) {
        legend.push(entry("γ constant, control", Role::Control));
    }
    legend
}

/// The penalty strength of each epoch.
fn gamma(arm: &Arm) -> Option<Vec<f64>> {
    match &arm.gamma {
        Some(gamma) if !gamma.is_empty() => Some(gamma.clone()),
        _ => Some(vec![arm.replacement.as_ref()?.parse().ok()?]),
    }
}

/// The curve on one test, of this width and height; `None` where no arm was
/// judged on it.
pub(super) fn panel(
    results: &Results,
    test: &str,
    arms: &[GammaArm<'_>],
    (width, height): (f64, f64),
) -> Option<Markup> {
    let drawn: Vec<(&Arm, &[f64], &WinRate, f64)> = arms
        .iter()
        .filter_map(|(arm, gamma)| {
            let rate = arm.win_rate.get(test)?;
            Some((*arm, gamma.as_slice(), rate, rate.mean?))
        })
        .collect();
    let (lo, hi) = domain(drawn.iter().map(|d| d.2))?;
    let widest = drawn.iter().flat_map(|d| d.1).copied().fold(0.0, f64::max);
    let panel = Panel {
        id: format!("gamma-{test}"),
        title: heading(results, test),
        desc: describe(drawn.iter().map(|d| (d.0, d.2))),
        width,
        height,
        left: 46.0,
        x: gamma_axis(&drawn, widest),
        y: win_axis(lo, hi),
    };
    // SEAL and a control may share a gamma: SEAL is set a little aside.
    let place = |arm: &Arm, gamma: &[f64]| {
        let mean = gamma.iter().sum::<f64>() / gamma.len() as f64;
        panel.px(mean) - if arm.role == Role::Seal { 7.0 } else { 0.0 }
    };
    let mut line: Vec<(f64, f64)> = drawn
        .iter()
        .filter(|d| d.0.role != Role::Seal)
        .map(|(arm, gamma, _, mean)| (place(arm, gamma), panel.py(*mean)))
        .collect();
    line.sort_by(|a, b| a.0.total_cmp(&b.0));
    Some(panel.svg(&html! {
        (level(&panel, 50.0))
        path.guide d=(path(line.into_iter())) {}
        @for (arm, gamma, rate, mean) in &drawn {
            @let (x, class) = (place(arm, gamma), role_class(arm.role));
            @if let Some(interval) = view::interval(rate) {
                path class=(whisker_class(class, interval.kind))
                    d={ "M" (px(x)) " " (px(panel.py(interval.lo))) "V" (px(panel.py(interval.hi))) } {}
            }
            @if arm.role == Role::Seal {
                @let range = gamma.iter().fold((f64::MAX, f64::MIN), |r, g| (r.0.min(*g), r.1.max(*g)));
                path.span.seal d={ "M" (px(panel.px(range.0))) " " (px(panel.py(*mean)))
                    "H" (px(panel.px(range.1))) } {}
            }
            (marker(shape(arm.role), x, panel.py(*mean), class))
        }
    }))
}

/// Ticks stand at the values that were run.
fn gamma_axis(drawn: &[(&Arm, &[f64], &WinRate, f64)], widest: f64) -> Axis {
    let hi = if widest > 0.0 { widest * 1.08 } else { 1.0 };
    let mut axis = Axis {
        lo: 0.0,
        hi,
        spread: Spread::SquareRoot,
        ticks: Vec::new(),
        label: "penalty strength γ (square-root scale)".to_owned(),
    };
    let mut values: Vec<f64> =
        drawn.iter().filter(|d| d.0.role != Role::Seal).flat_map(|d| d.1).copied().collect();
    values.sort_by(f64::total_cmp);
    for value in values {
        // Labels closer than this would touch.
        let room = |last: &(f64, String)| axis.position(value) - axis.position(last.0) > 0.07;
        if axis.ticks.last().is_none_or(room) {
            axis.ticks.push((value, value.to_string()));
        }
    }
    axis
}

fn level(panel: &Panel, value: f64) -> Markup {
    let (y, right) = (px(panel.py(value)), px(panel.width - super::RIGHT));
    html! { line.even x1=(px(panel.left)) x2=(right) y1=(y) y2=(y) {} }
}
