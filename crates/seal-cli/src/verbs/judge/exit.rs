//! Exit codes of judging.

use seal_endpoint::{Class, EndpointError};
use seal_judging::JudgingError;

/// Exit code of what nobody expects.
pub(super) const UNEXPECTED: u8 = 1;

/// Exit code of a setting at fault.
pub(super) const USAGE: u8 = 2;

/// Exit code of files at fault.
pub(super) const DATA: u8 = 3;

/// Exit code of what may pass.
pub(super) const RETRY: u8 = 5;

/// The exit code of an error: 2 where a setting or an account is at fault, 3 where the files are,
/// 5 where the same command may succeed later.
pub(super) fn code(error: &JudgingError) -> u8 {
    match error {
        JudgingError::Outputs { .. }
        | JudgingError::TwoModels { .. }
        | JudgingError::OtherPrompts { .. }
        | JudgingError::NoPairs => DATA,
        JudgingError::Endpoint(source) | JudgingError::GivenUp { source, .. } => {
            of_endpoint(source)
        }
        JudgingError::Io { action: "read", .. } => USAGE,
        JudgingError::Io { .. } | JudgingError::Stats(_) | JudgingError::Json(_) => UNEXPECTED,
        // The enum is open: the others are of the table, the prompt and the file of verdicts.
        _ => USAGE,
    }
}

fn of_endpoint(error: &EndpointError) -> u8 {
    match error.class() {
        Class::Passing => RETRY,
        Class::ThisQuestion | Class::Stop => USAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_someone_must_mend() {
        let url = || "http://h".to_owned();
        let server = EndpointError::Server {
            url: url(),
            status: 503,
            said: String::new(),
            retry_after: None,
        };
        let quota = EndpointError::Quota { url: url(), said: String::new() };
        assert_eq!(code(&JudgingError::GivenUp { failed: 5, source: server }), RETRY);
        assert_eq!(code(&JudgingError::Endpoint(quota)), USAGE);
        assert_eq!(code(&JudgingError::NoPairs), DATA);
        assert_eq!(code(&JudgingError::NoPrice), USAGE);
    }
}
