//! `seal gpu-check`: first contact with a GPU, as a report.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use seal_contact::{
    Budget, ContactEvent, ContactReport, ContactState, DeviceJob, Settings, Setup, StepReport,
    StepState, page, perform, steps,
};
use seal_device::{ACCELERATIONS, Backend, DeviceSpec};
use seal_files::Inputs;
use seal_study::StudyError;

use crate::command::quoted;
use crate::files::prepare;
use crate::program::running;
use crate::verbosity::Verbosity;
use crate::{interrupt, memory, plain};

const AFTER: &str = "\
Examples:
  {program} gpu-check --report contact                      the first GPU of this machine
  {program} gpu-check --report contact --device cuda:1 --minutes 10
  {program} gpu-check --report contact --python venv/bin/python
                                                            and the same work in PyTorch

Steps: the machine; the device opens and multiplies; 50 steps against the CPU; every path of a model against \
the CPU; memory over 500 steps; speed of training, scoring and generation on random weights. Each works in a \
process of its own, so that a crash or a hang leaves the others. A step that fails says what comes next. A step \
for which too little time is left is not started. The report is written anew after each step.

DIR gets gpu-check.json and the page index.html. The exit code is 1 if a step failed, and 0 if none did, also \
where the time did not suffice for all.";

/// The file for programs, and the page.
const JSON: &str = "gpu-check.json";
const PAGE: &str = "index.html";

/// Options of the verb.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    /// Folder of the report.
    #[arg(long, value_name = "DIR", required_unless_present = "job")]
    report: Option<PathBuf>,
    /// The device [default: cuda:0, or else wgpu, or else flex, whichever is compiled in].
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Minutes that all steps have together.
    #[arg(long, value_name = "N", default_value = "20", value_parser = minutes)]
    minutes: f64,
    /// A Python with torch, to measure the same work in PyTorch; for generation also with
    /// transformers and peft.
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Do the job of this file, in this process.
    #[arg(long, value_name = "FILE", hide = true)]
    job: Option<PathBuf>,
}

/// What the verb ends with where not all went well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GpuCheckEnd {
    /// A step failed.
    #[error("device `{device}`: {} failed; {} says what comes next", steps.join(", "), page.display())]
    Failed {
        /// The device.
        device: DeviceSpec,
        /// Names of the steps that failed.
        steps: Vec<String>,
        /// The page.
        page: PathBuf,
    },
    /// It was stopped on request.
    #[error("stopped on request; {} has what was done", page.display())]
    Stopped {
        /// The page.
        page: PathBuf,
    },
    /// A folder with a page of something else.
    #[error("--report {}: its {PAGE} is of something else; name another folder", folder.display())]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
}

/// A positive number of minutes.
fn minutes(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|n| *n > 0.0 && *n <= 1e4);
    number.ok_or_else(|| "a number of minutes above 0, and at most 10000".to_owned())
}

/// Takes all steps and writes the report after each.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    let folder = match (&options.job, &options.report) {
        (Some(job), _) => return one(job),
        (None, Some(folder)) => folder,
        (None, None) => anyhow::bail!("--report names a folder"),
    };
    let device = match &options.device {
        Some(name) => name.parse::<DeviceSpec>()?,
        None => default_device()?,
    };
    if !device.backend.is_compiled_in() {
        device.open()?;
    }
    let end = report(folder, device, options, verbosity)?;
    let page = folder.join(PAGE);
    match end.state {
        ContactState::Stopped => Err(GpuCheckEnd::Stopped { page }.into()),
        ContactState::Failed => {
            let failed = end.steps.iter().filter(|step| step.state == StepState::Failed);
            let steps = failed.map(|step| step.name.clone()).collect();
            Err(GpuCheckEnd::Failed { device, steps, page }.into())
        }
        ContactState::Passed | ContactState::Incomplete | ContactState::Running => Ok(()),
    }
}

fn report(
    folder: &Path,
    device: DeviceSpec,
    options: &Options,
    verbosity: Verbosity,
) -> anyhow::Result<ContactReport> {
    fs::create_dir_all(folder).map_err(StudyError::io(folder))?;
    if folder.join(PAGE).exists() && !folder.join(JSON).exists() {
        return Err(GpuCheckEnd::Taken { folder: folder.to_owned() }.into());
    }
    // A folder that takes no file is refused before anything is measured.
    let (json, html) = (folder.join(JSON), folder.join(PAGE));
    prepare(&Inputs::new(), &[("--report", &json), ("--report", &html)])?;
    interrupt::listen(|| {
        // A closed stderr changes nothing.
        let _ = writeln!(plain::stderr(), "stopping: the report gets what is done");
    })
    .map_err(StudyError::io(folder))?;
    let version = env!("CARGO_PKG_VERSION");
    let bytes = |mib: f64| (mib * f64::from(1 << 20)) as u64;
    // To ask a GPU here could end this process.
    let device_memory = memory::available().filter(|_| device.is_host()).map(bytes);
    let settings = Settings {
        device,
        version: version.to_owned(),
        device_memory,
        machine_memory: memory::total().map(bytes),
        python: options.python.clone(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let setup = Setup {
        version,
        device: &device.to_string(),
        accelerations: &ACCELERATIONS,
        budget: Budget::new(Duration::from_secs_f64(60.0 * options.minutes)),
        stop: &interrupt::is_asked,
        start: &start,
        alone: &|step| alone(step, device),
    };
    let mut each = |event: ContactEvent<'_>| say(event, folder, verbosity);
    let end = seal_contact::run(&setup, &mut steps(&settings), &mut each);
    write(folder, &end)?;
    if !verbosity.quiet {
        let page = quoted(&folder.join(PAGE));
        let (words, seconds) = (end.state.words(), end.seconds);
        writeln!(plain::stdout(), "{device}: {words}, in {seconds:.0} s; {page}")?;
    }
    Ok(end)
}

/// The command that does the job of `file`.
fn start(file: &Path) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["gpu-check", "--job"]).arg(file);
    Ok(command)
}

fn one(file: &Path) -> anyhow::Result<()> {
    let text = fs::read(file).with_context(|| file.display().to_string())?;
    let job: DeviceJob = serde_json::from_slice(&text)?;
    Ok(perform(&job, &mut io::stdout().lock())?)
}

/// Of the backends that are compiled in, the one that is most likely a GPU.
fn default_device() -> anyhow::Result<DeviceSpec> {
    let first = [Backend::Cuda, Backend::Wgpu].into_iter().find(|b| b.is_compiled_in());
    Ok(first.unwrap_or(Backend::Flex).name().parse()?)
}

/// What takes a step alone.
fn alone(step: &str, device: DeviceSpec) -> Option<String> {
    let program = running().name;
    match step {
        "open" | "trial" => Some(format!("{program} devices --device {device}")),
        "parity" => Some(format!("{program} devices --device {device} --checks")),
        "memory" => Some(format!("{program} devices --device {device} --memory 500")),
        "speed" => Some(format!("cargo xtask bench --device {device} (in a checkout)")),
        _ => None,
    }
}

/// Says what happens, and writes the report after each step. What cannot be shown or written stops nothing:
/// a disk may have room again at the end, and the last report is the one that must be written.
fn say(event: ContactEvent<'_>, folder: &Path, verbosity: Verbosity) {
    match event {
        ContactEvent::Started(what) | ContactEvent::Note(what) => {
            if !verbosity.quiet {
                let _ = writeln!(plain::stderr(), "{what}");
            }
        }
        ContactEvent::Ended(report) => {
            if let Err(error) = write(folder, report) {
                let _ = writeln!(plain::stderr(), "not written yet: {error:#}");
            }
            if let Some(step) = report.steps.last()
                && (!verbosity.quiet || step.state == StepState::Failed)
            {
                let mut out = plain::stdout();
                let _ = out.write_all(lines(step).as_bytes()).and_then(|()| out.flush());
            }
        }
    }
}

/// `passed  open  it multiplies, 1.2 s`, and what comes next.
fn lines(step: &StepReport) -> String {
    let seconds = step.seconds.map_or(String::new(), |seconds| format!(", {seconds:.1} s"));
    let mut text = format!("{:<10}  {:<8}{}{seconds}\n", step.state.words(), step.name, step.said);
    for next in &step.next {
        text += &format!("            next: {next}\n");
    }
    text
}

fn write(folder: &Path, report: &ContactReport) -> anyhow::Result<()> {
    let json = serde_json::to_vec_pretty(report)?;
    for (name, bytes) in [(JSON, json), (PAGE, page(report).into_bytes())] {
        let path = folder.join(name);
        seal_files::write(&path, &bytes).map_err(StudyError::io(&path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_a_positive_number() {
        assert_eq!(minutes("0.5"), Ok(0.5));
        for odd in ["0", "-1", "NaN", "inf", "soon", "1e9"] {
            assert!(minutes(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn ends_have_exit_codes() {
        let page = || PathBuf::from("r/index.html");
        let device = DeviceSpec::default();
        let failed = GpuCheckEnd::Failed { device, steps: vec!["open".to_owned()], page: page() };
        assert_eq!(
            failed.to_string(),
            "device `flex`: open failed; r/index.html says what comes next"
        );
        assert_eq!(crate::exit_code::of(&failed.into()), crate::exit_code::UNEXPECTED);
        let stopped = GpuCheckEnd::Stopped { page: page() };
        assert_eq!(crate::exit_code::of(&stopped.into()), interrupt::code());
        let taken = GpuCheckEnd::Taken { folder: PathBuf::from("r") };
        assert_eq!(crate::exit_code::of(&taken.into()), 2);
    }
}
