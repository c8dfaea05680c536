//! Win rates with intervals, arm by arm.

use maud::{Markup, html};

use crate::view::{self, IntervalKind};
use crate::{Arm, Results, Role, WinRate};

use super::axis::{Axis, ticks};
use super::{LegendEntry, Panel, Plot, Shape, marker, px};

/// The arms of one part side by side, one panel per test.
pub(crate) fn part_dots(results: &Results, part: &str) -> Option<Plot> {
    let arms = view::part_arms(results, part);
    dots(results, &crate::text::slug(part), &view::part_title(results, part), &arms)
}

/// The controls beside SEAL, one panel per test.
pub(crate) fn controls(results: &Results) -> Option<Plot> {
    let controls = results.arms.iter().filter(|arm| arm.role.is_control());
    let arms: Vec<&Arm> = results.seal().into_iter().chain(controls).collect();
    dots(results, "controls", "Controls", &arms)
}

fn dots(results: &Results, id: &str, title: &str, arms: &[&Arm]) -> Option<Plot> {
    if arms.iter().all(|arm| arm.role == Role::Seal) {
        return None;
    }
    let panels = view::tests(results)
        .into_iter()
        .filter_map(|test| dot_panel(results, id, test, arms))
        .collect();
    Some(Plot {
        id: id.to_owned(),
        caption: format!("{title}: win rates with {}", intervals(results)),
        panels,
        legend: Vec::new(),
    })
}

/// Rows of text with the interval drawn below each: labels of any length fit.
fn dot_panel(results: &Results, id: &str, test: &str, arms: &[&Arm]) -> Option<Markup> {
    const ROW: f64 = 36.0;
    // An arm whose verdicts are all missing keeps its row, without a mark.
    let drawn: Vec<(&Arm, &WinRate)> =
        arms.iter().filter_map(|arm| Some((*arm, arm.win_rate.get(test)?))).collect();
    let (lo, hi) = domain(drawn.iter().map(|d| d.1))?;
    let rows = drawn.len() as f64;
    let mut y = Axis::linear(0.0, rows, "");
    y.ticks.clear();
    let panel = Panel {
        id: format!("{id}-{test}"),
        title: heading(results, test),
        desc: describe(drawn.iter().copied()),
        width: 370.0,
        height: super::TOP + super::BOTTOM + ROW * rows,
        left: 10.0,
        x: win_axis(lo, hi),
        y,
    };
    let seal = drawn.iter().find(|d| d.0.role == Role::Seal).and_then(|d| d.1.mean);
    Some(panel.svg(&html! {
        @for (i, (arm, rate)) in drawn.iter().enumerate() {
            @let (top, class) = (super::TOP + ROW * i as f64, role_class(arm.role));
            @let y = top + 25.0;
            // The guides keep clear of the text.
            (upright(&panel, "even", 50.0, top))
            @if let Some(seal) = seal { (upright(&panel, "seal-level", seal, top)) }
            text.row x=(px(panel.left)) y=(px(top + 14.0)) { (row_label(id, arm)) }
            text.row.value x=(px(panel.width - super::RIGHT)) y=(px(top + 14.0)) text-anchor="end" {
                (view::win_text(arm, rate))
            }
            @if let Some(interval) = view::interval(rate) {
                path class=(whisker_class(class, interval.kind))
                    d={ "M" (px(panel.px(interval.lo))) " " (px(y)) "H" (px(panel.px(interval.hi))) } {}
            }
            @if let Some(mean) = rate.mean { (marker(shape(arm.role), panel.px(mean), y, class)) }
        }
    }))
}

/// What the axis of win rates spans: every interval and 50, at least ten
/// points, so that noise is not blown up to the size of a finding.
pub(super) fn domain<'a>(rates: impl Iterator<Item = &'a WinRate>) -> Option<(f64, f64)> {
    let mut ends: Vec<f64> = Vec::new();
    for rate in rates {
        ends.extend(rate.mean);
        ends.extend(view::interval(rate).into_iter().flat_map(|i| [i.lo, i.hi]));
    }
    if ends.is_empty() {
        return None;
    }
    ends.push(50.0);
    let lo = ends.iter().copied().fold(f64::MAX, f64::min);
    let hi = ends.iter().copied().fold(f64::MIN, f64::max);
    let pad = ((10.0 - (hi - lo)) / 2.0).max((hi - lo) * 0.05);
    Some(((lo - pad).max(0.0), (hi + pad).min(100.0)))
}

pub(super) fn win_axis(lo: f64, hi: f64) -> Axis {
    Axis { ticks: ticks(lo, hi, 6), ..Axis::linear(lo, hi, "win rate, %") }
}

pub(super) fn heading(results: &Results, test: &str) -> String {
    let flat = results.informative.get(test).copied().flatten() == Some(false);
    let mark = if flat { " (not informative)" } else { "" };
    format!("{}{mark}", view::test_title(results, test))
}

pub(super) fn intervals(results: &Results) -> &'static str {
    if view::shows_prompt_interval(results) {
        "95 % intervals (dashed: prompt interval)"
    } else {
        "95 % study intervals"
    }
}

pub(super) fn describe<'a>(rates: impl Iterator<Item = (&'a Arm, &'a WinRate)>) -> String {
    rates
        .map(|(arm, rate)| format!("{}: {}", arm.label, view::win_text(arm, rate)))
        .collect::<Vec<_>>()
        .join("; ")
}

/// A guide within the lower half of a row.
fn upright(panel: &Panel, class: &str, value: f64, top: f64) -> Markup {
    let x = px(panel.px(value));
    html! { line class=(class) x1=(x) x2=(x) y1=(px(top + 18.0)) y2=(px(top + 33.0)) {} }
}

/// SEAL among selector functions is its function.
fn row_label(id: &str, arm: &Arm) -> String {
    match &arm.selector {
        Some(selector) if arm.role == Role::Seal && id == crate::text::slug(view::SELECTOR) => {
            format!("{} ({selector})", arm.label)
        }
        _ => arm.label.clone(),
    }
}

pub(super) fn entry(label: &str, role: Role) -> LegendEntry {
    LegendEntry { label: label.to_owned(), class: role_class(role).to_owned(), shape: shape(role) }
}

pub(super) fn shape(role: Role) -> Shape {
    match role {
        Role::Seal => Shape::Diamond,
        Role::Ablation => Shape::Circle,
        Role::Control | Role::Ceiling | Role::Random | Role::Reference => Shape::Square,
    }
}

pub(super) fn role_class(role: Role) -> &'static str {
    match role {
        Role::Seal => "seal",
        Role::Ablation => "s1",
        Role::Control | Role::Ceiling | Role::Random | Role::Reference => "hollow",
    }
}

pub(super) fn whisker_class(class: &str, kind: IntervalKind) -> String {
    match kind {
        IntervalKind::Study => format!("whisker {class}"),
        IntervalKind::Prompt => format!("whisker prompt {class}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_domain_is_widened_and_a_wide_one_stays_in_percent() {
        let rate = |mean| WinRate { mean: Some(mean), ..WinRate::default() };
        assert_eq!(domain([rate(51.0)].iter()), Some((45.5, 55.5)));
        assert_eq!(domain([rate(0.0), rate(100.0)].iter()), Some((0.0, 100.0)));
        assert_eq!(domain([WinRate::default()].iter()), None);
    }
}
