//! The codes of errors of the crates that `seal-model` and `seal-study` are made of.

use std::io::ErrorKind;

use seal_bilevel::BilevelError;
use seal_device::{DeviceError, DeviceSetError};
use seal_judge::JudgeError;
use seal_lm::{GenerateError, LmError};
use seal_select::SelectError;
use seal_store::StoreError;
use seal_track::TrackError;

use super::{DATA, DEVICE, RETRY, UNEXPECTED, USAGE};

pub(super) fn device(error: &DeviceError) -> u8 {
    match error {
        DeviceError::Unknown { .. } | DeviceError::Several { .. } => USAGE,
        DeviceError::NotCompiledIn { .. } | DeviceError::NoAdapter { .. } => DEVICE,
    }
}

pub(super) fn devices(error: &DeviceSetError) -> u8 {
    match error {
        DeviceSetError::Device(error) => device(error),
        DeviceSetError::NoneFound | DeviceSetError::Absent { .. } => DEVICE,
        DeviceSetError::Empty
        | DeviceSetError::NoName
        | DeviceSetError::NoList { .. }
        | DeviceSetError::Kinds { .. }
        | DeviceSetError::Twice { .. }
        | DeviceSetError::NotAlone { .. }
        | DeviceSetError::NoNumber { .. }
        | DeviceSetError::Shares { .. } => USAGE,
    }
}

/// What may pass later is worth another try.
pub(super) fn track(error: &TrackError) -> u8 {
    match error {
        error if error.may_pass() => RETRY,
        TrackError::Settings(_) => DATA,
        TrackError::Report(error) => report(error),
        _ => USAGE,
    }
}

pub(super) fn generation(error: &GenerateError) -> u8 {
    match error {
        GenerateError::Settings(_) => USAGE,
        GenerateError::Logits { .. } => UNEXPECTED,
        GenerateError::Empty { .. }
        | GenerateError::TooLong { .. }
        | GenerateError::UnknownToken { .. } => DATA,
    }
}

/// What may pass later is worth another try.
#[cfg(feature = "hub")]
pub(super) fn hub(error: &seal_hub::HubError) -> u8 {
    use seal_hub::HubError;
    match error {
        HubError::Address { .. } | HubError::Setting { .. } => USAGE,
        HubError::DiskFull { .. } => UNEXPECTED,
        HubError::RateLimited { .. } | HubError::Server { .. } | HubError::Connection { .. } => {
            RETRY
        }
        HubError::Use { .. }
        | HubError::NoToken { .. }
        | HubError::TokenRefused { .. }
        | HubError::Gated { .. }
        | HubError::Forbidden { .. }
        | HubError::NoRepo { .. }
        | HubError::NoRevision { .. }
        | HubError::NoFile { .. }
        | HubError::NotFound { .. }
        | HubError::Tls { .. }
        | HubError::Status { .. }
        | HubError::Answer { .. }
        | HubError::HostileName { .. }
        | HubError::Checksum { .. }
        | HubError::Length { .. }
        | HubError::Damaged { .. }
        | HubError::Obstacle { .. }
        | HubError::Offline { .. }
        | HubError::NotAModel { .. }
        | HubError::Io { .. } => DATA,
    }
}

/// No judge asks a network: none of their errors heals by itself.
pub(super) fn judge(error: &JudgeError) -> u8 {
    match error {
        JudgeError::UnknownKind { .. } | JudgeError::Setting { .. } => USAGE,
        JudgeError::MissingField { .. }
        | JudgeError::Rows { .. }
        | JudgeError::Count { .. }
        | JudgeError::Duplicate { .. }
        | JudgeError::Unknown { .. }
        | JudgeError::Line { .. } => DATA,
        JudgeError::Write { .. } => UNEXPECTED,
    }
}

pub(super) fn training(error: &BilevelError) -> u8 {
    match error {
        BilevelError::Settings(_) => USAGE,
        BilevelError::Empty { .. } => DATA,
        BilevelError::Model(error) => weights(error),
        BilevelError::Selector(error) | BilevelError::SelectorStep { source: error, .. } => {
            selection(error)
        }
        BilevelError::Collapsed { .. } | BilevelError::Diverged { .. } => UNEXPECTED,
        // A state that was saved for another run, or damaged since.
        BilevelError::State(_) => DATA,
        BilevelError::Cancelled => crate::interrupt::code(),
        // Whoever observes the training has errors of its own.
        BilevelError::Observer(error) => super::of_one(&**error).unwrap_or(UNEXPECTED),
    }
}

/// Of results: those that cannot be read are data; a folder without any was named wrongly.
pub(super) fn report(error: &seal_report::Error) -> u8 {
    use seal_report::Error::{Csv, Damaged, Inconsistent, Io, Json, NotFinite, Version};
    match error {
        Io { source, .. } if source.kind() == ErrorKind::NotFound => USAGE,
        Json { .. } | Version { .. } | NotFinite { .. } | Inconsistent { .. } | Damaged { .. } => {
            DATA
        }
        Io { .. } | Csv(_) => UNEXPECTED,
    }
}

pub(super) fn selection(error: &SelectError) -> u8 {
    match error {
        SelectError::UnknownFunction { .. }
        | SelectError::InvalidSetting { .. }
        | SelectError::RowSet { .. } => USAGE,
        SelectError::NoRows { .. }
        | SelectError::MissingLabel { .. }
        | SelectError::NoTokens { .. }
        | SelectError::NoneLongEnough
        | SelectError::Format { .. }
        | SelectError::MissingRow { .. }
        | SelectError::Checkpoint(_)
        | SelectError::DroppedRows { .. }
        | SelectError::UnmappedLogits { .. } => DATA,
        SelectError::LengthMismatch { .. }
        | SelectError::RowOutOfRange { .. }
        | SelectError::NotFinite { .. }
        | SelectError::Diverged
        | SelectError::AllWeightsZero
        | SelectError::Parquet { .. }
        | SelectError::Stats(_) => UNEXPECTED,
    }
}

/// A stage's own fault is a defect of the program.
pub(super) fn store(error: &StoreError) -> u8 {
    match error {
        StoreError::InUse { .. }
        | StoreError::Foreign { .. }
        | StoreError::ReadOnly { .. }
        | StoreError::NoThread { .. } => USAGE,
        StoreError::Version { .. } => DATA,
        StoreError::Differs { .. }
        | StoreError::NoFiles { .. }
        | StoreError::Name { .. }
        | StoreError::Json { .. }
        | StoreError::Io { .. } => UNEXPECTED,
    }
}

pub(super) fn weights(error: &LmError) -> u8 {
    match error {
        LmError::Config(_) | LmError::TrainedInHalf | LmError::WithAdapters => USAGE,
        LmError::Io { .. }
        | LmError::Format { .. }
        | LmError::Missing { .. }
        | LmError::Mismatch { .. }
        | LmError::NotFinite { .. }
        | LmError::NoLoss { .. }
        | LmError::Setting { .. }
        | LmError::Token { .. }
        | LmError::NoProbability { .. }
        | LmError::NoScore { .. }
        | LmError::EmptyRow { .. } => DATA,
        LmError::Diverged { .. } => UNEXPECTED,
    }
}
