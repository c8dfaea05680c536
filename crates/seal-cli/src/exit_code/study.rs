//! The codes of a study's errors.

use seal_study::{AgainError, AssessmentsError, ConfigError, PairsError, PlannedError, StudyError};

use super::{DATA, RETRY, UNEXPECTED, USAGE, judge, launch, model, parts};
use crate::interrupt;

pub(super) fn code(error: &StudyError) -> u8 {
    match error {
        StudyError::Folder(error) if error.is_of_its_files() => DATA,
        StudyError::Config(ConfigError::JudgeModel { source, .. }) => model::code(source),
        StudyError::Config(_)
        | StudyError::Plan(_)
        | StudyError::Obstacle { .. }
        | StudyError::Override(_)
        | StudyError::Folder(_)
        | StudyError::World(_)
        | StudyError::StoreIsRunFolder { .. }
        | StudyError::StoreIsFile { .. }
        | StudyError::NoThreads { .. }
        | StudyError::Memory(_)
        | StudyError::TraceState
        | StudyError::NoSelector { .. } => USAGE,
        StudyError::Cancelled { .. } => interrupt::code(),
        StudyError::Data(_) | StudyError::Rows(_) | StudyError::Damaged { .. } => DATA,
        StudyError::Planned(error) => planned(error),
        StudyError::Launch(error) => launch::code(error),
        StudyError::Store(error) => parts::store(error),
        StudyError::OneModel(error) => model::code(error),
        StudyError::Device(error) => parts::device(error),
        StudyError::Devices(error) => parts::devices(error),
        StudyError::Judge(error) => parts::judge(error),
        StudyError::Judging(error) => judge::judging(error),
        StudyError::Probe { source, .. } => judge::judging(source),
        StudyError::Pairs(error) => pairs(error),
        StudyError::Assessments(error) => assessments(error),
        StudyError::Again(error) => again(error),
        StudyError::Training(error) => parts::training(error),
        StudyError::Model(error) => parts::weights(error),
        StudyError::Generation(error) => parts::generation(error),
        StudyError::Selection(error) => parts::selection(error),
        StudyError::Report(error) => parts::report(error),
        StudyError::Io { .. } | StudyError::Defect(_) => UNEXPECTED,
        StudyError::Stage { source, .. } => code(source),
    }
}

/// What is lacking may come, so it is worth another try.
fn planned(error: &PlannedError) -> u8 {
    match error {
        PlannedError::Lacking { .. } => RETRY,
        PlannedError::UnknownKey { .. }
        | PlannedError::Ambiguous { .. }
        | PlannedError::Moved { .. }
        | PlannedError::Changed { .. } => USAGE,
        PlannedError::Config { .. } => DATA,
    }
}

/// As those of the verb that judges pairs.
fn pairs(error: &PairsError) -> u8 {
    match error {
        PairsError::Missing { may_pass: true, .. } => RETRY,
        PairsError::Missing { may_pass: false, .. } | PairsError::Budget { .. } => DATA,
    }
}

/// As those of the verb that judges single answers.
fn assessments(error: &AssessmentsError) -> u8 {
    match error {
        AssessmentsError::Missing { may_pass: true, .. } => RETRY,
        AssessmentsError::Missing { may_pass: false, .. }
        | AssessmentsError::LowMass { .. }
        | AssessmentsError::Budget { .. } => DATA,
        // As for every other model that is not the one that is meant.
        AssessmentsError::OtherModel { .. } => USAGE,
    }
}

fn again(error: &AgainError) -> u8 {
    match error {
        AgainError::NoRun { .. } | AgainError::NoSuchTest { .. } | AgainError::NoAnswers { .. } => {
            USAGE
        }
        AgainError::OtherJudge { source, .. } => model::code(source),
        AgainError::NotStored { .. } => DATA,
    }
}
