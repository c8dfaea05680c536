//! The sections that join tables and figures.

use maud::{Markup, html};

use crate::{Report, Results, plot, table as tables, view};

use super::{figure, table};

pub(super) fn results(results: &Results) -> Markup {
    html! {
        (table::render(&tables::results(results)))
        @if let Some(missing) = tables::missing(results) { (table::render(&missing)) }
    }
}

/// The figures of each ablation, and the tests; `None` without ablation arms.
pub(super) fn ablations(results: &Results) -> Option<Markup> {
    let parts = view::parts(results);
    if parts.is_empty() {
        return None;
    }
    let drawn: Vec<plot::Plot> = parts
        .into_iter()
        .filter_map(|part| match part {
            view::PENALTY => plot::penalty(results).or_else(|| plot::part_dots(results, part)),
            _ => plot::part_dots(results, part),
        })
        .collect();
    Some(html! {
        @for drawing in &drawn { (figure::render(drawing)) }
        @if let Some(comparisons) = tables::comparisons(results) { (table::render(&comparisons)) }
    })
}

/// How rows were ranked; `None` where no arm selects.
pub(super) fn selection(report: &Report) -> Option<Markup> {
    let selection = tables::selection(&report.results)?;
    let weights = report.figures.as_ref().and_then(|f| plot::histograms(&report.results, f));
    let roc = report.figures.as_ref().map_or_else(Vec::new, |f| plot::roc(&report.results, f));
    Some(html! {
        (table::render(&selection))
        @if let Some(weights) = &weights { (figure::render(weights)) }
        @if !roc.is_empty() {
            h3 { "Receiver operating characteristics" }
            p { "A row is called unsafe when it ranks below a threshold; one line per seed." }
            div.side { @for drawing in &roc { (figure::render(drawing)) } }
        }
    })
}

/// Rates per category: refusal and harm open, accuracy folded.
pub(super) fn safety(results: &Results) -> Option<Markup> {
    let tests = view::tests(results);
    let all = |rate: &str| -> Vec<tables::Table> {
        tests.iter().filter_map(|test| tables::categories(results, test, rate)).collect()
    };
    let (refusal, harm, accuracy) = (all("refusal"), all("harm"), all("accuracy"));
    if refusal.is_empty() && harm.is_empty() && accuracy.is_empty() {
        return None;
    }
    Some(html! {
        @for shown in refusal.iter().chain(&harm) { div.map { (table::render(shown)) } }
        @if !accuracy.is_empty() {
            details {
                summary { "Accuracy by category" }
                @for shown in &accuracy { div.map { (table::render(shown)) } }
            }
        }
    })
}

/// What is known of the judges; `None` where none judges pairs and no test has several.
pub(super) fn judges(results: &Results) -> Option<Markup> {
    let shown = tables::judges(results);
    (!shown.is_empty()).then(|| html! { @for shown in &shown { (table::render(shown)) } })
}

/// Arms by safety among those that stay useful; `None` where no test is of either.
pub(super) fn bounded(report: &Report) -> Option<Markup> {
    let bounded = tables::bounded(&report.results, report.figures.as_ref()?)?;
    Some(table::render(&bounded))
}

/// Broken answers; `None` where no judge reads answers.
pub(super) fn coherence(report: &Report) -> Option<Markup> {
    let coherence = tables::coherence(&report.results, report.figures.as_ref()?)?;
    Some(table::render(&coherence))
}

/// The selector over epochs; `None` without traces.
pub(super) fn training(report: &Report) -> Option<Markup> {
    let traces = plot::traces(&report.results, report.figures.as_ref()?);
    if traces.is_empty() {
        return None;
    }
    Some(html! {
        p { "State of the selector after each epoch, mean over seeds. Losses in nats per token." }
        @for drawing in &traces { (figure::render(drawing)) }
    })
}

/// What produced the results; `None` where it is not known.
pub(super) fn settings(report: &Report) -> Option<Markup> {
    let provenance = report.provenance.as_ref()?;
    Some(html! {
        @if !provenance.command.is_empty() { (scrolled("Command", &provenance.command)) }
        dl {
            @for (name, value) in provenance.versions.iter().chain(&provenance.environment) {
                dt { (name) }
                dd { (value) }
            }
        }
        details {
            summary { "Resolved settings" }
            (scrolled("Resolved settings", &provenance.settings_toml))
        }
    })
}

/// Lines that scroll sideways: they must be reachable by keyboard, and so they have a name.
fn scrolled(name: &str, lines: &str) -> Markup {
    html! { pre role="region" tabindex="0" aria-label=(name) { code { (lines) } } }
}
