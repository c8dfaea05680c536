//! What can be wrong with a world.

/// Why a world cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// A setting is outside its range.
    #[error("world.{name} = {value}: {remedy}")]
    Setting {
        /// The field of [`crate::WorldSettings`].
        name: &'static str,
        /// Its value, as text.
        value: String,
        /// What it should be.
        remedy: String,
    },
    /// The lexicon holds too few prompts for the rows asked for.
    #[error(
        "world split `{split}`: no new {what} prompt is left after {drawn} rows; ask for fewer rows"
    )]
    Exhausted {
        /// The split that was being drawn.
        split: &'static str,
        /// The kind of row.
        what: &'static str,
        /// How many rows the split held by then.
        drawn: usize,
    },
}
