//! `report.md`: the summary and the tables, for a terminal or a pull request.

use crate::{Report, finding, table, table::Table, view};

/// The report as GitHub-flavoured Markdown.
pub(crate) fn render(report: &Report) -> String {
    let results = &report.results;
    let mut out = format!("# SEAL ablation: {}\n\n", escape(&results.study));
    if results.quick {
        out.push_str(
            "> **No result: quick run.** It shows that the program runs, nothing else.\n\n",
        );
    }
    let summary = finding::summary(results).join(" ");
    out.push_str(&escape(&summary));
    out.push_str("\n\n");
    let mut tables = vec![table::results(results)];
    tables.extend(table::comparisons(results));
    tables.extend(table::missing(results));
    tables.extend(table::selection(results));
    for test in view::tests(results) {
        for rate in ["refusal", "harm"] {
            tables.extend(table::categories(results, test, rate));
        }
    }
    tables.push(table::data(results));
    for table in &tables {
        write_table(&mut out, table);
    }
    if let Some(provenance) = &report.provenance {
        out.push_str("## Settings and versions\n\n");
        if !provenance.command.is_empty() {
            out.push_str(&fenced("sh", &provenance.command));
        }
        for (name, value) in provenance.versions.iter().chain(&provenance.environment) {
            out.push_str(&format!("- {}: {}\n", escape(name), escape(value)));
        }
        out.push('\n');
        out.push_str(&fenced("toml", &provenance.settings_toml));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn write_table(out: &mut String, table: &Table) {
    out.push_str(&format!("## {}\n\n", escape(&table.caption)));
    let titles = table.columns.iter().map(|column| escape(&column.full_title()));
    write_row(out, std::iter::once(table.stub.to_owned()).chain(titles));
    let rules = table.columns.iter().map(|column| if column.text { ":--" } else { "--:" });
    write_row(out, std::iter::once(":--").chain(rules).map(str::to_owned));
    let grouped = table.groups.len() > 1;
    for group in &table.groups {
        if let (true, Some(title)) = (grouped, &group.title) {
            let blank = table.columns.iter().map(|_| String::new());
            write_row(out, std::iter::once(format!("*{}*", escape(title))).chain(blank));
        }
        for row in &group.rows {
            let cells = row.cells.iter().map(|cell| {
                let text = escape(&cell.text);
                if cell.strong { format!("**{text}**") } else { text }
            });
            write_row(out, std::iter::once(escape(&row.label)).chain(cells));
        }
    }
    out.push('\n');
    for note in &table.notes {
        out.push_str(&escape(note));
        out.push_str("\n\n");
    }
}

fn write_row(out: &mut String, cells: impl Iterator<Item = String>) {
    out.push('|');
    for cell in cells {
        out.push(' ');
        out.push_str(&cell);
        out.push_str(" |");
    }
    out.push('\n');
}

/// Text that Markdown shows as it is, also inside a table.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = rest.next() {
        match letter {
            '\\' | '`' | '*' | '|' | '<' => out.extend(['\\', letter]),
            // Inside a word an underscore is literal, and `[` starts a link
            // only where `](` follows.
            '_' if !(before.is_alphanumeric()
                && rest.peek().is_some_and(|c| c.is_alphanumeric())) =>
            {
                out.push_str("\\_");
            }
            ']' if matches!(rest.peek(), Some('(' | '[')) => out.push_str("\\]"),
            '\n' | '\r' => out.push(' '),
            _ => out.push(letter),
        }
        before = letter;
    }
    out
}

/// A code block whose fence is longer than any run of backticks inside.
fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        insta::assert_snapshot!(escape("a|b <script> *x* _y_ a_b `c` [t](u)\n# no"),
            @r"a\|b \<script> \*x\* \_y\_ a_b \`c\` [t\](u) # no");
        insta::assert_snapshot!(fenced("sh", "a ``` b"), @r"
        ````sh
        a ``` b
        ````
        ");
    }
}
