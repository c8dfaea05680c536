//! Tables as data, built once and rendered as HTML, Markdown and LaTeX.

mod answer_judges;
mod build;
mod coherence;
mod detail;
mod judged;
mod judges;
mod trust;

pub(crate) use build::{comparisons, results, safety, win_rates};
pub(crate) use coherence::{coherence, coherence_mark};
pub(crate) use detail::{categories, data, missing, selection};
pub(crate) use judges::judges;
pub(crate) use trust::bounded;

/// A table: a stub column of row labels and further columns.
pub(crate) struct Table {
    /// Slug, unique in the report.
    pub id: String,
    pub caption: String,
    /// Header of the stub column.
    pub stub: &'static str,
    pub columns: Vec<Column>,
    pub groups: Vec<RowGroup>,
    /// Remarks below the table.
    pub notes: Vec<String>,
}

/// One column; neighbours with the same `over` share a spanning header.
#[derive(Clone)]
pub(crate) struct Column {
    pub over: Option<String>,
    pub title: String,
    /// Text is set left, numbers right.
    pub text: bool,
}

pub(crate) struct RowGroup {
    pub title: Option<String>,
    pub rows: Vec<TableRow>,
}

pub(crate) struct TableRow {
    pub label: String,
    pub cells: Vec<TableCell>,
}

#[derive(Default)]
pub(crate) struct TableCell {
    pub text: String,
    /// A detected difference.
    pub strong: bool,
    /// Depth of the background, 0 to 1, in a table that is read as a map.
    pub shade: Option<f64>,
}

/// A table without rows.
fn table(id: &str, caption: &str, stub: &'static str, columns: Vec<Column>) -> Table {
    let (id, caption) = (id.to_owned(), caption.to_owned());
    Table { id, caption, stub, columns, groups: Vec::new(), notes: Vec::new() }
}

impl Table {
    /// With these rows in one group; `None` without any.
    fn with_rows(mut self, rows: Vec<TableRow>) -> Option<Self> {
        (!rows.is_empty()).then(|| {
            self.groups = vec![RowGroup { title: None, rows }];
            self
        })
    }
}

impl Column {
    pub(crate) fn number(title: impl Into<String>) -> Self {
        Self { over: None, title: title.into(), text: false }
    }

    pub(crate) fn text(title: impl Into<String>) -> Self {
        Self { over: None, title: title.into(), text: true }
    }

    pub(crate) fn under(mut self, over: &str) -> Self {
        self.over = Some(over.to_owned());
        self
    }

    /// The whole header on one line.
    pub(crate) fn full_title(&self) -> String {
        match &self.over {
            Some(over) => format!("{over} {}", self.title),
            None => self.title.clone(),
        }
    }
}

impl Table {
    /// Runs of columns under the same spanning header: its text, and how many.
    pub(crate) fn spans(&self) -> Vec<(Option<&str>, usize)> {
        let mut spans: Vec<(Option<&str>, usize)> = Vec::new();
        for column in &self.columns {
            let over = column.over.as_deref();
            match spans.last_mut() {
                Some((last, n)) if *last == over && over.is_some() => *n += 1,
                _ => spans.push((over, 1)),
            }
        }
        spans
    }
}

impl From<String> for TableCell {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}
