//! Reads a file of rows and says what is in it, without showing any text:
//!
//! ```text
//! cargo run -p seal-data --example rows -- train.parquet [FORMAT]
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write as _};
use std::path::Path;

use seal_data::{Format, Source, load_split};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("usage: rows FILE [FORMAT]")?;
    let mut source = Source::new(path);
    if let Some(name) = args.next() {
        // Formats are written as in a config.
        source.format = Some(serde_json::from_value(name.into())?);
    }
    let loaded = load_split(Path::new("."), std::slice::from_ref(&source))?;
    let rows = loaded.rows.as_slice();

    let mut out = io::stdout().lock();
    let format: Format = loaded.formats[0];
    writeln!(out, "format: {}", serde_json::to_value(format)?)?;
    writeln!(
        out,
        "rows: {}, {} of them repeat an earlier one",
        rows.len(),
        loaded.rows.repeated()
    )?;
    writeln!(out, "with earlier turns: {}", rows.iter().filter(|r| !r.history.is_empty()).count())?;
    writeln!(
        out,
        "with a rejected answer: {}",
        rows.iter().filter(|r| r.rejected.is_some()).count()
    )?;
    if let Some(n) = loaded.summary().unsafe_rows {
        writeln!(out, "labelled unsafe: {n}")?;
    }
    let mut reasons = BTreeMap::new();
    for dropped in &loaded.dropped {
        reasons.entry(dropped.reason).or_insert_with(Vec::new).push(dropped.line);
    }
    for (reason, lines) in reasons {
        let first: Vec<String> = lines.iter().take(5).map(ToString::to_string).collect();
        let more: usize =
            loaded.unlisted.iter().filter(|more| more.reason == reason).map(|more| more.rows).sum();
        writeln!(out, "dropped: {} ({reason}), lines {}", lines.len() + more, first.join(", "))?;
    }
    Ok(())
}
