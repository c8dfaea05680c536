//! `seal inspect`: rows as the model sees them.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use seal_model::{Inspected, InspectedRow, RowIds, Source, inspect_rows, read_rows};
use serde_json::json;

use crate::model_args::{StageArgs, say_dropped, say_lost, source_parser};
use crate::plain;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

const AFTER: &str = "\
Examples:
  {program} inspect --model models/llama --template chat --data train.jsonl --limit 3
  {program} inspect --model models/pythia-70m --data train.jsonl --ids ID --format json

The text form prints the text that the model reads, then the numbers of tokens. The loss is
taken on the text in [[ ]]. The output shows the texts of rows: take care who can read it.";

/// Which rows, and how.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    /// Model folder (its tokenizer and config.json are read, no weights), or hf://owner/name.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Folder of an adapter; a message says if its chat template or tokenizer is not used.
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    #[command(flatten)]
    stage: StageArgs,
    /// Rows: .json, .jsonl, .csv, .tsv or .parquet; all but .parquet also as .gz or .zst. For
    /// options, give a table as in a config: { path = "FILE", columns = { prompt = "q" } }.
    #[arg(long, value_name = "FILE", value_parser = source_parser())]
    data: Source,
    /// The first N rows only.
    #[arg(long, value_name = "N", default_value_t = 5)]
    limit: usize,
    /// These rows only, by id.
    #[arg(long, value_name = "ID,..", conflicts_with = "limit")]
    ids: Option<RowIds>,
    /// Set a key of the settings, such as template=chat (repeatable).
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Form of the output: marked text, or one JSON object for each row with every token.
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

/// Form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    Text,
    Json,
}

/// Prints the rows.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    let settings = options.stage.load(&options.set)?;
    // One row more than is shown tells whether there are others.
    let limit = options.ids.is_none().then_some(options.limit);
    let read = read_rows(&options.data.limited(limit.map(|limit| limit.saturating_add(1))))?;
    say_dropped(&options.data, &read, verbosity)?;
    let mut rows = read.rows;
    let read = rows.len();
    match &options.ids {
        Some(ids) => {
            rows.retain(|row| ids.contains(row.id));
            if rows.is_empty() {
                anyhow::bail!(UsageError::NoRow { path: options.data.path.clone() });
            }
        }
        None => rows.truncate(options.limit),
    }
    let (adapter, context) = (options.adapter.as_deref(), options.stage.context);
    let Inspected { rows: inspected, notices } =
        inspect_rows(&options.model, adapter, &rows, &settings, context)?;
    say_lost(&notices, verbosity)?;
    let mut out = plain::stdout();
    for row in &inspected {
        match options.format {
            OutputFormat::Json => writeln!(out, "{}", plain::json(row)?)?,
            OutputFormat::Text => write!(out, "{}", text(row))?,
        }
    }
    if !verbosity.quiet && options.ids.is_none() && rows.len() < read {
        let file = options.data.path.display();
        writeln!(plain::stderr(), "{file} has more rows; --limit N shows the first N")?;
    }
    Ok(())
}

fn text(row: &InspectedRow) -> String {
    let mut text = format!("row {}\n", row.id);
    if let Some(reason) = &row.left_out {
        return text + &format!("  left out: {reason}\n\n");
    }
    let mut open = false;
    for piece in &row.tokens {
        if piece.trained != open {
            text += if piece.trained { "[[" } else { "]]" };
            open = piece.trained;
        }
        text += &piece.text;
    }
    text += if open { "]]\n" } else { "\n" };
    let trained = row.tokens.iter().filter(|p| p.trained).count();
    let summary = json!({"tokens": row.tokens.len(), "trained": trained,
        "special_in_text": row.special_in_text});
    text + &format!("  {summary}\n\n")
}
