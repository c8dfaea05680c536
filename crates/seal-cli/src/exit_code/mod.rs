//! Exit codes: 1 unexpected failure, 2 usage or config, 3 data, 4 device or backend missing,
//! 5 network (the same command may succeed later); 130 and 143 for a run that was asked to stop.
//!
//! Every variant of every error is named, so that a new one is given its code on purpose. The
//! errors of a study are in `study`. Those of one model and a few files are in `model`. Those
//! of the crates below both are in `parts`. Those of judging are in `judge`. Those of launches are in
//! `launch`.

mod judge;
mod launch;
mod model;
mod parts;
mod study;
#[cfg(test)]
mod tests;

use std::error::Error;

use seal_device::{DeviceError, DeviceSetError};
use seal_files::is_disk_full;
use seal_launch::LaunchError;
use seal_model::ModelError;
use seal_study::StudyError;
use seal_track::TrackError;

use crate::interrupt;
use crate::usage::UsageError;
use crate::verbs::devices::BrokenDevice;
use crate::verbs::doctor::ChecksFailed;
use crate::verbs::gpu_check::GpuCheckEnd;
use crate::verbs::judge::JudgeFailure;
use crate::verbs::store::DamagedStore;

/// An unexpected failure.
pub(crate) const UNEXPECTED: u8 = 1;
/// A usage or config error; clap's own code is the same.
const USAGE: u8 = 2;
/// A data error.
const DATA: u8 = 3;
/// A device or backend that is missing or does not work.
const DEVICE: u8 = 4;
/// A network failure, which may pass.
const RETRY: u8 = 5;

/// The exit code of `error`: that of the first error of its chain that has one.
pub(crate) fn of(error: &anyhow::Error) -> u8 {
    // A full disk is one failure, whichever part of the program was writing.
    if is_disk_full(&**error) {
        return UNEXPECTED;
    }
    error.chain().find_map(of_one).unwrap_or(UNEXPECTED)
}

/// The exit code of one error, its causes apart; `None` for a type that has none.
fn of_one(error: &(dyn Error + 'static)) -> Option<u8> {
    if let Some(study) = error.downcast_ref::<StudyError>() {
        return Some(study::code(study));
    }
    if let Some(error) = error.downcast_ref::<LaunchError>() {
        return Some(launch::code(error));
    }
    if let Some(model) = error.downcast_ref::<ModelError>() {
        return Some(model::code(model));
    }
    if let Some(device) = error.downcast_ref::<DeviceError>() {
        return Some(parts::device(device));
    }
    if let Some(devices) = error.downcast_ref::<DeviceSetError>() {
        return Some(parts::devices(devices));
    }
    if let Some(report) = error.downcast_ref::<seal_report::Error>() {
        return Some(parts::report(report));
    }
    if let Some(track) = error.downcast_ref::<TrackError>() {
        return Some(parts::track(track));
    }
    if let Some(judge) = error.downcast_ref::<JudgeFailure>() {
        return Some(judge::code(judge));
    }
    if error.is::<DamagedStore>() {
        return Some(DATA);
    }
    if error.is::<UsageError>() || error.is::<ChecksFailed>() {
        return Some(USAGE);
    }
    if let Some(end) = error.downcast_ref::<GpuCheckEnd>() {
        return Some(match end {
            GpuCheckEnd::Failed { .. } => UNEXPECTED,
            GpuCheckEnd::Stopped { .. } => interrupt::code(),
            GpuCheckEnd::Taken { .. } => USAGE,
        });
    }
    error.is::<BrokenDevice>().then_some(DEVICE)
}
