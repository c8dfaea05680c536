//! `report.html`: one page, styled and drawn within itself.
//!
//! The page has no script and asks for nothing from outside, so that it can be
//! mailed, archived and opened years later. Every value is escaped on its way
//! in: row texts of a red-team set are hostile by nature.

mod cost;
mod figure;
mod rows;
mod section;
mod table;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{Report, finding, plot, table as tables, view};

const STYLE: &str = include_str!("style.css");

/// A part of the page with a heading, reached from the contents.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

/// The report as a page.
pub(crate) fn render(report: &Report) -> String {
    let title = format!("SEAL ablation: {}", report.results.study);
    let sections = sections(report);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(plot::COLOURS)) (PreEscaped(STYLE)) (PreEscaped(plot::STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    @if report.results.quick {
                        p.banner role="note" {
                            strong { "No result: quick run." }
                            " It shows that the program runs; its figures mean nothing."
                        }
                    }
                    @if let Some(partial) = report.results.partial() {
                        p.banner role="note" {
                            strong { (partial) }
                            " The other seeds had not run when it was written."
                        }
                    }
                    p.summary {
                        @for sentence in finding::summary(&report.results) { (sentence) " " }
                    }
                    (marks(report))
                    nav aria-label="Contents" {
                        @for section in &sections { a href={ "#" (section.id) } { (section.title) } " " }
                    }
                }
                main {
                    @for section in &sections {
                        section id=(section.id) {
                            h2 { (section.title) }
                            (section.body)
                        }
                    }
                }
            }
        }
    }
    .into_string()
}

/// What a reader must not miss, above everything else.
fn marks(report: &Report) -> Markup {
    let flat = view::uninformative(&report.results);
    let distrusted = view::distrusted(&report.results);
    let by_place = view::by_place(&report.results);
    let single = report.results.seeds.len() == 1;
    let broken = report.figures.as_ref().and_then(|f| tables::coherence_mark(&report.results, f));
    html! {
        @let trusted = distrusted.is_empty() && by_place.is_empty() && broken.is_none();
        @if single || !flat.is_empty() || !trusted {
            ul.marks {
                @if single { li { "One seed: no study interval" } }
                @for test in distrusted { li { (view::test_label(test)) ": the judge failed canaries" } }
                @for test in by_place {
                    li { (view::test_label(test)) ": the judge follows the place of an answer" }
                }
                @for test in flat { li { (view::test_label(test)) ": not informative" } }
                @if let Some(broken) = broken { li { (broken) } }
            }
        }
    }
}

fn sections(report: &Report) -> Vec<Section> {
    let results = &report.results;
    let mut sections = Vec::new();
    let mut add = |id, title, body: Option<Markup>| {
        if let Some(body) = body {
            sections.push(Section { id, title, body });
        }
    };
    add("results", "Results", Some(section::results(results)));
    add("ablations", "Ablations", section::ablations(results));
    let controls = plot::controls(results).map(|figure| figure::render(&figure));
    add("bounded-safety", "Safety among useful arms", section::bounded(report));
    add("controls", "Controls", controls);
    add("selection", "Selection", section::selection(report));
    add("safety", "Safety by category", section::safety(results));
    add("judges", "Judges", section::judges(results));
    add("coherence", "Broken answers", section::coherence(report));
    add("training", "Selector training", section::training(report));
    add("data", "Data", Some(table::render(&tables::data(results))));
    add("rows", "Rows", rows::render(report));
    add("settings", "Settings and versions", section::settings(report));
    add("cost", "Cost", cost::render(report));
    sections
}
