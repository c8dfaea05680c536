//! Single rows: with texts where they may be shown, else ids, labels and scores.

use maud::{Markup, html};

use crate::{Report, RowSample, number};

/// The rows, folded, per arm and seed; `None` without any.
pub(super) fn render(report: &Report) -> Option<Markup> {
    let rows = &report.figures.as_ref()?.rows;
    if rows.is_empty() {
        return None;
    }
    let mut lists: Vec<(&str, u64, Vec<&RowSample>)> = Vec::new();
    for row in rows {
        match lists.iter_mut().find(|(arm, seed, _)| *arm == row.arm && *seed == row.seed) {
            Some((.., list)) => list.push(row),
            None => lists.push((&row.arm, row.seed, vec![row])),
        }
    }
    Some(html! {
        @for (arm, seed, rows) in &lists {
            @let label = report.results.arm(arm).map_or(*arm, |arm| &arm.label);
            details {
                summary { (label) ", seed " (seed) ": " (number::count(rows.len() as u64)) " rows" }
                (table(rows))
            }
        }
    })
}

fn table(rows: &[&RowSample]) -> Markup {
    let texts = rows.iter().any(|row| row.prompt.is_some() || row.response.is_some());
    let yes_no = |value: Option<bool>, yes: &'static str, no: &'static str| match value {
        Some(true) => yes,
        Some(false) => no,
        None => number::ABSENT,
    };
    html! {
        div.scroll role="region" tabindex="0" aria-label="Rows" {
            table.rows {
                thead {
                    tr {
                        th scope="col" { "Row" }
                        th scope="col" { "rank" }
                        th scope="col" { "score" }
                        th.text scope="col" { "kept" }
                        th.text scope="col" { "label" }
                        th.text scope="col" { "split" }
                        @if texts {
                            th.text scope="col" { "prompt" }
                            th.text scope="col" { "response" }
                        }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { code { (row.id) } }
                            td { (row.rank.map_or_else(|| number::ABSENT.to_owned(), number::count)) }
                            td { (number::or_absent(row.score, |score| number::fixed(score, 4))) }
                            td.text { (yes_no(row.kept, "kept", "dropped")) }
                            td.text { (yes_no(row.unsafe_row, "unsafe", "safe")) }
                            td.text { (row.split) }
                            @if texts {
                                td.prose { (row.prompt.as_deref().unwrap_or(number::ABSENT)) }
                                td.prose { (row.response.as_deref().unwrap_or(number::ABSENT)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
