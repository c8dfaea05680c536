//! Pairs that could not be judged.

use seal_endpoint::EndpointError;

/// Why a test has no verdicts on pairs. The replies that arrived are kept.
#[derive(Debug, thiserror::Error)]
pub enum PairsError {
    /// More pairs are without a verdict than the judge's settings allow.
    #[error(
        "test `{test}`: {missing} of {pairs} pairs have no verdict, and the judge allows a share of \
         {share} (max_missing); {unparsed} replies have no verdict in its place, {refused} are \
         refusals, {unanswered} questions have no reply{}",
        why(last_failure.as_deref())
    )]
    Missing {
        /// The test.
        test: String,
        /// Pairs without a verdict.
        missing: usize,
        /// All pairs.
        pairs: usize,
        /// The largest share.
        share: f64,
        /// Replies without a verdict.
        unparsed: usize,
        /// Replies that refuse.
        refused: usize,
        /// Questions without a reply.
        unanswered: usize,
        /// Why a question has no reply.
        last_failure: Option<Box<EndpointError>>,
        /// Whether the same run may succeed later.
        may_pass: bool,
    },
    /// The next question could exceed the largest cost.
    #[error(
        "test `{test}`: the judge stopped before its verdicts on this test would cost more than \
         {largest} (max_cost); all replies are kept: raise it and run again"
    )]
    Budget {
        /// The test.
        test: String,
        /// The largest cost.
        largest: f64,
    },
}

fn why(failure: Option<&EndpointError>) -> String {
    match failure {
        Some(error) => format!("; the last failure: {error}"),
        None => "; a larger max_tokens or another prompt may help".to_owned(),
    }
}
