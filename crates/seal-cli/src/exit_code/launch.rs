//! The codes of launches.

use seal_launch::LaunchError;

use super::{DATA, DEVICE, UNEXPECTED, USAGE};
use crate::interrupt;

/// That of the process that failed, where one did.
pub(super) fn code(error: &LaunchError) -> u8 {
    match error {
        LaunchError::Failed(fault) => match fault.code.map(u8::try_from) {
            Some(Ok(code @ 1..=5)) => code,
            _ => UNEXPECTED,
        },
        LaunchError::Half { source, .. } => code(source),
        LaunchError::Cancelled { .. } => interrupt::code(),
        LaunchError::UnknownSetting { .. }
        | LaunchError::Setting { .. }
        | LaunchError::NoSetting { .. }
        | LaunchError::NoPlan { .. }
        | LaunchError::Version { .. }
        | LaunchError::Path { .. }
        | LaunchError::AtWork { .. }
        | LaunchError::MayBeAtWork { .. }
        | LaunchError::NoJobs { .. }
        | LaunchError::NotCancelled { .. } => USAGE,
        LaunchError::Damaged { .. } => DATA,
        // What makes the stages is missing.
        LaunchError::Start { .. } | LaunchError::NoPackage { .. } => DEVICE,
        LaunchError::Refused { .. } | LaunchError::Json(_) | LaunchError::Io { .. } => UNEXPECTED,
    }
}

#[cfg(test)]
mod tests {
    use seal_launch::TaskFailure;

    use super::*;

    #[test]
    fn the_code_of_a_failed_process_is_passed_on() {
        let failed = |code| {
            let (stages, log, said) = (Vec::new(), "log".into(), String::new());
            LaunchError::Failed(Box::new(TaskFailure { stages, code, attempts: 1, log, said }))
        };
        let codes = [Some(3), Some(5), Some(1), Some(101), Some(0), None].map(|c| code(&failed(c)));
        assert_eq!(codes, [3, 5, 1, 1, 1, 1]);
    }
}
