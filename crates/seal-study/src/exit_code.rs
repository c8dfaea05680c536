//! Exit codes: 1 unexpected failure, 2 usage or config, 3 data, 4 device or backend missing,
//! 5 network (the same command may succeed later).
//!
//! Every variant of every error is named, so that a new one is given its code on purpose.

use std::error::Error;
use std::io::ErrorKind;

use seal_bilevel::BilevelError;
use seal_device::DeviceError;
use seal_files::is_disk_full;
use seal_judge::JudgeError;
use seal_lm::{GenerateError, LmError};
use seal_model::{AddressError, AnswersError, ApplyError, Defect, ImportError, ModelError};
use seal_select::SelectError;
use seal_store::StoreError;

use crate::StudyError;

const UNEXPECTED: u8 = 1;
const USAGE: u8 = 2;
const DATA: u8 = 3;
const DEVICE: u8 = 4;
#[cfg(feature = "hub")]
const RETRY: u8 = 5;

/// What to do where there is no room on the disk; empty for other errors.
pub(crate) fn remedy(error: &(dyn Error + 'static)) -> &'static str {
    // What was said further down is not said again.
    match is_disk_full(error) && !error.to_string().contains("make room") {
        true => "; make room and run the same command again: finished stages are kept",
        false => "",
    }
}

impl StudyError {
    /// Exit code of the command line: 1 unexpected failure, 2 usage or config,
    /// 3 data, 4 device or backend missing, 5 network (retryable).
    pub fn exit_code(&self) -> u8 {
        // Whichever part of the program was writing.
        if is_disk_full(self) {
            return UNEXPECTED;
        }
        match self {
            Self::Folder(error) if error.is_of_its_files() => DATA,
            Self::Store(error) => of_store(error),
            Self::Config(_)
            | Self::Override(_)
            | Self::Folder(_)
            | Self::World(_)
            | Self::StoreIsRunFolder { .. }
            | Self::NoThreads { .. }
            | Self::TraceState
            | Self::NoSelector { .. } => USAGE,
            Self::Data(_) | Self::Rows(_) | Self::Damaged { .. } => DATA,
            Self::OneModel(error) => model_exit_code(error),
            Self::Device(error) => of_device(error),
            Self::Judge(error) => of_judge(error),
            Self::Training(error) => of_training(error),
            Self::Model(error) => of_model(error),
            Self::Generation(error) => of_generation(error),
            Self::Selection(error) => of_selection(error),
            Self::Report(error) => report_exit_code(error),
            Self::Io { .. } | Self::Defect(_) => UNEXPECTED,
            Self::Stage { source, .. } => source.exit_code(),
        }
    }
}

/// Exit code of an error of one model and a few files.
pub fn model_exit_code(error: &ModelError) -> u8 {
    if is_disk_full(error) {
        return UNEXPECTED;
    }
    match error {
        ModelError::Settings(_)
        | ModelError::Key(_)
        | ModelError::Shape(_)
        | ModelError::Folder(_)
        | ModelError::AdapterFile { .. }
        | ModelError::Context { .. }
        | ModelError::HalfPrecision(_)
        | ModelError::Bf16Device { .. }
        | ModelError::Tokenizer(_)
        | ModelError::Vocabulary { .. }
        | ModelError::Template(_)
        | ModelError::SourceTable { .. }
        | ModelError::OutputInUse { .. }
        | ModelError::NoParquet { .. } => USAGE,
        ModelError::TokenizerTraining { .. }
        | ModelError::TokenizerFile { .. }
        | ModelError::Data(_)
        | ModelError::Layout { .. }
        | ModelError::NoAnswers { .. }
        | ModelError::NoUsableRow { .. }
        | ModelError::Stops(_)
        | ModelError::Tokens { .. } => DATA,
        ModelError::Address(error) => match error {
            AddressError::IsFile { .. }
            | AddressError::IsRepository { .. }
            | AddressError::NoHub { .. } => USAGE,
        },
        #[cfg(feature = "hub")]
        ModelError::Hub(error) => of_hub(error),
        ModelError::Device(error) => of_device(error),
        ModelError::Answers(error) => match error {
            AnswersError::NoFile { .. }
            | AnswersError::InUse { .. }
            | AnswersError::OtherSettings { .. } => USAGE,
            AnswersError::NoAnswer { .. } | AnswersError::Twice { .. } => DATA,
        },
        ModelError::Apply(error) => match error {
            ApplyError::Parquet { .. } => USAGE,
            ApplyError::Missing { .. }
            | ApplyError::NotUtf8 { .. }
            | ApplyError::Damaged { .. }
            | ApplyError::OtherRows { .. } => DATA,
        },
        ModelError::Import(error) => match error {
            ImportError::NoIds { .. } | ImportError::Tokenizer | ImportError::Part { .. } => USAGE,
            ImportError::Missing { .. }
            | ImportError::TooLarge { .. }
            | ImportError::Checkpoint { .. }
            | ImportError::NotUtf8 { .. }
            | ImportError::Dropped { .. }
            | ImportError::Tokens { .. }
            | ImportError::Rows { .. } => DATA,
        },
        ModelError::Training(error) => of_training(error),
        ModelError::Weights(error) => of_model(error),
        ModelError::Generation(error) => of_generation(error),
        ModelError::Selection(error) => of_selection(error),
        ModelError::Io { .. } => UNEXPECTED,
        ModelError::Defect(
            Defect::NotLookedFor
            | Defect::NoFolder
            | Defect::NoPlace { .. }
            | Defect::Statistics(_)
            | Defect::Json(_),
        ) => UNEXPECTED,
    }
}

fn of_device(error: &DeviceError) -> u8 {
    match error {
        DeviceError::Unknown { .. } => USAGE,
        DeviceError::NotCompiledIn { .. } => DEVICE,
    }
}

fn of_generation(error: &GenerateError) -> u8 {
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
fn of_hub(error: &seal_hub::HubError) -> u8 {
    use seal_hub::HubError;
    match error {
        HubError::Address { .. } | HubError::Setting { .. } => USAGE,
        HubError::DiskFull { .. } => UNEXPECTED,
        other if other.is_retryable() => RETRY,
        // The enum is open: whatever else it says is of the files of the hub.
        _ => DATA,
    }
}

/// No judge asks a network: none of their errors heals by itself.
fn of_judge(error: &JudgeError) -> u8 {
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

fn of_training(error: &BilevelError) -> u8 {
    match error {
        BilevelError::Settings(_) => USAGE,
        BilevelError::Empty { .. } => DATA,
        BilevelError::Model(error) => of_model(error),
        BilevelError::Selector(error) | BilevelError::SelectorStep { source: error, .. } => {
            of_selection(error)
        }
        BilevelError::Collapsed { .. } | BilevelError::Diverged { .. } => UNEXPECTED,
        // A state that was saved for another run, or damaged since.
        BilevelError::State(_) => DATA,
        BilevelError::Observer(error) => {
            error.downcast_ref::<StudyError>().map_or(UNEXPECTED, StudyError::exit_code)
        }
    }
}

fn of_store(error: &StoreError) -> u8 {
    match error {
        StoreError::InUse { .. } | StoreError::Foreign { .. } => USAGE,
        StoreError::Version { .. } => DATA,
        // A stage's own fault, or an error that the enum did not have yet.
        _ => UNEXPECTED,
    }
}

fn of_model(error: &LmError) -> u8 {
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
        | LmError::EmptyRow { .. } => DATA,
        LmError::Diverged { .. } => UNEXPECTED,
    }
}

fn of_selection(error: &SelectError) -> u8 {
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

/// Exit code of an error of the stored results: those that cannot be read are data; a folder
/// without any was named wrongly.
pub fn report_exit_code(error: &seal_report::Error) -> u8 {
    use seal_report::Error::{Csv, Damaged, Inconsistent, Io, Json, NotFinite, Version};
    match error {
        Io { source, .. } if source.kind() == ErrorKind::NotFound => USAGE,
        Json { .. } | Version { .. } | NotFinite { .. } | Inconsistent { .. } | Damaged { .. } => {
            DATA
        }
        Io { .. } | Csv(_) => UNEXPECTED,
        // The enum is open.
        _ => UNEXPECTED,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use seal_data::RowId;
    use seal_lm::SettingError;
    use seal_select::{DroppedRowsError, FormatError, RowSetError};

    use super::*;

    fn full() -> io::Error {
        io::Error::from(ErrorKind::StorageFull)
    }

    #[test]
    fn each_class_has_its_code() {
        let id = RowId::of("p", "r", 0);
        let json = || serde_json::from_str::<u8>("x").unwrap_err();
        let kind = "rules";
        let damaged = StudyError::Damaged { path: "f".into(), reason: "r".into() };
        let stage = |e: StudyError| StudyError::Stage { label: "sft".into(), source: Box::new(e) };
        let io = || LmError::io("model.safetensors")(io::Error::from(ErrorKind::NotFound));
        let twice = DroppedRowsError::Twice { row: 2 };
        let dropped = SelectError::DroppedRows { line: 1, source: twice };
        let rows = JudgeError::Rows { kind, missing: 1, rows: 2, first: id, what: "label" };
        for (error, expected) in [
            (damaged, DATA),
            (JudgeError::MissingField { kind, id, what: "label" }.into(), DATA),
            (JudgeError::Line { line: 1, source: json() }.into(), DATA),
            (JudgeError::Duplicate { what: "an answer", id }.into(), DATA),
            (JudgeError::Unknown { what: "an answer", id }.into(), DATA),
            (JudgeError::Count { kind, id, expected: 1, found: 2 }.into(), DATA),
            (JudgeError::Setting { kind, name: "tie", problem: "p".into() }.into(), USAGE),
            (JudgeError::Write { index: 0, source: json() }.into(), UNEXPECTED),
            (stage(rows.into()), DATA),
            (SelectError::Format { line: 1, source: FormatError::Rank { rank: 9 } }.into(), DATA),
            (dropped.into(), DATA),
            (SelectError::RowSet(RowSetError::Empty).into(), USAGE),
            (SelectError::Diverged.into(), UNEXPECTED),
            (BilevelError::from(io()).into(), DATA),
            (stage(LmError::from(SettingError::NoTargets).into()), USAGE),
            (BilevelError::Observer(Box::new(StudyError::Rows("r".into()))).into(), DATA),
        ] {
            assert_eq!(error.exit_code(), expected, "{error}");
        }
    }

    #[test]
    fn an_error_of_one_model_has_the_code_of_its_class() {
        let path = || std::path::PathBuf::from("f");
        let json = || serde_json::from_str::<u8>("x").unwrap_err();
        let rows = ApplyError::OtherRows { path: path(), rows: 1 };
        for (error, expected) in [
            (ModelError::Context { context: 9, most: 8 }, USAGE),
            (ModelError::OutputInUse { folder: path() }, USAGE),
            (AnswersError::InUse { path: path() }.into(), USAGE),
            (AnswersError::NoAnswer { path: path(), line: 1, source: json() }.into(), DATA),
            (rows.into(), DATA),
            (ImportError::Tokenizer.into(), USAGE),
            (ImportError::Rows { path: path(), rows: 1, selector: 2 }.into(), DATA),
            (ModelError::NoUsableRow { set: "safe".into(), first: None }, DATA),
            (Defect::NotLookedFor.into(), UNEXPECTED),
            (ModelError::io(&path())(full()), UNEXPECTED),
            (LmError::from(SettingError::NoTargets).into(), USAGE),
        ] {
            assert_eq!(model_exit_code(&error), expected, "{error}");
            assert_eq!(StudyError::from(error).exit_code(), expected);
        }
    }

    #[test]
    fn a_full_disk_is_one_failure_wherever_it_is_met() {
        let results = seal_report::Error::Io { action: "write", path: "r".into(), source: full() };
        for error in [
            StudyError::io(std::path::Path::new("store"))(full()),
            LmError::io("model.safetensors")(full()).into(),
            BilevelError::from(LmError::io("model.safetensors")(full())).into(),
            results.into(),
        ] {
            let stage = StudyError::Stage { label: "sft".into(), source: Box::new(error) };
            assert_eq!(stage.exit_code(), UNEXPECTED, "{stage}");
            let text = stage.to_string();
            assert_eq!(text.matches("make room and run").count(), 1, "{text}");
        }
    }
}
