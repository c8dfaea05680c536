//! What the command line accepts. Arguments are parsed here and nowhere
//! resolved: `options` turns them into the types of `seal-study`.

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Arg, Command, CommandFactory as _, Parser, Subcommand};

use crate::options::StudyArgs;
use crate::program::Program;
use crate::verbosity::Verbosity;
use crate::verbs::{
    ablate, cancel, completions, config, configs, devices, doctor, findings, generate, gpu_check,
    inspect, judge, man, report, run_stage, score, select, sft, status, store,
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER: &str = "\
Examples:
  {program} ablate --quick                     see that everything works
  {program} ablate                             the whole study on the built-in world
  {program} plan --config configs/own.toml     the stages of a study on your own rows
  {program} ablate --set bilevel.epochs=5 --seeds 0,1
  {program} ablate --plan plans/paper.jsonl    the paper's own studies
  {program} select --trace trace.jsonl         one selector, every step written down
  {program} select --model DIR --data train.jsonl --safe safe.jsonl --file selector.jsonl
  {program} ablate --launch local --jobs 4     every stage in a process of its own
  {program} ablate --launch slurm              stages as job arrays of a cluster
  {program} report --out runs/world            the report again

A run that was stopped continues where it stopped: give the same command again.

Exit codes:
  0  done
  1  unexpected failure; also a full disk
  2  usage or config error
  3  data error
  4  a device or backend is missing, or the program or package of a launch
  5  network failure, or inputs of a stage that are missing (try again)
  130, 143  stopped on request, after Ctrl-C or another signal";

/// SEAL's missing ablations: how penalty strength and selector function affect safe fine-tuning.
#[derive(Debug, Parser)]
#[command(name = "seal", version, styles = STYLES)]
#[command(after_help = AFTER, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run the study: plan, run the missing stages, judge, report.
    Ablate(ablate::Options),
    /// List the arms and stages of the study, which stages are done, and the time left.
    Plan(StudyArgs),
    /// Count the stages that have run, name the missing ones, say whether there are results.
    Status(status::Options),
    /// Make one stage of a stored plan: what launchers call.
    RunStage(run_stage::Options),
    /// Cancel the jobs that a launch has submitted.
    Cancel(cancel::Options),
    /// Train one selector, write it as a file, and say how well it ranks.
    Select(Box<select::Options>),
    /// Write the loss of each row under a model.
    Score(score::Options),
    /// Fine-tune a model on a file of rows.
    Sft(sft::Options),
    /// Write a model's answers to the prompts of a file.
    Generate(generate::Options),
    /// Judge answers or pairs of answers, or print the figures of judged pairs.
    Judge(judge::Options),
    /// Show rows as the model sees them: tokens, template, loss mask.
    Inspect(inspect::Options),
    /// Write the report again from the results in the run folder.
    Report(report::Options),
    /// Write the findings of one or several runs, in tables and sentences.
    Findings(findings::Options),
    /// List the configs and plans that come with the program, or write them.
    Configs(configs::Options),
    /// Show the config as it is used and where each value comes from; write its JSON Schema.
    Config(config::Options),
    /// List, check or clear a store of finished stages.
    Store(store::Options),
    /// Check the machine, the folders and the files that a study needs, and say what to type.
    Doctor(doctor::Options),
    /// Try the backends and say how to add one that is missing.
    Devices(devices::Options),
    /// Try a GPU for the first time: what works, what it holds, how fast it is.
    GpuCheck(gpu_check::Options),
    /// Write a script that completes the command line in a shell.
    Completions(completions::Options),
    /// Write the pages of the manual.
    Man(man::Options),
}

/// The command line of `program`: its name in every usage and example, and its further verbs.
pub(crate) fn command(program: &Program) -> Command {
    let mut command = Cli::command().bin_name(program.name);
    for verb in program.verbs {
        command = command.subcommand((verb.command)());
    }
    // A number below 0 is a value that is refused in words, and no option that nobody knows.
    let takes = |arg: Arg| match arg.get_action().takes_values() {
        true => arg.allow_negative_numbers(true),
        false => arg,
    };
    let fill = |command: Command| {
        let command = command.mut_args(takes);
        let after = command.get_after_help().map(|text| program.fill(&text.to_string()));
        match after {
            Some(text) => command.after_help(text),
            None => command,
        }
    };
    fill(command).mut_subcommands(fill)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::SEAL;

    #[test]
    fn the_definition_is_sound() {
        command(&SEAL).debug_assert();
    }

    #[test]
    fn help_names_the_program_that_is_installed() {
        let mut command = command(&SEAL);
        let text = command.render_long_help().to_string();
        assert!(text.contains("Usage: seal [OPTIONS] <COMMAND>"), "{text}");
        assert!(text.contains("  seal ablate --quick "), "{text}");
        for verb in command.get_subcommands_mut() {
            let text = verb.render_long_help().to_string();
            assert!(!text.contains("xtask") && !text.contains("{program"), "{text}");
        }
    }

    #[test]
    fn quiet_and_verbose_exclude_each_other() {
        let parsed = Cli::try_parse_from(["seal", "plan", "-vv"]).unwrap();
        assert_eq!((parsed.verbosity.quiet, parsed.verbosity.verbose), (false, 2));
        assert!(Cli::try_parse_from(["seal", "plan", "-q", "-v"]).is_err());
    }
}
