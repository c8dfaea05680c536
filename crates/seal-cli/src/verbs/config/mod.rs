//! `seal config`: the config as it is used, and its JSON Schema.

mod show;

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use seal_study::{StudyError, config_schema, plan_schema};

use crate::plain;

const AFTER: &str = "\
Examples:
  {program} config show --config own.toml                  all keys, with defaults filled in
  {program} config show --config own.toml --origins        and where each value comes from
  {program} config show --arm gamma-0.1 --origins          the config of an arm of the plan
  {program} config schema --file seal.schema.json          for an editor

An editor with taplo (Even Better TOML) uses the schema where the config begins with
  #:schema ./seal.schema.json";

/// What to do with a config.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// Print the config as TOML, as a study would use it. Models and data are not looked at.
    Show(show::Options),
    /// Print the JSON Schema of a config: its keys, and the kinds of their values.
    Schema(SchemaOptions),
}

#[derive(Clone, Debug, Args)]
struct SchemaOptions {
    /// The schema of a line of a plan instead.
    #[arg(long)]
    plan_line: bool,
    /// Write the schema to this file instead of printing it.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Does what is asked.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    match &options.action {
        Action::Show(options) => show::run(options),
        Action::Schema(options) => schema(options),
    }
}

fn schema(options: &SchemaOptions) -> anyhow::Result<()> {
    let schema = if options.plan_line { plan_schema() } else { config_schema() };
    let text = serde_json::to_string_pretty(&schema)? + "\n";
    match &options.file {
        None => Ok(plain::stdout().write_all(text.as_bytes())?),
        Some(file) => Ok(seal_files::write(file, text.as_bytes()).map_err(StudyError::io(file))?),
    }
}
