//! A conversation that ends with a question.

/// The turns that a judge is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turns {
    /// The operator's turn, where there is one.
    pub system: Option<String>,
    /// The question.
    pub user: String,
}
