//! The share of the unsafe rows that each arm keeps.

use maud::{Markup, html};

use crate::seeds::{OverSeeds, unsafe_kept};
use crate::{Arm, Results, Role, number, view};

use super::axis::{Axis, ticks};
use super::win::{role_class, shape};
use super::{Panel, marker, px};

/// Height of a row, and what the panel has above and below its rows.
const ROW: f64 = 22.0;
const AROUND: f64 = super::TOP + super::BOTTOM + 8.0;

/// Letters of a label that fit beside the axis.
const LETTERS: usize = 22;

/// A line of the panel.
enum PanelLine<'a> {
    Heading(String),
    Arm(&'a Arm, OverSeeds),
}

/// SEAL, then the arms of every part under its name, where the share is known.
fn lines(results: &Results) -> Vec<PanelLine<'_>> {
    let mut lines = Vec::new();
    lines.extend(results.seal().and_then(|arm| Some(PanelLine::Arm(arm, unsafe_kept(arm)?))));
    for part in view::parts(results) {
        let arms: Vec<PanelLine<'_>> = view::part_arms_by_value(results, part)
            .into_iter()
            .filter_map(|arm| Some(PanelLine::Arm(arm, unsafe_kept(arm)?)))
            .collect();
        if !arms.is_empty() {
            lines.push(PanelLine::Heading(view::capitalised(part)));
            lines.extend(arms);
        }
    }
    lines
}

/// The height that the panel needs; `None` with nothing to show beside SEAL.
pub(super) fn height(results: &Results) -> Option<f64> {
    let lines = lines(results);
    let has_arms = lines.iter().any(|line| matches!(line, PanelLine::Heading(_)));
    has_arms.then_some(AROUND + ROW * lines.len() as f64)
}

/// Mean over seeds of the share kept, and the least and the largest seed.
pub(super) fn panel(results: &Results, (width, height): (f64, f64)) -> Markup {
    let lines = lines(results);
    let of_arms = lines.iter().filter_map(|line| match line {
        PanelLine::Arm(arm, share) => Some((*arm, share)),
        PanelLine::Heading(_) => None,
    });
    let largest = of_arms.clone().map(|(_, share)| 100.0 * share.largest).fold(1.0, f64::max);
    // Room for the value beside the longest bar.
    let hi = largest * 1.2;
    let panel = Panel {
        id: "unsafe-kept".to_owned(),
        title: "Unsafe rows kept".to_owned(),
        desc: of_arms
            .map(|(arm, share)| format!("{}: {}", arm.label, share.text(number::share)))
            .collect::<Vec<_>>()
            .join("; "),
        width,
        height,
        left: 142.0,
        x: Axis {
            ticks: ticks(0.0, hi.min(100.0), 5),
            ..Axis::linear(0.0, hi, "share of the unsafe rows, %")
        },
        y: Axis { ticks: Vec::new(), ..Axis::linear(0.0, 1.0, "") },
    };
    let floor = panel.height - super::BOTTOM;
    panel.svg(&html! {
        @for (value, _) in &panel.x.ticks {
            line.grid x1=(px(panel.px(*value))) x2=(px(panel.px(*value))) y1=(px(super::TOP)) y2=(px(floor)) {}
        }
        @for (i, line) in lines.iter().enumerate() {
            @let y = super::TOP + ROW * (i as f64 + 0.5) + 4.0;
            @match line {
                PanelLine::Heading(part) => { text.part x="0" y=(px(y + 5.0)) { (part) } }
                PanelLine::Arm(arm, share) => {
                    @let indent = if arm.role == Role::Seal { 0.0 } else { 8.0 };
                    text.row x=(px(indent)) y=(px(y + 4.0)) { (clipped(&arm.label)) }
                    (bar(&panel, arm, share, y))
                }
            }
        }
    })
}

/// A bar from the least to the largest seed, marked at the mean.
fn bar(panel: &Panel, arm: &Arm, share: &OverSeeds, y: f64) -> Markup {
    let class = role_class(arm.role);
    let [zero, mean, least, largest] =
        [0.0, share.mean, share.least, share.largest].map(|x| panel.px(100.0 * x));
    html! {
        path class={ "stem " (class) } d={ "M" (px(zero)) " " (px(y)) "H" (px(mean)) } {}
        path class={ "whisker " (class) } d={ "M" (px(least)) " " (px(y)) "H" (px(largest)) } {}
        (marker(shape(arm.role), mean, y, class))
        text.value x=(px(largest + 10.0)) y=(px(y + 4.0)) { (number::share(share.mean)) }
    }
}

fn clipped(label: &str) -> String {
    match label.char_indices().nth(LETTERS) {
        Some(_) => label.chars().take(LETTERS - 1).chain(['…']).collect(),
        None => label.to_owned(),
    }
}
