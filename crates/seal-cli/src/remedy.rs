//! Which option mends an error.
//!
//! Other crates name kind, place and remedy in words of their own, since they know no command
//! line. Each kind that an option mends is matched here, and the option is named in front of
//! the message or after it.

use std::error::Error;

use seal_data::DataError;
use seal_device::{DeviceError, DeviceSetError};
use seal_judging::JudgingError;
use seal_launch::{LaunchError, Script};
use seal_model::ModelError;
use seal_study::{
    ConfigError, ConfigPart, OverrideError, PlannedError, RunFolderError, StudyError,
};

use crate::program::running;
use crate::verbs::judge::JudgeFailure;

/// What the command line adds to the message of an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advice {
    /// The option at fault; it goes before the message, which begins with its value.
    pub(crate) option: Option<&'static str>,
    /// What to do; it goes after the message.
    pub(crate) remedy: Option<String>,
}

impl Advice {
    fn option(option: &'static str) -> Option<Self> {
        Some(Self { option: Some(option), remedy: None })
    }

    fn remedy(remedy: impl Into<String>) -> Option<Self> {
        Some(Self { option: None, remedy: Some(remedy.into()) })
    }
}

/// The advice on `error` itself; none where its message says all.
pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Advice> {
    if let Some(error) = error.downcast_ref::<StudyError>() {
        return of_study(error);
    }
    if let Some(error) = error.downcast_ref::<LaunchError>() {
        return of_launch(error);
    }
    if let Some(error) = error.downcast_ref::<ModelError>() {
        return of_model(error);
    }
    if let Some(error) = error.downcast_ref::<DeviceError>() {
        return of_device(error);
    }
    if let Some(error) = error.downcast_ref::<DeviceSetError>() {
        return of_devices(error);
    }
    let boxed = || error.downcast_ref::<Box<JudgingError>>().map(|error| &**error);
    if let Some(error) = error.downcast_ref::<JudgingError>().or_else(boxed) {
        return of_judging(error);
    }
    match error.downcast_ref::<JudgeFailure>() {
        Some(JudgeFailure::Judging(error)) => of_judging(error),
        Some(JudgeFailure::Model(error)) => of_model(error),
        _ => None,
    }
}

fn of_judging(error: &JudgingError) -> Option<Advice> {
    match error {
        JudgingError::OtherPrompts { .. } => Advice::remedy("--common judges those"),
        JudgingError::LogInUse { .. } => Advice::option("--file"),
        JudgingError::LogForeign { .. } => Some(Advice {
            option: Some("--file"),
            remedy: Some("choose a new one for verdicts".to_owned()),
        }),
        JudgingError::MaxCost { .. } => Advice::option("--max-cost:"),
        JudgingError::Kind { found, .. } => match found.as_str() {
            "guard" | "reward" | "rubric" => Advice::remedy("judge --answers takes this table"),
            "pairwise" => Advice::remedy("judge --candidate --reference takes this table"),
            _ => None,
        },
        JudgingError::NoBatch { .. } => Advice::option("--batch-output"),
        _ => None,
    }
}

/// Most advice on a model's error stands inside the sentence, which `words` makes.
fn of_model(error: &ModelError) -> Option<Advice> {
    match error {
        ModelError::Device(error) => of_device(error),
        ModelError::Data(error) => of_data(error),
        #[cfg(feature = "hub")]
        ModelError::Hub(error) => of_hub(error),
        _ => None,
    }
}

fn of_study(error: &StudyError) -> Option<Advice> {
    match error {
        StudyError::Override(error) => of_override(error),
        StudyError::Folder(error) => of_folder(error),
        StudyError::Device(error) => of_device(error),
        StudyError::Devices(error) => of_devices(error),
        StudyError::Data(error) => of_data(error),
        StudyError::OneModel(error) => of_model(error),
        StudyError::Config(error) => of_config(error),
        StudyError::Stage { source, .. } => of_study(source),
        StudyError::Judging(error) => of_log(error),
        StudyError::Probe { .. } => Advice::remedy("--no-probe begins without this question"),
        StudyError::Launch(error) => of_launch(error),
        StudyError::Planned(PlannedError::Lacking { .. }) => Advice::remedy(
            "make them first, or launch the study again: that starts what is missing",
        ),
        StudyError::Planned(PlannedError::Config { .. } | PlannedError::UnknownKey { .. }) => {
            Advice::remedy("launch the study again: `ablate --launch` with the same options")
        }
        StudyError::Planned(PlannedError::Moved { .. }) => {
            Advice::remedy("launch it again with the --out of now")
        }
        StudyError::Cancelled { .. } => Advice::remedy("the same command goes on from there"),
        _ => None,
    }
}

fn of_config(error: &ConfigError) -> Option<Advice> {
    match error {
        ConfigError::JudgeModel { source, .. } => of_model(source),
        ConfigError::In { place: ConfigPart::File(_), source } => match &**source {
            ConfigError::Table(error) if error.is_missing_key() && error.section.is_none() => {
                Advice::remedy(running().fill(WHOLE_CONFIG))
            }
            _ => None,
        },
        _ => None,
    }
}

/// What a file that lacks a section needs.
const WHOLE_CONFIG: &str = "a config has [study], [world] or [data], [tokenizer], [model], [bilevel], \
                            [selection], [sft], [generate], and [judge.TEST] for each test; \
                            `{program} configs configs/own.toml` prints one to change";

/// A log in a store, which no option names.
fn of_log(error: &JudgingError) -> Option<Advice> {
    match error {
        JudgingError::LogForeign { .. } => Advice::remedy(LOG),
        // Its verdicts are whole where it cannot be written, or where a right is lacking.
        JudgingError::Io { action: "read", source, .. }
            if source.kind() != std::io::ErrorKind::PermissionDenied =>
        {
            Advice::remedy(LOG)
        }
        _ => None,
    }
}

fn of_launch(error: &LaunchError) -> Option<Advice> {
    match error {
        LaunchError::UnknownSetting { .. } | LaunchError::Setting { .. } => {
            Advice::option("--launch-set")
        }
        LaunchError::NoSetting { setting, .. } => {
            Advice::remedy(format!("give it by --launch-set {setting}=VALUE"))
        }
        LaunchError::NoPlan { .. } => Advice::remedy("`ablate --launch` stores one"),
        LaunchError::MayBeAtWork { record, .. } => Advice::remedy(format!(
            "launch where the queue can be asked; or remove {} once its jobs have ended",
            record.display()
        )),
        LaunchError::AtWork { .. } => Advice::remedy("`cancel --out` cancels it"),
        LaunchError::NotCancelled { jobs, .. } => {
            Advice::remedy(format!("`hq job cancel {}` cancels it", jobs.join(",")))
        }
        LaunchError::NoJobs { launched: Some(Script::NAME), .. } => {
            Advice::remedy("end the shell or the engine that runs the scripts")
        }
        LaunchError::NoJobs { submits: true, .. } => {
            Advice::remedy("there is nothing to cancel; the same launch tries again")
        }
        LaunchError::NoJobs { launched: Some(_), .. } => Advice::remedy(
            "Ctrl-C in its terminal, or SIGTERM to its process, stops a local launch",
        ),
        LaunchError::NoJobs { launched: None, .. } => {
            Advice::remedy("is this the --out of a launch?")
        }
        LaunchError::Start { program, .. } if program == "sbatch" => Advice::remedy(
            "this machine has no Slurm, or it is not on PATH; --launch local makes the stages here, \
             --launch hyperqueue and --launch script make them elsewhere",
        ),
        LaunchError::NoPackage { package, .. } => Advice::remedy(format!(
            "`pip install {package}` installs it for this Python, --launch-set python=PROGRAM names \
             another, and --launch local makes the stages here"
        )),
        LaunchError::Start { .. } => {
            Advice::remedy("install it, or make the stages here by --launch local")
        }
        LaunchError::Damaged { .. } => {
            Advice::remedy("launch the study again: `ablate --launch` with the same options")
        }
        LaunchError::Failed(_) => {
            Advice::remedy("what was finished is kept, and the same command goes on from there")
        }
        _ => None,
    }
}

/// What mends a log of verdicts in a store that cannot be read.
pub(crate) const LOG: &str = "mend it or move it away; without it, the questions of its judge are asked again, at their cost";

fn of_override(error: &OverrideError) -> Option<Advice> {
    Advice::option(match error {
        OverrideError::Setting { .. } => "--set",
        OverrideError::Limit { .. } => "--limit",
        OverrideError::Seed { .. } => "--seeds",
    })
}

fn of_folder(error: &RunFolderError) -> Option<Advice> {
    match error {
        RunFolderError::File { .. } => Advice::remedy("give a folder by --out"),
        RunFolderError::InUse { .. } => Advice::remedy("wait for it, or give another --out"),
        RunFolderError::OtherStudy { .. } => {
            Advice::remedy("give another --out, or that study.name")
        }
        RunFolderError::Foreign { .. } => Advice::remedy("give an empty or a new --out"),
        RunFolderError::Input { .. } => Advice::remedy("copy it elsewhere, or give another --out"),
        RunFolderError::Version { .. } => Advice::remedy(
            "use the program that wrote it, or give another --out; if the file is damaged, \
             remove it",
        ),
        RunFolderError::EditedConfig { path } => Advice::remedy(format!(
            "if it is as it should be, give it by --config {}",
            path.display()
        )),
    }
}

fn of_device(error: &DeviceError) -> Option<Advice> {
    match error {
        DeviceError::NotCompiledIn { device, .. } => with_feature(device.backend.name()),
        DeviceError::NoAdapter { present, .. } if !present.is_empty() => {
            Advice::remedy("--device takes others")
        }
        DeviceError::NoAdapter { .. }
        | DeviceError::Unknown { .. }
        | DeviceError::Several { .. } => None,
    }
}

fn of_devices(error: &DeviceSetError) -> Option<Advice> {
    match error {
        DeviceSetError::Device(error) => of_device(error),
        DeviceSetError::NoneFound | DeviceSetError::Absent { .. } => {
            Advice::remedy("--device takes others")
        }
        _ => None,
    }
}

fn of_data(error: &DataError) -> Option<Advice> {
    match error {
        DataError::NoParquet { .. } => with_feature("parquet"),
        _ => None,
    }
}

#[cfg(feature = "hub")]
fn of_hub(error: &seal_hub::HubError) -> Option<Advice> {
    use seal_hub::{HubError, RepoKind};
    let HubError::Offline { address, .. } = error else { return None };
    let kind = match address.kind() {
        RepoKind::Model => "",
        RepoKind::Dataset => "--repo-type dataset ",
    };
    let path = address.path().map_or_else(String::new, |path| format!(" '{path}'"));
    let (revision, repo) = (address.revision(), address.repo());
    Advice::remedy(format!("`hf download {kind}--revision {revision} {repo}{path}` loads it"))
}

fn with_feature(feature: &str) -> Option<Advice> {
    let command = running().fill(&format!("{{program+{feature}}} VERB"));
    Advice::remedy(format!("`{command}` builds one that has it"))
}

#[cfg(test)]
#[path = "remedy_tests.rs"]
mod tests;
