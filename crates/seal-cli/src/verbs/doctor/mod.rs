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
use seal_study::{
    Config, ConfigSource, Devices, RunOptions, config_of_folder, load_config, store_of_folder,
};

use self::check::{Check, CheckOutcome};
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
    /// Store of finished stages [default: the store of the last run into OUT, or OUT/store].
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

/// Something is wrong: the error of `doctor`.
#[derive(Debug, thiserror::Error)]
#[error("{wrong} of {all} checks {}; the lines above say what to type", are(*wrong))]
pub(crate) struct ChecksFailed {
    wrong: usize,
    all: usize,
}

fn are(wrong: usize) -> &'static str {
    if wrong == 1 { "is wrong" } else { "are wrong" }
}

/// Looks at everything, and says all that it found before it fails.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    let mut checks = Vec::new();
    machine::check_machine(&mut checks);
    let config = config(options, &mut checks);
    let named = config.as_ref().map(|(_, config)| config.default_out());
    let named = named.unwrap_or_else(|| PathBuf::from("runs/world"));
    let out = options.out.clone().unwrap_or(named);
    let store = store(options, &out, &mut checks);
    folders::check_folders(&out, &store, &mut checks);
    let devices = match (&config, &options.config.device) {
        (Some((_, config)), _) => Some(config.device.clone()),
        (None, device) => device.as_deref().map(Devices::of_text),
    };
    machine::devices(devices.as_ref(), &mut checks);
    if let Some((source, config)) = &config {
        study::check_study(source, config, (&out, &store), &mut checks);
    }
    environment::check_environment(config.as_ref().map(|(_, config)| config), &mut checks);
    say(&checks, options.json, verbosity)?;
    let wrong = checks.iter().filter(|check| check.state == CheckOutcome::Wrong).count();
    match wrong {
        0 => Ok(()),
        wrong => Err(ChecksFailed { wrong, all: checks.len() }.into()),
    }
}

/// The store that a run into `out` would use. One that is gone is a check that is wrong.
fn store(options: &Options, out: &Path, checks: &mut Vec<Check>) -> PathBuf {
    let own = || RunOptions::new(out).store_dir();
    if let Some(named) = &options.store {
        return named.clone();
    }
    match store_of_folder(out) {
        Ok(None) => own(),
        Ok(Some(last)) => {
            if !last.is_dir() {
                checks.push(Check::wrong(
                    format!("store {}", last.display()),
                    format!("the last run into {} had it, and it is not there", out.display()),
                    "mount it, or name a store by --store",
                ));
                return own();
            }
            last
        }
        Err(error) => {
            let said = message(&error.into());
            checks.push(Check::wrong("store", said, "name the store by --store"));
            own()
        }
    }
}

/// The config that is named, or that of the run folder, or the built-in one; `None` where it cannot
/// be used, which is a check that is wrong.
fn config(options: &Options, checks: &mut Vec<Check>) -> Option<(ConfigSource, Config)> {
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
            Some((source, config))
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
    for check in checks.iter().filter(|check| !verbosity.quiet || check.state != CheckOutcome::Ok) {
        writeln!(out, "{check}")?;
    }
    Ok(())
}
