//! The names of the sets of rows that a world has.

/// A set of rows of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    /// What the base is trained on: known tasks, small talk, refusals.
    Base,
    /// The fine-tuning set D.
    Redorca,
    /// The safe set: drawn like D's clean part, no refusals, no row of D.
    Blueorca,
    /// Safety rows: harmful requests, refused.
    Safeinstr,
    /// Test: half harmful requests, half small talk.
    Hh,
    /// Test: new tasks.
    Slimorca,
    /// Test: harmful requests, the same number in each category.
    Hexphi,
}

impl Split {
    /// All splits; the tests come last.
    pub const ALL: [Self; 7] = [
        Self::Base,
        Self::Redorca,
        Self::Blueorca,
        Self::Safeinstr,
        Self::Hh,
        Self::Slimorca,
        Self::Hexphi,
    ];
    /// The tests, in the order in which they are reported.
    pub const TESTS: [Self; 3] = [Self::Hh, Self::Slimorca, Self::Hexphi];

    /// Name in configs and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Redorca => "redorca",
            Self::Blueorca => "blueorca",
            Self::Safeinstr => "safeinstr",
            Self::Hh => "hh",
            Self::Slimorca => "slimorca",
            Self::Hexphi => "hexphi",
        }
    }
}
