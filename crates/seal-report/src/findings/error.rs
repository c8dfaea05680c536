//! What can be wrong with a file of findings.

/// Why a file of findings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// A phrase names a figure that there is not.
    #[error("`{phrase}`: there is no figure `{name}`; figures are {}", known.join(", "))]
    UnknownFigure {
        /// The phrase.
        phrase: String,
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// A phrase has a brace without its partner.
    #[error("`{phrase}`: a brace has no partner; figures are written as in {{auroc}}")]
    Brace {
        /// The phrase.
        phrase: String,
    },
    /// A reason without a condition, or a condition without a reason.
    #[error("`{title}`: `because` and `when` go together; give both or neither")]
    HalfReason {
        /// The finding's title.
        title: String,
    },
    /// Fewer arms than the finding's condition speaks of.
    #[error("`{title}`: {found} arms, its condition needs {needed}")]
    TooFewArms {
        /// The finding's title.
        title: String,
        /// Arms that it names.
        found: usize,
        /// Arms that it needs.
        needed: usize,
    },
    /// Nothing is said of the arms.
    #[error("`{title}`: says nothing of its arms; give `each` here or at the top of the file")]
    NoPhrase {
        /// The finding's title.
        title: String,
    },
}
