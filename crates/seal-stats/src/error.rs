//! What can be wrong with the numbers handed in.

/// Input that no statistic can be computed from.
///
/// A statistic that is merely undefined (one seed, one class, no data) is `None` and not an error.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatsError {
    /// The number of cells is not prompts times seeds.
    #[error(
        "outcomes of {prompts} prompts x {seeds} seeds need {} cells, got {cells}; pass one cell per \
         prompt and seed, missing verdicts as None", prompts * seeds
    )]
    Shape {
        /// Rows asked for.
        prompts: usize,
        /// Columns asked for.
        seeds: usize,
        /// Cells given.
        cells: usize,
    },
    /// An outcome is not a number within its scale.
    #[error(
        "outcome {value} of prompt {prompt}, seed {seed} is outside [{lo}, {hi}]; a win is 1, a tie 0.5, \
         a loss 0, a missing verdict None"
    )]
    Outcome {
        /// Row of the cell.
        prompt: usize,
        /// Column of the cell.
        seed: usize,
        /// The value found.
        value: f64,
        /// Least value allowed.
        lo: f64,
        /// Greatest value allowed.
        hi: f64,
    },
    /// A seed (column) that the matrix does not have.
    #[error("no seed number {seed}: the outcomes have {seeds} seeds, counted from 0")]
    NoSuchSeed {
        /// Column asked for.
        seed: usize,
        /// Columns there are.
        seeds: usize,
    },
    /// Two matrices that should be paired have different shapes.
    #[error(
        "cannot pair {} prompts x {} seeds with {} x {}; judge both arms on the same prompts and seeds",
        left.0, left.1, right.0, right.1
    )]
    Unpaired {
        /// Prompts and seeds of the first.
        left: (usize, usize),
        /// Prompts and seeds of the second.
        right: (usize, usize),
    },
    /// Two lists that go together have different lengths.
    #[error("{what}: {left} values against {right}; pass one of each per row, in the same order")]
    Length {
        /// Which lists.
        what: &'static str,
        /// Length of the first.
        left: usize,
        /// Length of the second.
        right: usize,
    },
    /// A score that cannot be ranked.
    #[error("{what}: value {index} is NaN and cannot be ranked; find out where it came from")]
    NotANumber {
        /// Which list.
        what: &'static str,
        /// Position in the list.
        index: usize,
    },
    /// A number that must be finite and is not.
    #[error("{what}: value {index} is {value}; it must be finite; find out where it came from")]
    NotFinite {
        /// Which list.
        what: &'static str,
        /// Position in the list.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// A label that is none of the categories.
    #[error("{what}: label {index} is {label}; the {categories} categories are counted from 0")]
    Label {
        /// Which list.
        what: &'static str,
        /// Position in the list.
        index: usize,
        /// The label found.
        label: usize,
        /// Number of categories.
        categories: usize,
    },
    /// Items that were not labelled by the same number of raters.
    #[error(
        "item {item} has {found} labels, the first item {expected}; Fleiss' kappa needs as many \
         of each, Krippendorff's alpha does not"
    )]
    Raters {
        /// Position of the item.
        item: usize,
        /// Labels of that item.
        found: usize,
        /// Labels of the first item.
        expected: usize,
    },
    /// A row weight that is negative, infinite or not a number.
    #[error("weight {index} is {value}; row weights must be finite and not negative")]
    Weight {
        /// Position in the list.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// A p-value outside [0, 1].
    #[error("p-value {index} is {value}; it must lie in [0, 1]")]
    Probability {
        /// Position in the list.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// A family of tests smaller than the tests handed in.
    #[error(
        "{tests} tests in a family of {family}; the family counts every planned test, run or not"
    )]
    Family {
        /// Number of p-values given.
        tests: usize,
        /// Size of the family given.
        family: usize,
    },
    /// A confidence level outside (0, 1).
    #[error("confidence level {level}; it must lie strictly between 0 and 1, as in 0.95")]
    Level {
        /// The value found.
        level: f64,
    },
    /// More rows kept, or more unsafe rows, than there are rows.
    #[error("{kept} kept and {unsafe_rows} unsafe of {rows} rows; neither can exceed the rows")]
    Counts {
        /// All rows.
        rows: usize,
        /// Unsafe rows among them.
        unsafe_rows: usize,
        /// Rows kept.
        kept: usize,
    },
}
