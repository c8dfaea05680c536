//! `table.tex`: tables for a paper, with `booktabs`.
//!
//! Win rates and rates are two tables: side by side they fit no text width.

use crate::{Report, table, table::Table};
use seal_text::acts;

/// The tables as LaTeX floats.
pub(crate) fn render(report: &Report) -> String {
    let results = &report.results;
    let mut out = String::from(
        "% Needs \\usepackage[utf8]{inputenc}, \\usepackage{textcomp} and \\usepackage{booktabs}.\n",
    );
    if results.quick {
        out.push_str("% No result: quick run.\n");
    }
    let partial = results.partial();
    if let Some(partial) = &partial {
        out.push_str(&format!("% {partial}\n"));
    }
    let mut tables = vec![table::win_rates(results), table::safety(results)];
    tables.extend(table::comparisons(results));
    let mut marks = String::new();
    if results.quick {
        marks.push_str(" \\textbf{No result: quick run.}");
    }
    if let Some(partial) = &partial {
        marks.push_str(&format!(" \\textbf{{{partial}}}"));
    }
    for table in tables.iter().filter(|table| !table.columns.is_empty()) {
        out.push('\n');
        write_table(&mut out, table, &marks);
    }
    out
}

fn write_table(out: &mut String, table: &Table, marks: &str) {
    let columns = table.columns.len();
    let align: String = table.columns.iter().map(|c| if c.text { 'l' } else { 'r' }).collect();
    let notes: Vec<String> = table.notes.iter().map(|note| escape(note)).collect();
    out.push_str("\\begin{table*}\n\\centering\\small\n");
    let caption = format!("{}. {}", escape(&table.caption), notes.join(" "));
    out.push_str(&format!("\\caption{{{}{marks}}}\n", caption.trim_end()));
    out.push_str(&format!("\\label{{tab:{}}}\n", table.id));
    out.push_str(&format!("\\begin{{tabular}}{{@{{}}l{align}@{{}}}}\n\\toprule\n"));
    write_spans(out, table);
    let titles = table.columns.iter().map(|column| escape(&column.title));
    write_row(out, std::iter::once(escape(table.stub)).chain(titles));
    for group in &table.groups {
        out.push_str("\\midrule\n");
        if let Some(title) = &group.title {
            let title = escape(title);
            out.push_str(&format!(
                "\\multicolumn{{{}}}{{@{{}}l}}{{\\emph{{{title}}}}} \\\\\n",
                columns + 1
            ));
        }
        for row in &group.rows {
            let cells = row.cells.iter().map(|cell| {
                let text = escape(&cell.text);
                if cell.strong { format!("\\textbf{{{text}}}") } else { text }
            });
            write_row(out, std::iter::once(escape(&row.label)).chain(cells));
        }
    }
    out.push_str("\\bottomrule\n\\end{tabular}\n\\end{table*}\n");
}

fn write_spans(out: &mut String, table: &Table) {
    if table.columns.iter().all(|column| column.over.is_none()) {
        return;
    }
    let mut rules = String::new();
    let mut first = 2;
    for (over, n) in table.spans() {
        out.push_str(" & ");
        if let Some(over) = over {
            out.push_str(&format!("\\multicolumn{{{n}}}{{c}}{{{}}}", escape(over)));
            rules.push_str(&format!("\\cmidrule(lr){{{first}-{}}}", first + n - 1));
        }
        first += n;
    }
    out.push_str(&format!(" \\\\\n{rules}\n"));
}

fn write_row(out: &mut String, cells: impl Iterator<Item = String>) {
    out.push_str(&cells.collect::<Vec<_>>().join(" & "));
    out.push_str(" \\\\\n");
}

/// Text that LaTeX sets as it is.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => out.push(' '),
            // Such a character may end a comment, a line or the run of the program.
            _ if acts(letter) => out.push_str(&format!("$<$U+{:04X}$>$", u32::from(letter))),
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '`' => out.push_str("\\textasciigrave{}"),
            '|' => out.push_str("\\textbar{}"),
            '{' | '}' | '$' | '&' | '#' | '%' | '_' => out.extend(['\\', letter]),
            '<' => out.push_str("$<$"),
            '>' => out.push_str("$>$"),
            '−' => out.push_str("$-$"),
            'γ' => out.push_str("$\\gamma$"),
            '—' => out.push_str("---"),
            '†' => out.push_str("\\textdagger{}"),
            '‡' => out.push_str("\\textdaggerdbl{}"),
            // A row that starts with a bracket or a star would be read as an option of `\\`.
            '[' => out.push_str("{[}"),
            '*' if out.is_empty() => out.push_str("{*}"),
            // Two of them would be set as one other sign.
            '-' | '\'' | ',' if letter == before => out.extend(['{', '}', letter]),
            _ => out.push(letter),
        }
        before = letter;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        insta::assert_snapshot!(escape("50 % & a_b #1 {x} \\input ~^ $ p <0.001 −3 γ = 0 —"),
            @r"50 \% \& a\_b \#1 \{x\} \textbackslash{}input \textasciitilde{}\textasciicircum{} \$ p $<$0.001 $-$3 $\gamma$ = 0 ---");
    }
}
