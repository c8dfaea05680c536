//! Tables of text for a terminal.

use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

/// On which side the cells of a column line up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Writes `rows` below the headings, two spaces between columns.
pub fn write(
    out: &mut dyn Write,
    headings: &[(String, Align)],
    rows: &[Vec<String>],
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(headings.iter().map(|(title, _)| title)).add_rows(rows);
    for (column, (_, side)) in table.column_iter_mut().zip(headings) {
        let alignment = match side {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        };
        column.set_padding((0, 2)).set_cell_alignment(alignment);
    }
    writeln!(out, "{}", table.trim_fmt())
}

/// Headings from titles and sides.
pub fn headings(columns: &[(&str, Align)]) -> Vec<(String, Align)> {
    columns.iter().map(|(title, side)| ((*title).to_owned(), *side)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["SEAL", "57.1 [54.0, 60.2]", "—"]), row(["γ = 0.05", "9.9", "1"])];
        let headings =
            headings(&[("arm", Align::Left), ("hh", Align::Right), ("kept", Align::Left)]);
        let mut out = Vec::new();
        write(&mut out, &headings, &rows).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @"
        arm                      hh  kept
        SEAL      57.1 [54.0, 60.2]  —
        γ = 0.05                9.9  1
        ");
    }
}
