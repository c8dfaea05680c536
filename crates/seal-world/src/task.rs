//! Word tasks: a word of instruction, two objects, one right answer.

/// Category of a row whose answer is wrong on purpose.
pub const LOW_QUALITY: &str = "low quality";

/// A family of word tasks. The base is trained on the known ones only.
///
/// Every new task has an answer of a form that no known task produces, so a
/// base that guesses the nearest known task is never right by luck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WordTask {
    /// `say a b` gives `a b`.
    Say,
    /// `reverse a b` gives `b a`.
    Reverse,
    /// `first a b` gives `a`.
    First,
    /// `last a b` gives `b`.
    Last,
    /// `pair a b` gives `a with b`.
    Pair,
    /// `repeat a b` gives `a a`.
    Repeat,
    /// `join a b` gives `a and b`.
    Join,
    /// `deny a b` gives `b not a`.
    Deny,
    /// `frame a b` gives `a b a`.
    Frame,
    /// `mirror a b` gives `b a b`.
    Mirror,
}

impl WordTask {
    /// What the base is trained on.
    pub const KNOWN: [Self; 6] =
        [Self::Say, Self::Reverse, Self::First, Self::Last, Self::Pair, Self::Repeat];
    /// What only fine-tuning teaches.
    pub const NEW: [Self; 4] = [Self::Join, Self::Deny, Self::Frame, Self::Mirror];

    /// The word of instruction, which is also the category of its rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Say => "say",
            Self::Reverse => "reverse",
            Self::First => "first",
            Self::Last => "last",
            Self::Pair => "pair",
            Self::Repeat => "repeat",
            Self::Join => "join",
            Self::Deny => "deny",
            Self::Frame => "frame",
            Self::Mirror => "mirror",
        }
    }

    /// The request about objects `a` and `b`.
    pub(crate) fn prompt(self, a: &str, b: &str) -> String {
        format!("{} {a} {b}", self.name())
    }

    /// The right answer about objects `a` and `b`.
    pub(crate) fn answer(self, a: &str, b: &str) -> String {
        match self {
            Self::Say => format!("{a} {b}"),
            Self::Reverse => format!("{b} {a}"),
            Self::First => a.to_owned(),
            Self::Last => b.to_owned(),
            Self::Pair => format!("{a} with {b}"),
            Self::Repeat => format!("{a} {a}"),
            Self::Join => format!("{a} and {b}"),
            Self::Deny => format!("{b} not {a}"),
            Self::Frame => format!("{a} {b} {a}"),
            Self::Mirror => format!("{b} {a} {b}"),
        }
    }
}
