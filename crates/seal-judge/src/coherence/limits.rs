//! From where on an answer counts as repetitive.

/// Share of repeated 4-grams above which an answer is repetitive.
///
/// Above one half, most of the answer is said before. Four real models repeat 2 to 5 % of the 4-grams
/// of an answer on average, and at most 8 of 805 answers of each are above one half
/// (`docs/judges.md`).
pub const SEQ_REP_4_LIMIT: f64 = 0.5;

/// Share of an answer in one loop above which the answer is repetitive.
///
/// A good beginning dilutes the repeated 4-grams of a loop that follows it. A quarter of an answer in
/// one unbroken loop is no list and no refrain.
pub const RUN_LIMIT: f64 = 0.25;

/// Fewest units of an answer whose repetition counts. Below it, "no, no, no, no" would.
pub const MIN_UNITS: usize = 16;
