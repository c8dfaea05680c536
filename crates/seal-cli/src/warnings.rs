//! Warnings about rows, for the end of a verb.
//!
//! A library warns in the log of fields that are not used, of turns that a template has no
//! place for, of special tokens in the text of a row. Among the lines of a long run nobody
//! would see that. Each such warning is kept here once, however many stages met it.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Crates whose warnings are about rows.
const ABOUT_ROWS: [&str; 2] = ["seal_data", "seal_rows"];

/// The warnings so far. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warnings(Arc<Mutex<BTreeSet<String>>>);

impl Warnings {
    /// Writes them, the first ones of many; `log` says where all of them are.
    pub(crate) fn write(&self, out: &mut dyn Write, log: &str) -> io::Result<()> {
        const SHOWN: usize = 10;
        let warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.is_empty() {
            return Ok(());
        }
        writeln!(out, "about the rows:")?;
        for warning in warnings.iter().take(SHOWN) {
            writeln!(out, "  {warning}")?;
        }
        match warnings.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => writeln!(out, "  and {more} more in {log}"),
        }
    }
}

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let of = event.metadata();
        let name = of.target().split("::").next().unwrap_or_default();
        if *of.level() == Level::WARN && ABOUT_ROWS.contains(&name) {
            let mut text = Text::default();
            event.record(&mut text);
            let warning = text.finish();
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(warning);
        }
    }
}

/// An event as one line: its message, then its fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn finish(self) -> String {
        match self.fields.is_empty() {
            true => self.message,
            false => format!("{} ({})", self.message, self.fields),
        }
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => {
                let comma = if self.fields.is_empty() { "" } else { ", " };
                write!(self.fields, "{comma}{} {value:?}", name.replace('_', " "))
            }
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::prelude::*;

    use super::*;

    #[test]
    fn warnings_about_rows_are_kept_once() {
        let warnings = Warnings::default();
        let subscriber = tracing_subscriber::registry().with(warnings.clone());
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..2 {
                tracing::warn!(target: "seal_data::prepare", rows = 3, of = 40, "odd rows");
            }
            tracing::warn!(target: "seal_data", why = "so", "{} is odd", "one");
            tracing::info!(target: "seal_data", "read");
            tracing::warn!(target: "seal_study", "left out");
        });
        let mut out = Vec::new();
        warnings.write(&mut out, "log.txt").unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        about the rows:
          odd rows (rows 3, of 40)
          one is odd (why so)
        ");
    }

    #[test]
    fn the_first_of_many_are_shown() {
        let warnings = Warnings::default();
        warnings.0.lock().unwrap().extend((0..12).map(|n| format!("warning {n:02}")));
        let mut out = Vec::new();
        warnings.write(&mut out, "out/log.txt").unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 12);
        assert!(text.ends_with("  warning 09\n  and 2 more in out/log.txt\n"), "{text}");
    }
}
