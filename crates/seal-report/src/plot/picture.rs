//! One drawing of a study's ablations, for a page of its own such as a README.

use maud::{Markup, PreEscaped, html};

use crate::{Results, view};

use super::win::intervals;
use super::{COLOURS, LegendEntry, STYLE, gamma, kept, marker, px};

/// Width of the drawing: at this width its text is as large as it says.
const WIDTH: f64 = 800.0;
const MARGIN: f64 = 16.0;
/// Between the panels.
const GAP: f64 = 28.0;
const CURVE: f64 = 376.0;
/// Where the panels start and how much stands below them.
const HEAD: f64 = 42.0;
const FOOT: f64 = 58.0;

/// The win rate over penalty strength, beside the share of the unsafe rows that
/// each arm keeps, as one SVG. Colours follow the reader's scheme, light or
/// dark. `None` where the study has neither.
pub(crate) fn picture(results: &Results) -> Option<String> {
    let arms = gamma::gamma_arms(results);
    let test = arms.as_ref().and_then(|arms| telling_test(results, arms));
    let kept_height = kept::height(results);
    let height = kept_height.unwrap_or(0.0).max(280.0);
    let wide = WIDTH - 2.0 * MARGIN;
    let curve = match (&arms, test) {
        (Some(arms), Some(test)) => {
            let width = if kept_height.is_some() { CURVE } else { wide };
            gamma::panel(results, test, arms, (width, height))
        }
        _ => None,
    };
    let left = if curve.is_some() { CURVE + GAP } else { 0.0 };
    let kept = kept_height.map(|_| kept::panel(results, (wide - left, height)));
    if curve.is_none() && kept.is_none() {
        return None;
    }
    let legend = match &arms {
        Some(arms) if curve.is_some() => gamma::legend(results, arms),
        _ => Vec::new(),
    };
    let total = HEAD + height + FOOT;
    let title = title(results);
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (px(WIDTH)) " " (px(total)) }
            width=(px(WIDTH)) height=(px(total)) role="img" aria-labelledby="picture-title" {
            title id="picture-title" { (title) }
            style { (PreEscaped(COLOURS)) (PreEscaped(STYLE)) (PreEscaped(include_str!("picture.css"))) }
            rect.paper width=(px(WIDTH)) height=(px(total)) rx="6" {}
            text.title x=(px(MARGIN)) y="26" { (title) }
            @if let Some(curve) = &curve { (at(MARGIN, HEAD, curve)) }
            @if let Some(kept) = &kept { (at(MARGIN + left, HEAD, kept)) }
            (legend_row(&legend, HEAD + height + 16.0))
            text.note x=(px(MARGIN)) y=(px(HEAD + height + 42.0)) { (note(results, curve.is_some(), kept.is_some())) }
        }
    };
    Some(svg.into_string())
}

/// The test on which the arms of the curve differ most, of those that can show
/// anything.
fn telling_test<'a>(results: &'a Results, arms: &[gamma::GammaArm<'_>]) -> Option<&'a str> {
    let spread = |test: &str| {
        let means = || arms.iter().filter_map(|(arm, _)| arm.win_rate.get(test)?.mean);
        means().fold(f64::MIN, f64::max) - means().fold(f64::MAX, f64::min)
    };
    let flat = view::uninformative(results);
    let shown = view::tests(results).into_iter().filter(|test| !flat.contains(test));
    shown.reduce(|best, test| if spread(test) > spread(best) { test } else { best })
}

fn title(results: &Results) -> String {
    let parts: Vec<String> = view::parts(results).into_iter().map(str::to_owned).collect();
    let seeds = match results.seeds.len() {
        1 => "one seed".to_owned(),
        n => format!("{n} seeds"),
    };
    let quick = if results.quick { "No result, quick run: " } else { "" };
    let seeds = match results.partial() {
        Some(_) => format!("{seeds} of {}", results.planned_seeds.len()),
        None => seeds,
    };
    format!("{quick}{}, study {}, {seeds}", view::capitalised(&view::list(&parts)), results.study)
}

/// What the marks and bars stand for.
fn note(results: &Results, has_curve: bool, has_kept: bool) -> String {
    let mut notes = Vec::new();
    if has_curve {
        let reference = view::reference_label(results);
        notes.push(format!("Left: {}; dashed, 50 %: {reference}.", intervals(results)));
    }
    if has_kept && results.seeds.len() > 1 {
        let side = if has_curve { "Right" } else { "Bars" };
        notes.push(format!("{side}: mean over seeds, with the least and the largest seed."));
    }
    notes.join(" ")
}

fn at(x: f64, y: f64, panel: &Markup) -> Markup {
    html! { g transform={ "translate(" (px(x)) " " (px(y)) ")" } { (panel) } }
}

/// Marks with their labels, one after another.
fn legend_row(legend: &[LegendEntry], y: f64) -> Markup {
    // The width of a letter is not known; this much is enough.
    let width = |entry: &LegendEntry| 34.0 + 6.5 * entry.label.chars().count() as f64;
    let starts = legend.iter().scan(MARGIN, |x, entry| {
        let start = *x;
        *x += width(entry);
        Some(start)
    });
    html! {
        @for (x, entry) in starts.zip(legend) {
            (marker(entry.shape, x + 6.0, y, &entry.class))
            text.note x=(px(x + 18.0)) y=(px(y + 4.0)) { (entry.label) }
        }
    }
}
