//! Exit codes of judging.

use seal_endpoint::{EndpointError, FailureClass};
use seal_judging::JudgingError;

use super::{DATA, RETRY, UNEXPECTED, USAGE, model};
use crate::verbs::judge::JudgeFailure;

pub(super) fn code(error: &JudgeFailure) -> u8 {
    match error {
        JudgeFailure::Read { .. }
        | JudgeFailure::Format { .. }
        | JudgeFailure::Figures { .. }
        | JudgeFailure::NoAnswers { .. }
        | JudgeFailure::MissingVerdicts { .. }
        | JudgeFailure::LowMass { .. } => DATA,
        JudgeFailure::OutIsAgain { .. }
        | JudgeFailure::NoStore { .. }
        | JudgeFailure::NoSuchStore { .. }
        | JudgeFailure::NotTogether
        | JudgeFailure::OneFile { .. }
        | JudgeFailure::NotWithAnswers
        | JudgeFailure::NotOfThisKind { .. }
        | JudgeFailure::OnlyEndpoint { .. }
        | JudgeFailure::OnlyModel { .. }
        | JudgeFailure::Kind { .. } => USAGE,
        JudgeFailure::Write { .. } => UNEXPECTED,
        JudgeFailure::Judging(error) => judging(error),
        JudgeFailure::Model(error) => model::code(error),
        JudgeFailure::Missing { may_pass, .. } | JudgeFailure::MissingRatings { may_pass, .. } => {
            if *may_pass {
                RETRY
            } else {
                DATA
            }
        }
    }
}

/// 2 where a setting or an account is at fault, 3 where the files are, 5 where the same command
/// may succeed later.
pub(super) fn judging(error: &JudgingError) -> u8 {
    match error {
        JudgingError::Outputs { .. }
        | JudgingError::NoBatch { .. }
        | JudgingError::TwoModels { .. }
        | JudgingError::OtherPrompts { .. }
        | JudgingError::NoPairs => DATA,
        JudgingError::LogLost { .. } => RETRY,
        JudgingError::Endpoint(source) | JudgingError::GivenUp { source, .. } => endpoint(source),
        JudgingError::Io { action: "read", .. }
        | JudgingError::Table { .. }
        | JudgingError::Kind { .. }
        | JudgingError::LocalModel { .. }
        | JudgingError::NoModel { .. }
        | JudgingError::Reading { .. }
        | JudgingError::Settings { .. }
        | JudgingError::Prompt { .. }
        | JudgingError::PromptFile { .. }
        | JudgingError::SelfJudged { .. }
        | JudgingError::LogInUse { .. }
        | JudgingError::LogForeign { .. }
        | JudgingError::ServedAnother { .. }
        | JudgingError::NoPrice
        | JudgingError::MaxCost { .. } => USAGE,
        JudgingError::Io { .. } | JudgingError::Stats(_) | JudgingError::Json(_) => UNEXPECTED,
    }
}

fn endpoint(error: &EndpointError) -> u8 {
    if matches!(error, EndpointError::Model { .. }) {
        return UNEXPECTED;
    }
    match error.class() {
        FailureClass::Passing => RETRY,
        FailureClass::ThisQuestion | FailureClass::Stop => USAGE,
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
        assert_eq!(judging(&JudgingError::GivenUp { failed: 5, source: server }), RETRY);
        assert_eq!(judging(&JudgingError::Endpoint(quota)), USAGE);
        let why = || "it is long".to_owned();
        let failed = EndpointError::Model { why: why() };
        assert_eq!(judging(&JudgingError::Endpoint(failed)), UNEXPECTED);
        let unfit = EndpointError::Unfit { why: why() };
        assert_eq!(judging(&JudgingError::GivenUp { failed: 5, source: unfit }), USAGE);
        assert_eq!(judging(&JudgingError::NoPairs), DATA);
        assert_eq!(judging(&JudgingError::NoPrice), USAGE);
    }
}
