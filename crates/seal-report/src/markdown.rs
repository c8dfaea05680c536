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
    if let Some(partial) = results.partial() {
        out.push_str(&format!(
            "> **{partial}** The other seeds had not run when it was written.\n\n"
        ));
    }
    let summary = finding::summary(results).join(" ");
    out.push_str(&escape(&summary));
    out.push_str("\n\n");
    let mut tables = vec![table::results(results)];
    tables.extend(table::comparisons(results));
    tables.extend(table::missing(results));
    if let Some(figures) = &report.figures {
        tables.extend(table::bounded(results, figures));
        tables.extend(table::coherence(results, figures));
    }
    tables.extend(table::selection(results));
    for test in view::tests(results) {
        for rate in ["refusal", "harm"] {
            tables.extend(table::categories(results, test, rate));
        }
    }
    tables.extend(table::judges(results));
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
            // `[name]: value` would be the definition of a link.
            let colon = if name.ends_with(']') { "\\:" } else { ":" };
            out.push_str(&format!("- {}{colon} {}\n", escape(name), escape(value)));
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
    write_row(out, std::iter::once(escape(table.stub)).chain(titles));
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

/// Text that Markdown shows as it is, also inside a table, a heading or a list.
/// Line ends become spaces.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Spaces at the start of a line would make what follows them the start, or code.
    let letters: Vec<char> = text
        .chars()
        .map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c })
        .skip_while(|c| *c == ' ')
        .collect();
    let at = |i: Option<usize>| i.and_then(|i| letters.get(i)).copied().unwrap_or(' ');
    let word = |c: char| c.is_alphanumeric();
    // How a list, a quotation, a heading or a rule starts.
    let digits = letters.iter().take_while(|c| c.is_ascii_digit()).count();
    for (i, &letter) in letters.iter().enumerate() {
        let (before, after) = (at(i.checked_sub(1)), at(Some(i + 1)));
        let escaped = match letter {
            '\\' | '`' | '*' | '|' | '<' | '~' | '$' => true,
            // An entity; GitHub links names and addresses by `@` and `://`.
            '&' => after == '#' || word(after),
            '@' => true,
            ':' => after == '/',
            '.' => {
                let www = i >= 3 && letters[i - 3..i].iter().all(|c| matches!(c, 'w' | 'W'));
                www || (i == digits && i > 0 && after == ' ')
            }
            ')' => i == digits && i > 0,
            // Inside a word an underscore is literal, and `[` starts a link, a note or
            // a definition only where one of these follows.
            '_' => !(word(before) && word(after)),
            ']' => matches!(after, '(' | '[' | ':'),
            '[' => after == '^',
            '#' => i == 0 || after == '#' || i + 1 == letters.len() || before == ' ',
            '>' | '=' => i == 0,
            '-' | '+' => i == 0 && matches!(after, ' ' | '-'),
            _ => false,
        };
        if escaped {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// A code block whose fence is longer than any run of backticks inside.
pub(crate) fn fenced(language: &str, text: &str) -> String {
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
            @r"a\|b \<script> \*x\* \_y\_ a_b \`c\` [t\](u) \# no");
        insta::assert_snapshot!(fenced("sh", "a ``` b"), @r"
        ````sh
        a ``` b
        ````
        ");
    }
}
