//! What a judge replied.

/// What a judge replied, wherever it runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JudgeReply {
    /// The text.
    pub content: Option<String>,
    /// Whether the judge refused, or its provider's filter stepped in.
    pub is_refused: bool,
    /// Whether the reply reached its longest length.
    pub is_cut: bool,
    /// Probabilities by position, where the backend gives them.
    pub positions: Option<Vec<TokenProbabilities>>,
}

/// One position of a reply.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenProbabilities {
    /// The token that was sampled.
    pub token: String,
    /// Tokens that could stand there, with their log-probabilities in nats.
    pub choices: Vec<(String, f64)>,
}
