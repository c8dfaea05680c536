//! Answers that could not be judged.

use std::path::PathBuf;

use seal_endpoint::EndpointError;

/// Why a test has no verdicts on answers. What was judged is kept.
#[derive(Debug, thiserror::Error)]
pub enum AssessmentsError {
    /// More answers are without a verdict than the judge's settings allow.
    #[error(
        "test `{test}`: {missing} of {answers} answers have no verdict, and the judge allows a share of \
         {share} (max_missing); {unparsed} replies have no verdict in its place, {refused} are \
         refusals, {unanswered} answers have no reply, {left_out} cannot be shown to the judge{}",
        why(last_failure.as_deref())
    )]
    Missing {
        /// The test.
        test: String,
        /// Answers without a verdict.
        missing: usize,
        /// All answers.
        answers: usize,
        /// The largest share.
        share: f64,
        /// Replies without a verdict.
        unparsed: usize,
        /// Replies that refuse.
        refused: usize,
        /// Questions without a reply.
        unanswered: usize,
        /// Answers that the judge cannot be shown.
        left_out: usize,
        /// Why a question has no reply.
        last_failure: Option<Box<EndpointError>>,
        /// Whether the same run may succeed later.
        may_pass: bool,
    },
    /// More verdicts have almost no probability than the judge's settings allow.
    #[error(
        "test `{test}`: {low_mass} of {answers} verdicts have less than verdict.least_mass on the \
         verdict tokens, and the judge allows a share of {share} (max_missing): this model \
         was made for another prompt, another verdict.before or other tokens"
    )]
    LowMass {
        /// The test.
        test: String,
        /// Such verdicts.
        low_mass: usize,
        /// All answers.
        answers: usize,
        /// The largest share.
        share: f64,
    },
    /// The next question could exceed the largest cost.
    #[error(
        "test `{test}`: the judge stopped before its ratings on this test would cost more than \
         {largest} (max_cost); all replies are kept: raise it and run again"
    )]
    Budget {
        /// The test.
        test: String,
        /// The largest cost.
        largest: f64,
    },
    /// The judge's folder has another model, device or prompt than when the stage got its key.
    #[error(
        "{section}: {}: this is not the model that the run found here, and its verdicts would be \
         stored as those of that model; put its files back, or run the study again, which then judges by \
         the files as they are",
        model.display()
    )]
    OtherModel {
        /// The judge's section.
        section: String,
        /// The model, as the config names it.
        model: PathBuf,
    },
}

fn why(failure: Option<&EndpointError>) -> String {
    failure.map_or_else(String::new, |error| format!("; the last failure: {error}"))
}
