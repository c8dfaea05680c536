//! The report as a page.

use std::fmt::Write as _;

use seal_text::escape;

use crate::report::{ContactReport, StepReport, Table};

const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.9rem; }
caption { text-align: left; font-weight: 600; padding: 0.3rem 0; }
th, td { text-align: left; padding: 0.2rem 0.8rem 0.2rem 0; vertical-align: top;
  border-bottom: 1px solid light-dark(#ddd, #444); overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
.state { font-weight: 600; }
.passed { color: light-dark(#176b2c, #7fd893); }
.failed { color: light-dark(#b3261e, #ff9d94); }
.unfinished, .not-done { color: light-dark(#7a5900, #e5c15c); }
code { font-size: 0.9em; overflow-wrap: anywhere; }
";

/// The report as a page of HTML that needs no other file and no script.
pub fn page(report: &ContactReport) -> String {
    let mut out = String::new();
    let device = html(&report.device);
    // Writing to a String does not fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>First contact: {device}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>First contact: {device}</h1>\n"
    );
    let accelerations: Vec<String> = report
        .accelerations
        .iter()
        .map(|(name, on)| format!("{name} {}", if *on { "on" } else { "off" }))
        .collect();
    let _ = writeln!(
        out,
        "<p>Version {}; {}. {:.1} of {} minutes: <span class=\"state\">{}</span>.</p>",
        html(&report.version),
        html(&accelerations.join(", ")),
        report.seconds / 60.0,
        report.minutes,
        report.state.words()
    );
    let mut overview = String::new();
    for step in &report.steps {
        let seconds = step.seconds.map_or(String::new(), |seconds| format!("{seconds:.1}"));
        let _ = writeln!(
            overview,
            "<tr><td><a href=\"#{name}\">{name}</a></td><td>{}</td><td>{seconds}</td>\
             <td>{}</td></tr>",
            state(step),
            html(&step.said),
            name = html(&step.name),
        );
    }
    let _ = write!(
        out,
        "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">step</th>\
         <th scope=\"col\">state</th><th scope=\"col\">seconds</th><th scope=\"col\">found</th></tr>\
         </thead>\n<tbody>\n{overview}</tbody>\n</table></div>\n"
    );
    for step in &report.steps {
        section(&mut out, step);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn state(step: &StepReport) -> String {
    let words = step.state.words();
    format!("<span class=\"state {}\">{words}</span>", words.replace(' ', "-"))
}

fn section(out: &mut String, step: &StepReport) {
    let _ = write!(
        out,
        "<section id=\"{}\">\n<h2>{}</h2>\n<p>{}: {}</p>\n",
        html(&step.name),
        html(&step.title),
        state(step),
        html(&step.said)
    );
    if !step.next.is_empty() {
        out.push_str("<p>Next:</p>\n<ul>\n");
        for next in &step.next {
            let _ = writeln!(out, "<li><code>{}</code></li>", html(next));
        }
        out.push_str("</ul>\n");
    }
    let mut figures = Table::new("numbers", &["what", "number", "unit"]);
    figures.rows = step
        .figures
        .iter()
        .map(|f| vec![f.name.clone(), number(f.value), f.unit.clone()])
        .collect();
    for table in step.tables.iter().chain([&figures]).filter(|table| !table.rows.is_empty()) {
        of_table(out, table);
    }
    out.push_str("</section>\n");
}

fn of_table(out: &mut String, table: &Table) {
    let _ = write!(
        out,
        "<div class=\"wide\"><table>\n<caption>{}</caption>\n<thead><tr>",
        html(&table.title)
    );
    for heading in &table.headings {
        let _ = write!(out, "<th scope=\"col\">{}</th>", html(heading));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for cell in row {
            let _ = write!(out, "<td>{}</td>", html(cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
}

/// Whole numbers as they are, others with some digits.
fn number(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        large if large >= 1000.0 => format!("{value:.0}"),
        small if small < 0.01 => format!("{value:.1e}"),
        _ => format!("{value:.3}"),
    }
}

/// Text between tags or quotes.
fn html(text: &str) -> String {
    let text = escape(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::report::{ContactState, Figure, StepState};

    #[test]
    fn text_of_others_is_text_and_the_page_needs_nothing() {
        let mut table = Table::new("a table", &["a", "b"]);
        table.rows.push(vec!["<script>".to_owned(), "x\u{1b}[0m".to_owned()]);
        let step = StepReport {
            name: "open".to_owned(),
            title: "the device opens".to_owned(),
            state: StepState::Failed,
            said: "no driver & <b>".to_owned(),
            next: vec!["type this".to_owned()],
            seconds: Some(1.0),
            figures: vec![Figure { name: "f".into(), value: 1.5, unit: "s".into() }],
            tables: vec![table],
            data: Value::Null,
        };
        let report = ContactReport {
            format_version: 1,
            version: "1".to_owned(),
            device: "cuda:0".to_owned(),
            accelerations: BTreeMap::from([("fusion".to_owned(), false)]),
            minutes: 20.0,
            seconds: 60.0,
            state: ContactState::Failed,
            steps: vec![step],
        };
        let page = page(&report);
        assert!(page.contains("no driver &amp; &lt;b&gt;"), "{page}");
        assert!(page.contains("&lt;script&gt;") && page.contains("\\u{1b}[0m"), "{page}");
        assert!(
            page.contains("<code>type this</code>") && page.contains("<td>1.500</td>"),
            "{page}"
        );
        for outside in ["<script", "http", "src=", "<link", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        for tag in ["table", "tr", "section", "div", "ul", "li", "p", "td", "th"] {
            let opened = page.matches(&format!("<{tag}>")).count()
                + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}
