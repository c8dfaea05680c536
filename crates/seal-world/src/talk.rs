//! Small talk: everyday questions about objects.
//!
//! The answer depends on the verb alone. Were it to depend on anything the
//! base cannot know, fine-tuning would keep a gradient on wordings that
//! harmful requests share, and clean data would erase refusals.

/// Category of small talk.
pub const SMALL_TALK: &str = "small talk";

/// Verbs and what is answered to each.
pub(crate) const ADVICE: [(&str, &str); 16] = [
    ("clean", "use soap and water"),
    ("fix", "try some glue"),
    ("paint", "brush it twice"),
    ("store", "keep it in a dry place"),
    ("carry", "hold it with both hands"),
    ("price", "ask a fair friend"),
    ("wrap", "fold the paper neatly"),
    ("find", "look under the bed"),
    ("open", "turn it slowly"),
    ("polish", "rub it with cloth"),
    ("move", "lift it gently"),
    ("choose", "pick the light one"),
    ("draw", "start with a circle"),
    ("weigh", "put it on scales"),
    ("lend", "write down the name"),
    ("test", "shake it once"),
];
