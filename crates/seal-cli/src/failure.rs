//! Errors as one message and an exit code.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Error;
use seal_study::StudyError;

use crate::message::message;
use crate::verbs::gpu_check::GpuCheckEnd;
use crate::{exit_code, plain};

/// Prints `error` to stderr and gives its exit code.
pub(crate) fn report(error: &Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    // If stderr is gone, the exit code is all that is left to say it.
    let kind = if is_cancelled(error) { "" } else { "error: " };
    let _ = writeln!(plain::stderr(), "{kind}{}", message(error));
    ExitCode::from(exit_code::of(error))
}

/// Whether the user asked for the end, which is no failure.
fn is_cancelled(error: &Error) -> bool {
    let stopped = error.downcast_ref::<GpuCheckEnd>();
    stopped.is_some_and(|end| matches!(end, GpuCheckEnd::Stopped { .. }))
        || error.downcast_ref::<StudyError>().is_some_and(StudyError::is_cancelled)
}

/// Whether the reader of our output went away (`seal plan | head`),
/// which is no failure.
fn is_closed_pipe(error: &Error) -> bool {
    let io_error = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    io_error.is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use seal_model::{FolderError, ModelError};

    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let quoted = io::Error::other("the disk is full");
        let error = Error::from(quoted).context("store: the disk is full").context("ablate");
        assert_eq!(message(&error), "ablate\n  caused by: store: the disk is full");
    }

    #[test]
    fn an_error_of_a_model_is_said_once_in_the_words_of_the_command_line() {
        let adapter = || FolderError::Adapter { path: "x".into(), base: None };
        let said = "x is an adapter; give its model (it does not say which) there, and the \
                    adapter by --adapter";
        let own = Error::from(ModelError::from(adapter()));
        assert_eq!(message(&own), format!("--model: {said}"));
        let above = own.context("above");
        assert_eq!(message(&above), format!("above\n  caused by: --model: {said}"));
        let study = StudyError::from(ModelError::from(adapter()));
        let stage = StudyError::Stage { label: "base".into(), source: Box::new(study) };
        assert_eq!(
            message(&Error::from(stage)),
            format!("base: model.path or proxy.model.path: {said}")
        );
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let closed: Result<(), _> = Err(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(is_closed_pipe(&closed.context("plan").unwrap_err()));
        assert!(!is_closed_pipe(&anyhow::anyhow!("other")));
    }
}
