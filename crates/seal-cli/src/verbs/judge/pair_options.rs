//! Options of judging pairs.

use std::path::PathBuf;

use clap::Args;

/// Which answers, by which judge.
#[derive(Clone, Debug, Args)]
pub(crate) struct PairOptions {
    /// Answers to judge, in AlpacaEval's format: a JSON list of objects with instruction, output
    /// and generator.
    #[arg(long, value_name = "FILE", requires_all = ["reference", "judge", "file"])]
    pub(super) candidate: Option<PathBuf>,
    /// Answers of the reference to the same instructions, in the same format.
    #[arg(long, value_name = "FILE", requires = "candidate")]
    #[arg(conflicts_with_all = ["annotations", "answers", "again"])]
    pub(super) reference: Option<PathBuf>,
    /// Table of the judge, such as configs/judges/pairwise.toml.
    #[arg(long, value_name = "FILE", conflicts_with = "annotations")]
    pub(super) judge: Option<PathBuf>,
    /// File of verdicts, one on each line; an existing file is continued.
    #[arg(long, value_name = "FILE", conflicts_with = "annotations")]
    pub(super) file: Option<PathBuf>,
    /// File of the table's prompt, if it is in another place; its sha256 must be the table's.
    #[arg(long, value_name = "FILE", conflicts_with = "annotations")]
    pub(super) prompt: Option<PathBuf>,
    /// Judge only the instructions that are in both files.
    // What an argument requires is not asked for where it conflicts with another one.
    #[arg(long, requires = "candidate")]
    #[arg(conflicts_with_all = ["annotations", "answers", "again"])]
    pub(super) common: bool,
    /// Largest cost of all verdicts of these answers, in place of the table's max_cost.
    #[arg(long, value_name = "MONEY")]
    pub(super) max_cost: Option<f64>,
    /// Write the questions that are left as the input file of a batch, and ask none.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "batch_output"])]
    pub(super) batch_input: Option<PathBuf>,
    /// Take verdicts from the output file of a batch, and ask none.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(super) batch_output: Option<PathBuf>,
    /// Write the judged pairs as AlpacaEval's annotations.
    #[arg(long, value_name = "FILE", requires = "candidate")]
    #[arg(conflicts_with_all = ["dry_run", "batch_input", "annotations", "answers", "again"])]
    pub(super) write_annotations: Option<PathBuf>,
}

impl PairOptions {
    /// The options that say how a server is asked, and whether each is given.
    pub(super) fn of_servers(&self) -> [(&'static str, bool); 3] {
        [
            ("--max-cost", self.max_cost.is_some()),
            ("--batch-input", self.batch_input.is_some()),
            ("--batch-output", self.batch_output.is_some()),
        ]
    }

    /// Names of the options, none of which goes with preferences that are there.
    pub(super) const NAMES: [&str; 10] = [
        "candidate",
        "reference",
        "judge",
        "file",
        "prompt",
        "common",
        "max_cost",
        "batch_input",
        "batch_output",
        "write_annotations",
    ];
}
