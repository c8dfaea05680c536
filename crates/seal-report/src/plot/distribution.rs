//! Histograms of the rows' weights.

use maud::{Markup, html};

use crate::{Arm, CellFigures, Figures, Histogram, Results, number, view};

use super::axis::Axis;
use super::{LegendEntry, Panel, Plot, Shape, path, px};

/// Final weights of safe and unsafe rows, one panel per arm, for the first seed
/// that has them; `None` without any.
pub(crate) fn histograms(results: &Results, figures: &Figures) -> Option<Plot> {
    let mut panels = Vec::new();
    let mut seeds = Vec::new();
    let (mut labelled, mut unlabelled) = (false, false);
    for group in view::groups(results) {
        for arm in group.arms {
            let Some((cell, histogram)) = first(figures, arm) else { continue };
            panels.extend(panel(arm, histogram));
            if !seeds.contains(&cell.seed) {
                seeds.push(cell.seed);
            }
            labelled |= !histogram.safe.is_empty() || !histogram.unsafe_rows.is_empty();
            unlabelled |= !histogram.unlabelled.is_empty();
        }
    }
    if panels.is_empty() {
        return None;
    }
    let mut legend = Vec::new();
    let mut add = |label: &str, class: &str| {
        legend.push(LegendEntry { label: label.into(), class: class.into(), shape: Shape::Area });
    };
    if labelled {
        add("safe rows", "safe");
        add("unsafe rows", "unsafe");
    }
    if unlabelled {
        add("rows without a label", "unlabelled");
    }
    let seeds = seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    Some(Plot {
        id: "weights".to_owned(),
        caption: format!("Final weight p of the rows, as a share of each class (seed {seeds})"),
        panels,
        legend,
    })
}

fn first<'a>(figures: &'a Figures, arm: &Arm) -> Option<(&'a CellFigures, &'a Histogram)> {
    let cells = figures.cells.iter().filter(|cell| cell.arm == arm.id);
    cells
        .filter_map(|cell| cell.histogram.as_ref().map(|histogram| (cell, histogram)))
        .min_by_key(|(cell, _)| cell.seed)
}

fn panel(arm: &Arm, histogram: &Histogram) -> Option<Markup> {
    let (lo, hi) = (*histogram.edges.first()?, *histogram.edges.last()?);
    let classes: Vec<(&str, Vec<f64>)> = [
        ("safe", &histogram.safe),
        ("unsafe", &histogram.unsafe_rows),
        ("unlabelled", &histogram.unlabelled),
    ]
    .into_iter()
    .filter_map(|(class, counts)| Some((class, shares(counts)?)))
    .collect();
    let tallest = classes.iter().flat_map(|(_, shares)| shares).copied().fold(0.0, f64::max);
    if tallest <= 0.0 {
        return None;
    }
    let panel = Panel {
        id: format!("weights-{}", crate::text::slug(&arm.id)),
        title: arm.label.clone(),
        desc: classes
            .iter()
            .map(|(class, shares)| {
                format!(
                    "{class} rows: mean weight about {}",
                    number::fixed(mean(histogram, shares), 2)
                )
            })
            .collect::<Vec<_>>()
            .join("; "),
        width: 270.0,
        height: 170.0,
        left: 40.0,
        x: Axis::linear(lo, hi, "weight p"),
        y: Axis {
            ticks: super::axis::ticks(0.0, tallest, 3),
            ..Axis::linear(0.0, tallest, "rows, %")
        },
    };
    Some(panel.svg(&html! {
        @for (class, shares) in &classes {
            path class=(format!("area {class}")) d=(steps(&panel, &histogram.edges, shares)) {}
        }
    }))
}

/// Counts in percent of the class; `None` for a class without rows.
fn shares(counts: &[u64]) -> Option<Vec<f64>> {
    let total: u64 = counts.iter().sum();
    (total > 0).then(|| counts.iter().map(|n| *n as f64 / total as f64 * 100.0).collect())
}

/// The mean weight, with every row at the middle of its bin.
fn mean(histogram: &Histogram, shares: &[f64]) -> f64 {
    let middles = histogram.edges.windows(2).map(|edge| (edge[0] + edge[1]) / 2.0);
    middles.zip(shares).map(|(middle, share)| middle * share / 100.0).sum()
}

/// The outline of the bars, closed on the axis.
fn steps(panel: &Panel, edges: &[f64], shares: &[f64]) -> String {
    let floor = panel.py(0.0);
    let tops = edges.windows(2).zip(shares).flat_map(|(edge, share)| {
        let y = panel.py(*share);
        [(panel.px(edge[0]), y), (panel.px(edge[1]), y)]
    });
    let ends = [edges.first(), edges.last()].map(|edge| edge.map_or(0.0, |e| panel.px(*e)));
    let outline = path(std::iter::once((ends[0], floor)).chain(tops));
    format!("{outline}L{} {}z", px(ends[1]), px(floor))
}
