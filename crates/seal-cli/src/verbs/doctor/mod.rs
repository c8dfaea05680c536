//! `seal doctor`: whether machine, folders, devices and files are fit for a study, and what to type
//! where they are not.

mod check;
mod environment;
mod folders;
mod machine;
mod study;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use seal_study::{Config, config_of_folder, load_config};

use self::check::{Check, State};
use crate::message::message;
use crate::options::ConfigArgs;
use crate::plain;
use crate::verbosity::Verbosity;

const AFTER: &str = "\
Examples:
  {program} doctor                                       the machine and the folder runs/world
  {program} doctor --config own.toml                     also the files and models of a study
  {program} doctor --store /shared/store --out runs/a    folders that other hosts use, too
  {program} doctor --device cuda:0 --json                for a script

Each line is ok, a warning, or wrong. A warning costs time or may cost it; a study runs all the same.
Where something is wrong the exit code is 2. No value of a token or a proxy is shown.";

/// What to look at.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    #[command(flatten)]
    config: ConfigArgs,
    /// Run folder [default: runs/<study.name>].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Store of finished stages [default: OUT/store].
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

/// Something is wrong: the error of `doctor`.
#[derive(Debug, thiserror::Error)]
#[error("{wrong} of {all} checks are wrong; the lines above say what to type")]
pub(crate) struct Unwell {
    wrong: usize,
    all: usize,
}

/// Looks at everything, and says all that it found before it fails.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    let mut checks = Vec::new();
    machine::look(&mut checks);
    let config = config(options, &mut checks);
    let named = config.as_ref().map_or_else(|| PathBuf::from("runs/world"), Config::default_out);
    let out = options.out.clone().unwrap_or(named);
    let store = options.store.clone().unwrap_or_else(|| out.join("store"));
    folders::look(&out, &store, &mut checks);
    let device = match (&config, &options.config.device) {
        (Some(config), _) => Some(config.device.as_str()),
        (None, device) => device.as_deref(),
    };
    machine::devices(device, &mut checks);
    if let Some(config) = &config {
        study::look(config, &mut checks);
    }
    environment::look(config.as_ref(), &mut checks);
    say(&checks, options.json, verbosity)?;
    let wrong = checks.iter().filter(|check| check.state == State::Wrong).count();
    match wrong {
        0 => Ok(()),
        wrong => Err(Unwell { wrong, all: checks.len() }.into()),
    }
}

/// The config that is named, or that of the run folder, or the built-in one; `None` where it cannot
/// be used, which is a check that is wrong.
fn config(options: &Options, checks: &mut Vec<Check>) -> Option<Config> {
    let mut source = options.config.source();
    let of_folder = match (&source.file, &options.out) {
        (None, Some(out)) if !source.quick => last_config(out),
        _ => Ok(None),
    };
    let loaded = of_folder.and_then(|found| {
        source.file = source.file.take().or(found);
        Ok(load_config(&source)?)
    });
    let name = match &source.file {
        Some(file) => format!("config {}", file.display()),
        None => "config".to_owned(),
    };
    match loaded {
        Ok(config) => {
            let found = match source.file {
                Some(_) => format!("study `{}`", config.study.name),
                None => format!("the built-in study `{}`", config.study.name),
            };
            checks.push(Check::ok(name, found));
            Some(config)
        }
        Err(error) => {
            checks.push(Check::wrong(name, message(&error), "mend the config, or name another"));
            None
        }
    }
}

fn last_config(out: &Path) -> anyhow::Result<Option<PathBuf>> {
    Ok(config_of_folder(out)?.map(|found| found.path))
}

fn say(checks: &[Check], json: bool, verbosity: Verbosity) -> anyhow::Result<()> {
    let mut out = plain::stdout();
    if json {
        return Ok(writeln!(out, "{}", plain::json(&check::as_json(checks))?)?);
    }
    for check in checks.iter().filter(|check| !verbosity.quiet || check.state != State::Ok) {
        writeln!(out, "{check}")?;
    }
    Ok(())
}
