//! How much is said while a verb works.

use clap::Args;

/// How much is said while a verb works.
#[derive(Clone, Copy, Debug, Args)]
pub struct Verbosity {
    /// Show no progress and no closing table, only errors.
    #[arg(short, long, global = true, conflicts_with = "verbose", display_order = 900)]
    pub quiet: bool,
    /// Show the log on the terminal too; -vv shows details.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = 901)]
    pub verbose: u8,
}
