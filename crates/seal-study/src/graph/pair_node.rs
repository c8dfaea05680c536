//! Where the stages of judges that are models are in a graph.

/// A stage of a judge of pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PairNode {
    pub(crate) test: String,
    /// Name of a further judge.
    pub(crate) judge: Option<String>,
    /// Number of the node.
    pub(crate) node: usize,
    /// The reference's answers, as the number of a node.
    pub(crate) reference: usize,
}

/// A stage of a judge of single answers that is a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnswerNode {
    pub(crate) test: String,
    /// Name of a further judge.
    pub(crate) judge: Option<String>,
    /// Number of the node.
    pub(crate) node: usize,
}
