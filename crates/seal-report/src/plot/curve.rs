//! Curves: receiver operating characteristics, and the selector over epochs.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::{Arm, EpochTrace, Figures, Results, Role, number, view};

use super::axis::Axis;
use super::{LegendEntry, Panel, Plot, Shape, path, series_class};

/// Arms that share a panel, each with the class it is drawn in. SEAL is part
/// of every set: it is what the others are compared with.
struct Set<'a> {
    title: String,
    arms: Vec<(&'a Arm, String)>,
}

fn sets<'a>(results: &'a Results, has: &dyn Fn(&Arm) -> bool) -> Vec<Set<'a>> {
    let seal = results.seal().filter(|arm| has(arm));
    let mut sets = Vec::new();
    for group in view::groups(results) {
        let others: Vec<&Arm> = group
            .arms
            .into_iter()
            .filter(|arm| !matches!(arm.role, Role::Seal | Role::Reference) && has(arm))
            .collect();
        if !others.is_empty() {
            let numbered = others.into_iter().enumerate().map(|(i, arm)| (arm, series_class(i)));
            let arms = seal.map(|arm| (arm, "seal".to_owned())).into_iter().chain(numbered);
            sets.push(Set { title: group.title, arms: arms.collect() });
        }
    }
    if let (true, Some(seal)) = (sets.is_empty(), seal) {
        sets.push(Set { title: seal.label.clone(), arms: vec![(seal, "seal".to_owned())] });
    }
    sets
}

fn legend(set: &Set<'_>) -> Vec<LegendEntry> {
    set.arms
        .iter()
        .map(|(arm, class)| LegendEntry {
            label: arm.label.clone(),
            class: class.clone(),
            shape: Shape::Line,
        })
        .collect()
}

/// One figure per set of arms: a curve per arm and seed.
pub(crate) fn roc(results: &Results, figures: &Figures) -> Vec<Plot> {
    let curves = |arm: &Arm| {
        let id = arm.id.clone();
        figures.cells.iter().filter(move |cell| cell.arm == id && cell.roc.len() > 1)
    };
    let draw = |set: Set<'_>| {
        let id = format!("roc-{}", crate::text::slug(&set.title));
        let panel = Panel {
            id: id.clone(),
            title: set.title.clone(),
            desc: describe_auroc(&set),
            width: 300.0,
            height: 300.0,
            left: 46.0,
            x: Axis::linear(0.0, 100.0, "safe rows ranked below, %"),
            y: Axis::linear(0.0, 100.0, "unsafe rows ranked below, %"),
        };
        let svg = panel.svg(&html! {
            path.chance d=(path([(0.0, 0.0), (100.0, 100.0)].map(|(x, y)| (panel.px(x), panel.py(y))).into_iter())) {}
            // SEAL last: it stays visible where curves coincide.
            @for (arm, class) in set.arms.iter().rev() {
                @for cell in curves(arm) {
                    @let points = cell.roc.iter().map(|p| (panel.px(p.fpr * 100.0), panel.py(p.tpr * 100.0)));
                    path class=(format!("line {class}")) d=(path(points)) {}
                }
            }
        });
        Plot { id, caption: String::new(), panels: vec![svg], legend: legend(&set) }
    };
    sets(results, &|arm| curves(arm).next().is_some()).into_iter().map(draw).collect()
}

fn describe_auroc(set: &Set<'_>) -> String {
    let auroc = |arm: &Arm| arm.selection.as_ref().and_then(|s| s.ranking.auroc);
    set.arms
        .iter()
        .map(|(arm, _)| {
            let text = number::or_absent(auroc(arm), |value| number::fixed(value, 3));
            format!("{}: AUROC {text}", arm.label)
        })
        .collect::<Vec<_>>()
        .join("; ")
}

type Pick = fn(&EpochTrace) -> Option<f64>;

/// An arm, the class it is drawn in, and its points.
type Series<'a> = (&'a Arm, &'a str, Vec<(f64, f64)>);

const QUANTITIES: [(&str, Pick); 8] = [
    ("Effective sample size / N", |t| t.ess),
    ("Mean weight p", |t| t.mean_p),
    ("Penalty strength γ", |t| t.gamma),
    ("Effective γ", |t| t.gamma_eff),
    ("Loss, safe set", |t| t.safe_loss),
    ("Loss, fine-tuning set", |t| t.data_loss),
    ("Clamped rows", |t| t.clamped),
    ("Dead rows", |t| t.dead),
];

/// One figure per set of arms: the selector's state after each epoch, means
/// over seeds. A quantity that is 0 throughout is left out.
pub(crate) fn traces(results: &Results, figures: &Figures) -> Vec<Plot> {
    let has =
        |arm: &Arm| figures.cells.iter().any(|cell| cell.arm == arm.id && !cell.trace.is_empty());
    let draw = |set: Set<'_>| {
        let id = format!("trace-{}", crate::text::slug(&set.title));
        let panels: Vec<Markup> = QUANTITIES
            .iter()
            .filter_map(|(title, pick)| trace_panel(figures, &set, &id, title, *pick))
            .collect();
        Plot { id, caption: set.title.clone(), panels, legend: legend(&set) }
    };
    sets(results, &has).into_iter().map(draw).filter(|figure| !figure.panels.is_empty()).collect()
}

fn trace_panel(
    figures: &Figures,
    set: &Set<'_>,
    id: &str,
    title: &str,
    pick: Pick,
) -> Option<Markup> {
    let series: Vec<Series<'_>> = set
        .arms
        .iter()
        .map(|(arm, class)| (*arm, class.as_str(), mean_over_seeds(figures, arm, pick)))
        .filter(|(.., points)| !points.is_empty())
        .collect();
    let points = || series.iter().flat_map(|(.., points)| points.iter().copied());
    if points().all(|(_, y)| y == 0.0) {
        return None;
    }
    let (first, last) = points().fold((f64::MAX, f64::MIN), |r, p| (r.0.min(p.0), r.1.max(p.0)));
    let (lo, hi) = points().fold((f64::MAX, f64::MIN), |r, p| (r.0.min(p.1), r.1.max(p.1)));
    let pad = ((hi - lo) * 0.08).max(hi.abs() * 0.01);
    // None of these quantities can be negative.
    let (lo, hi) = ((lo - pad).max(0.0), hi + pad);
    let mut x = Axis::linear(first, last, "epoch");
    x.ticks = epochs(first, last);
    let y = Axis { ticks: super::axis::ticks(lo, hi, 4), ..Axis::linear(lo, hi, "") };
    let last_values = series.iter().filter_map(|(arm, _, points)| {
        points.last().map(|(_, y)| format!("{}: {} at the end", arm.label, number::fixed(*y, 3)))
    });
    let panel = Panel {
        id: format!("{id}-{}", crate::text::slug(title)),
        title: title.to_owned(),
        desc: last_values.collect::<Vec<_>>().join("; "),
        width: 250.0,
        height: 165.0,
        left: 42.0,
        x,
        y,
    };
    Some(panel.svg(&html! {
        @for (_, class, points) in series.iter().rev() {
            @let points: Vec<(f64, f64)> = points.iter().map(|(x, y)| (panel.px(*x), panel.py(*y))).collect();
            path class=(format!("line {class}")) d=(path(points.iter().copied())) {}
            @for (x, y) in &points {
                circle class=(format!("dot {class}")) cx=(super::px(*x)) cy=(super::px(*y)) r="2.2" {}
            }
        }
    }))
}

/// At most eight whole epochs, evenly spaced from the first.
fn epochs(first: f64, last: f64) -> Vec<(f64, String)> {
    let every = ((last - first) / 7.0).ceil().max(1.0);
    (0..8)
        .map(|i| first + f64::from(i) * every)
        .take_while(|epoch| *epoch <= last)
        .map(|epoch| (epoch, number::fixed(epoch, 0)))
        .collect()
}

fn mean_over_seeds(figures: &Figures, arm: &Arm, pick: Pick) -> Vec<(f64, f64)> {
    let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for cell in figures.cells.iter().filter(|cell| cell.arm == arm.id) {
        for epoch in &cell.trace {
            if let Some(value) = pick(epoch) {
                let (sum, n) = sums.entry(epoch.epoch).or_default();
                *sum += value;
                *n += 1.0;
            }
        }
    }
    sums.into_iter().map(|(epoch, (sum, n))| (f64::from(epoch), sum / n)).collect()
}
