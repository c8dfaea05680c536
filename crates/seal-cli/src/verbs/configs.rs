//! `seal configs`: the configs and plans that come with the program.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use seal_study::StudyError;

use crate::plain;
use crate::program::{Program, running};
use crate::table::{self, Align};
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

const AFTER: &str = "\
Examples:
  {program} configs                               the list
  {program} configs configs/own.toml > own.toml   one file, to copy and change
  {program} configs --write .                     all of them, in ./configs and ./plans

A study reads a config with --config and a plan with --plan.";

/// A file that comes with the program.
struct Shipped {
    /// Its path in the repository.
    path: &'static str,
    about: &'static str,
    text: &'static str,
}

macro_rules! file {
    ($path:literal, $about:literal) => {
        Shipped { path: $path, about: $about, text: include_str!(concat!("../../../../", $path)) }
    };
}

/// Every config and plan of the repository. A test holds the list against its folders.
const FILES: [Shipped; 32] = [
    file!("configs/data/hexphi.toml", "HEx-PHI as a test: harmful instructions in 11 categories"),
    file!("configs/data/hh.toml", "the Anthropic HH test, its harmless part"),
    file!("configs/data/slimorca.toml", "a SlimOrca test, apart from the rows that train"),
    file!(
        "configs/judges/alpaca_eval_gpt4_turbo.toml",
        "AlpacaEval 2.0's judge of pairs; its prompt is with its authors"
    ),
    file!(
        "configs/judges/fastchat_pair_v2.toml",
        "MT-Bench's judge of pairs; its prompt is with its authors"
    ),
    file!(
        "configs/judges/harmbench_llama2.toml",
        "HarmBench's guard on Llama-2; its prompt is with its authors"
    ),
    file!(
        "configs/judges/harmbench_mistral.toml",
        "HarmBench's guard on Mistral; its prompt is with its authors"
    ),
    file!(
        "configs/judges/hexphi_gpt4.toml",
        "HEx-PHI's judge, which rates answers; its prompt is with its authors"
    ),
    file!("configs/judges/llama_guard_3.toml", "the guard Llama-Guard-3-8B"),
    file!(
        "configs/judges/md_judge_v0_1.toml",
        "the guard MD-Judge; its prompt is with its authors"
    ),
    file!("configs/judges/pairwise.toml", "a judge of pairs through an endpoint: copy it"),
    file!("configs/judges/qwen3guard_gen.toml", "the guard Qwen3Guard-Gen"),
    file!("configs/judges/rubric.toml", "a judge that rates answers through an endpoint: copy it"),
    file!("configs/judges/skywork_reward_v2.toml", "the reward model Skywork-Reward-V2"),
    file!(
        "configs/judges/strong_reject.toml",
        "the rubric of StrongREJECT; its prompt is with others"
    ),
    file!("configs/judges/wildguard.toml", "the guard WildGuard; its prompt is with its authors"),
    file!("configs/llama3-8b.toml", "Llama-3-8B-Instruct with the paper's settings"),
    file!(
        "configs/merlinite-7b.toml",
        "Merlinite-7B with a selector of Phi-3-mini: the paper's transfer"
    ),
    file!("configs/own.toml", "a study on your own rows: copy it and name your files"),
    file!("configs/phi3-mini.toml", "Phi-3-mini with the paper's settings"),
    file!("configs/pythia-2.8b.toml", "Pythia-2.8B with the paper's settings"),
    file!("configs/smollm2.toml", "SmolLM2-135M-Instruct, made safe first, on two CPU cores"),
    file!("configs/stages.toml", "settings of score, sft, generate and select --model"),
    file!("configs/text.toml", "a small Llama trained from scratch on real text"),
    file!("configs/world.toml", "the built-in world, and the reference of every key"),
    file!("plans/dose-response.jsonl", "the share of unsafe rows kept, in doses"),
    file!("plans/missing-ablations.findings.toml", "sentences of `findings` on that plan"),
    file!(
        "plans/missing-ablations.jsonl",
        "penalty strength and selector function, which the paper lacks"
    ),
    file!("plans/paper.findings.toml", "sentences of `findings` on that plan"),
    file!("plans/paper.jsonl", "the paper's own studies"),
    file!("plans/reviewers.findings.toml", "sentences of `findings` on that plan"),
    file!("plans/reviewers.jsonl", "algorithms, schedules, normalisation, rates"),
];

impl Shipped {
    /// As it stands in the repository, where the commands in its comments work in a checkout.
    fn text(&self, program: &Program) -> String {
        self.text.replace(XTASK, program.name)
    }
}

/// The program's name in the repository's files.
const XTASK: &str = "cargo xtask";

/// Which file, and where to.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    /// Print this file.
    #[arg(value_name = "NAME", conflicts_with = "write")]
    name: Option<String>,
    /// Write all files below this folder; a file that is there and differs is not changed.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// Lists the files, prints one, or writes all.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    match (&options.name, &options.write) {
        (Some(name), _) => print(name),
        (None, Some(dir)) => write(dir, verbosity),
        (None, None) => list(),
    }
}

fn list() -> anyhow::Result<()> {
    let row = |file: &Shipped| vec![file.path.to_owned(), file.about.to_owned()];
    let rows: Vec<Vec<String>> = FILES.iter().map(row).collect();
    let headings = table::headings(&[("file", Align::Left), ("about", Align::Left)]);
    Ok(table::write(&mut plain::stdout(), &headings, &rows)?)
}

fn print(name: &str) -> anyhow::Result<()> {
    let is_named = |file: &&Shipped| {
        let path = Path::new(file.path);
        file.path == name || path.file_name().is_some_and(|last| last == name)
    };
    let Some(file) = FILES.iter().find(is_named) else {
        let known = FILES.iter().map(|file| file.path).collect();
        bail!(UsageError::NoFile { name: name.to_owned(), known });
    };
    Ok(plain::stdout().write_all(file.text(running()).as_bytes())?)
}

fn write(dir: &Path, verbosity: Verbosity) -> anyhow::Result<()> {
    for file in &FILES {
        let (to, text) = (dir.join(file.path), file.text(running()));
        let said = match fs::read(&to) {
            Ok(found) if found == text.as_bytes() => "is there",
            Ok(_) => "is there and differs: left as it is",
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if let Some(folder) = to.parent() {
                    fs::create_dir_all(folder).map_err(StudyError::io(folder))?;
                }
                seal_files::write(&to, text.as_bytes()).map_err(StudyError::io(&to))?;
                "written"
            }
            Err(error) => return Err(StudyError::io(&to)(error).into()),
        };
        if !verbosity.quiet {
            writeln!(plain::stdout(), "{} {said}", to.display())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::SEAL;

    #[test]
    fn every_config_and_plan_of_the_repository_comes_with_the_program() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut found = Vec::new();
        for folder in ["configs", "configs/data", "configs/judges", "plans"] {
            for entry in fs::read_dir(root.join(folder)).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_file() {
                    found.push(format!("{folder}/{}", entry.file_name().to_str().unwrap()));
                }
            }
        }
        found.sort();
        let listed: Vec<&str> = FILES.iter().map(|file| file.path).collect();
        assert_eq!(listed, found);
    }

    #[test]
    fn commands_in_comments_are_of_the_program_that_writes_them() {
        let own = FILES.iter().find(|file| file.path == "configs/own.toml").unwrap();
        assert!(own.text(&SEAL).contains("#   seal ablate --config FILE"));
        assert!(FILES.iter().all(|file| !file.text(&SEAL).contains("xtask")));
    }
}
