//! What the command line accepts. Arguments are parsed here and nowhere
//! resolved: `options` turns them into the types of `seal-study`.

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Args, Parser, Subcommand};

use crate::options::{FolderArgs, StudyArgs};
use crate::verbs::{bench, check, devices, findings, generate, inspect, score, select, sft};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER: &str = "\
Examples:
  cargo xtask ablate --quick                     see that everything works
  cargo xtask ablate                             the whole study on the built-in world
  cargo xtask plan --config configs/own.toml     what a study on your own rows would run
  cargo xtask ablate --set bilevel.epochs=5 --seeds 0,1
  cargo xtask ablate --plan plans/paper.jsonl    the paper's own studies
  cargo xtask select --trace trace.jsonl         one selector, every step written down
  cargo xtask select --model DIR --data train.jsonl --safe safe.jsonl --file selector.jsonl
  cargo xtask report --out runs/world            the report again

A run that is stopped goes on where it was: give the same command again.

Exit codes:
  0  done
  1  unexpected failure
  2  usage or config error
  3  data error
  4  a device or backend is missing
  5  network failure (try again)";

/// SEAL's missing ablations: which rows keep a fine-tuned model safe, and what
/// decides it.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", version, styles = STYLES)]
#[command(after_help = AFTER, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
}

/// How much is said while a verb works.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Verbosity {
    /// Show no progress and no closing table, only errors.
    #[arg(short, long, global = true, conflicts_with = "verbose", display_order = 900)]
    pub(crate) quiet: bool,
    /// Show the log on the terminal too; -vv shows details.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = 901)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run the study: plan, run what is missing, judge, report.
    Ablate(StudyArgs),
    /// List the arms and stages of the study, what is done, and the time left.
    Plan(StudyArgs),
    /// Count what has run, name what is missing, say whether there are results.
    Status(StudyArgs),
    /// Train one selector, write it as a file, and say how well it ranks.
    Select(Box<select::Options>),
    /// Write the loss of each row under a model.
    Score(score::Options),
    /// Fine-tune a model on a file of rows.
    Sft(sft::Options),
    /// Write a model's answers to the prompts of a file.
    Generate(generate::Options),
    /// Show rows as the model sees them: tokens, template, loss mask.
    Inspect(inspect::Options),
    /// Write the report again from the results in the run folder.
    Report(FolderArgs),
    /// Write what the results of some runs show, in tables and sentences.
    Findings(findings::Options),
    /// Try the backends and say how to add one that is missing.
    Devices(devices::Options),
    /// Measure speed and memory of training, scoring and generation.
    Bench(Box<bench::Options>),
    /// Check format, lints, docs and the dependency rules of the workspace.
    Check(check::Options),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn quiet_and_verbose_exclude_each_other() {
        let parsed = Cli::try_parse_from(["xtask", "plan", "-vv"]).unwrap();
        assert_eq!((parsed.verbosity.quiet, parsed.verbosity.verbose), (false, 2));
        assert!(Cli::try_parse_from(["xtask", "plan", "-q", "-v"]).is_err());
    }
}
