//! The rows of one source.

use std::collections::BTreeMap;
use std::path::Path;

use crate::dropped::UnusedFields;
use crate::fields;
use crate::format::{Draft, RowLayout, format_of};
use crate::progress::row_read;
use crate::record::{NonRow, ReadOptions, Record, RecordEntry, Records, open_records, size};
use crate::split::ShareRows;
use crate::wanted::row_draft;
use crate::{
    DataError, DropReason, Dropped, EmptyAnswers, Loaded, MAX_LISTED, RowLocation, Source,
    Undesirable, Unlisted, Unused,
};

/// Rows that a file's layout is told from: enough that odd ones do not decide it.
const HEAD_ROWS: usize = 32;
/// Fewer are read where they are long, since they are held until it is told.
const HEAD_BYTES: usize = 1 << 20;

/// A file that begins with so much that is no row is no file of rows.
const MAX_ODD: usize = 100_000;

/// Reads one source into a data set.
pub(crate) struct SourceReader<'a> {
    source: &'a Source,
    /// Its number among the sources.
    number: usize,
    /// The most rows to hold of the data set.
    limit: Option<usize>,
    /// Rows read from the source.
    pub rows: usize,
    /// How much of it is no row at all.
    pub odd: usize,
    /// What is wrong with the first of that.
    pub first_odd: Option<DataError>,
    /// Rows that are left out, by reason.
    left_out: BTreeMap<DropReason, usize>,
    loaded: &'a mut Loaded,
}

impl<'a> SourceReader<'a> {
    pub fn new(
        source: &'a Source,
        number: usize,
        limit: Option<usize>,
        loaded: &'a mut Loaded,
    ) -> Self {
        let left_out = BTreeMap::new();
        Self { source, number, limit, rows: 0, odd: 0, first_odd: None, left_out, loaded }
    }

    /// The rows of the file in the source's share, with the source's labels. Those
    /// that cannot be used are listed, where `skip` is 0: of consecutive ranges the first
    /// one lists them.
    pub fn read(&mut self, path: &Path) -> Result<(), DataError> {
        self.read_rows(path)?;
        for (reason, rows) in std::mem::take(&mut self.left_out) {
            if rows > MAX_LISTED {
                let source = self.source.path.clone();
                self.loaded.unlisted.push(Unlisted { source, reason, rows: rows - MAX_LISTED });
            }
        }
        Ok(())
    }

    fn read_rows(&mut self, path: &Path) -> Result<(), DataError> {
        let source = self.source;
        let split = source.split.clone().unwrap_or_default();
        if !split.is_valid() {
            let path = path.to_owned();
            return Err(DataError::BadSplit { path, from: split.from, to: split.to });
        }
        if source.limit == Some(0) {
            return Err(DataError::NoLimit { path: path.to_owned() });
        }
        let ranged = source.skip > 0 || source.take.is_some();
        let mut selection = ranged.then(|| ShareRows::new(source.skip, source.take));
        let mut entries = open_records(path, &ReadOptions::of(source))?;
        let head = head(&mut entries);
        let Some(layout) = layout_of(path, source, &head)? else {
            return head.into_iter().try_for_each(|entry| {
                if let RecordEntry::Odd(odd) = entry? {
                    self.odd(odd, split.from == 0.0);
                }
                Ok(())
            });
        };
        self.loaded.formats.push(layout.format);
        let mut unused = UnusedFields::new();
        for entry in head.into_iter().chain(entries) {
            row_read();
            let row = match entry? {
                RecordEntry::Row(row) => row,
                RecordEntry::Odd(odd) => {
                    self.odd(odd, split.from == 0.0);
                    continue;
                }
            };
            let mut draft = row_draft(path, source, layout, &row, &mut unused)?;
            if (ranged || source.split.is_some()) && !split.assign(&mut draft) {
                continue;
            }
            match (&mut selection, draft.problem.take()) {
                (_, Some(odd)) => self.list(draft.line, draft.row, odd),
                (Some(selection), None) => selection.push(draft),
                (None, None) => self.push(draft),
            }
            if selection.is_none() && source.limit == Some(self.rows) {
                break;
            }
        }
        let chosen = selection.map_or(Ok(Vec::new()), ShareRows::finish).map_err(|usable| {
            let (path, take) = (path.to_owned(), source.take.unwrap_or_default());
            DataError::TooFew { path, skip: source.skip, take, usable }
        })?;
        self.loaded.unused.extend(unused.into_iter().map(|(field, rows)| Unused {
            source: source.path.clone(),
            field,
            rows,
        }));
        chosen.into_iter().take(source.limit.unwrap_or(usize::MAX)).for_each(|d| self.push(d));
        Ok(())
    }

    fn odd(&mut self, odd: NonRow, is_listed: bool) {
        self.odd += 1;
        self.first_odd.get_or_insert(odd.error);
        if is_listed {
            self.list(odd.line, odd.row, odd.reason.into());
        }
    }

    fn list(&mut self, line: usize, row: usize, odd: fields::UnusableRow) {
        if self.source.skip == 0 {
            let source = self.source.path.clone();
            let fields::UnusableRow { reason, detail } = odd;
            let count = self.left_out.entry(reason).or_default();
            *count += 1;
            if *count <= MAX_LISTED {
                self.loaded.dropped.push(Dropped { source, line, row, reason, detail });
            }
        }
    }

    fn push(&mut self, draft: Draft) {
        let Draft { line, row, .. } = draft;
        let loaded = &mut *self.loaded;
        let new = loaded.rows.push_row(draft.into_row());
        loaded.places.insert(new.id, RowLocation { source: self.number, line, row });
        self.rows += 1;
        // Now and then, so that it costs little.
        if self.limit.is_some_and(|limit| loaded.rows.len() / 2 > limit.max(1000)) {
            loaded.cut(self.limit);
        }
    }
}

/// What stands in front of the rows that a file's layout is told from, and these.
fn head(entries: &mut Records) -> Vec<Result<RecordEntry, DataError>> {
    let (mut head, mut rows, mut bytes) = (Vec::new(), 0, 0);
    while rows < HEAD_ROWS && bytes < HEAD_BYTES && head.len() < MAX_ODD {
        let Some(entry) = entries.next() else { break };
        match &entry {
            Ok(RecordEntry::Row(row)) => {
                rows += 1;
                bytes += size(&row.record.value);
            }
            Ok(RecordEntry::Odd(_)) => {}
            // Nothing follows it.
            Err(_) => rows = HEAD_ROWS,
        }
        head.push(entry);
    }
    head
}

/// How the rows of a file are read, told from the first ones; `None` without one.
fn layout_of<'a>(
    path: &Path,
    source: &'a Source,
    head: &[Result<RecordEntry, DataError>],
) -> Result<Option<RowLayout<'a>>, DataError> {
    let rows: Vec<&Record> = head
        .iter()
        .filter_map(|entry| match entry {
            Ok(RecordEntry::Row(row)) => Some(&row.record),
            _ => None,
        })
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let format = format_of(&rows, path, source.format, &source.columns)?;
    tracing::debug!(file = %source.path.display(), ?format, "layout");
    Ok(Some(RowLayout {
        format,
        columns: &source.columns,
        unsafe_field: source.unsafe_field.as_deref(),
        answers_optional: source.empty_answers == EmptyAnswers::Keep || !format.has_answers(),
        keep_undesirable: source.undesirable == Undesirable::Keep,
    }))
}
