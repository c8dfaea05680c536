//! Tables of text for a terminal.

use std::io::{self, Write};

/// On which side the cells of a column line up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Writes `rows` below the headings, two spaces between columns.
pub(crate) fn write(
    out: &mut dyn Write,
    headings: &[(String, Side)],
    rows: &[Vec<String>],
) -> io::Result<()> {
    let titles: Vec<String> = headings.iter().map(|(title, _)| title.clone()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.chain(titles.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    for row in std::iter::once(&titles).chain(rows) {
        let columns = row.iter().zip(headings).zip(&widths);
        let cells: Vec<String> = columns
            .map(|((cell, (_, side)), width)| match side {
                Side::Left => format!("{cell:<width$}"),
                Side::Right => format!("{cell:>width$}"),
            })
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// Headings from titles and sides.
pub(crate) fn headings(columns: &[(&str, Side)]) -> Vec<(String, Side)> {
    columns.iter().map(|(title, side)| ((*title).to_owned(), *side)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["SEAL", "57.1 [54.0, 60.2]", "—"]), row(["γ = 0.05", "9.9", "1"])];
        let headings = headings(&[("arm", Side::Left), ("hh", Side::Right), ("kept", Side::Left)]);
        let mut out = Vec::new();
        write(&mut out, &headings, &rows).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @"
        arm                      hh  kept
        SEAL      57.1 [54.0, 60.2]  —
        γ = 0.05                9.9  1
        ");
    }
}
