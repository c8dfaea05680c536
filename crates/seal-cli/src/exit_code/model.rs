//! The codes of the errors of one model and a few files.

use seal_model::{AddressError, AnswersError, ApplyError, Defect, ImportError, ModelError};

use super::{DATA, UNEXPECTED, USAGE, parts};
use crate::interrupt;

pub(super) fn code(error: &ModelError) -> u8 {
    match error {
        ModelError::Cancelled => interrupt::code(),
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
        ModelError::Address(error) => address(error),
        #[cfg(feature = "hub")]
        ModelError::Hub(error) => parts::hub(error),
        ModelError::Device(error) => parts::device(error),
        ModelError::Answers(error) => answers(error),
        ModelError::Judge(_) => USAGE,
        ModelError::Apply(error) => apply(error),
        ModelError::Import(error) => import(error),
        ModelError::Training(error) => parts::training(error),
        ModelError::Weights(error) => parts::weights(error),
        ModelError::OtherBase { source, .. } => parts::weights(source),
        ModelError::Generation(error) => parts::generation(error),
        ModelError::Selection(error) => parts::selection(error),
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

fn address(error: &AddressError) -> u8 {
    match error {
        AddressError::IsFile { .. }
        | AddressError::IsRepository { .. }
        | AddressError::NotFetched { .. }
        | AddressError::NoHub { .. } => USAGE,
    }
}

fn answers(error: &AnswersError) -> u8 {
    match error {
        AnswersError::NoFile { .. }
        | AnswersError::InUse { .. }
        | AnswersError::OtherSettings { .. } => USAGE,
        AnswersError::NoAnswer { .. } | AnswersError::Twice { .. } => DATA,
    }
}

fn apply(error: &ApplyError) -> u8 {
    match error {
        ApplyError::Parquet { .. } => USAGE,
        ApplyError::Missing { .. }
        | ApplyError::NotUtf8 { .. }
        | ApplyError::Damaged { .. }
        | ApplyError::OtherRows { .. } => DATA,
    }
}

fn import(error: &ImportError) -> u8 {
    match error {
        ImportError::NoIds { .. } | ImportError::Tokenizer | ImportError::Part { .. } => USAGE,
        ImportError::Missing { .. }
        | ImportError::TooLarge { .. }
        | ImportError::Checkpoint { .. }
        | ImportError::NotUtf8 { .. }
        | ImportError::Dropped { .. }
        | ImportError::Tokens { .. }
        | ImportError::Rows { .. } => DATA,
    }
}
