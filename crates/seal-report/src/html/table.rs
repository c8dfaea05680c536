//! A table with spanning headers, in a container that scrolls on its own.

use maud::{Markup, html};

use crate::table::{Column, Table, TableRow};

/// The table as HTML.
pub(super) fn render(table: &Table) -> Markup {
    let spanned = table.columns.iter().any(|column| column.over.is_some());
    let caption_id = format!("{}-caption", table.id);
    html! {
        // Not a `caption`: that would scroll with the table and be cut off.
        p.caption id=(caption_id) { (table.caption) }
        // A container that scrolls must be reachable by keyboard.
        div.scroll role="region" tabindex="0" aria-labelledby=(caption_id) {
            table aria-labelledby=(caption_id) {
                thead {
                    @if spanned {
                        tr {
                            th scope="col" rowspan="2" { (table.stub) }
                            @for (over, n) in table.spans() {
                                @match over {
                                    Some(over) => { th.over scope="colgroup" colspan=(n) { (over) } }
                                    None => { td {} }
                                }
                            }
                        }
                    }
                    tr {
                        @if !spanned { th scope="col" { (table.stub) } }
                        @for (i, column) in table.columns.iter().enumerate() {
                            th scope="col" class=[class(table, i, column)] { (unbroken(&column.title)) }
                        }
                    }
                }
                @let grouped = table.groups.len() > 1;
                @for group in &table.groups {
                    tbody {
                        @if let (true, Some(title)) = (grouped, &group.title) {
                            tr.group {
                                th scope="rowgroup" colspan=(table.columns.len() + 1) { span { (title) } }
                            }
                        }
                        @for row in &group.rows { (body_row(table, row)) }
                    }
                }
            }
        }
        @if !table.notes.is_empty() {
            p.note { @for note in &table.notes { (note) " " } }
        }
    }
}

fn body_row(table: &Table, row: &TableRow) -> Markup {
    html! {
        tr {
            th scope="row" { (row.label) }
            @for (i, (column, cell)) in table.columns.iter().zip(&row.cells).enumerate() {
                @let style = cell.shade.map(|shade| format!("--shade:{:.0}%", shade * 100.0));
                td class=[class(table, i, column)] style=[style] {
                    @if cell.strong { strong { (cell.text) } } @else { (cell.text) }
                }
            }
        }
    }
}

/// A short header such as `γ = 0.1` stays on one line; a long one may wrap.
fn unbroken(title: &str) -> String {
    if title.chars().count() <= 10 { title.replace(' ', "\u{a0}") } else { title.to_owned() }
}

/// Text is set left; the first column under each spanning header gets a gap.
fn class(table: &Table, i: usize, column: &Column) -> Option<&'static str> {
    let first = column.over.is_some() && (i == 0 || table.columns[i - 1].over != column.over);
    match (column.text, first) {
        (true, _) => Some("text"),
        (false, true) => Some("first"),
        (false, false) => None,
    }
}
