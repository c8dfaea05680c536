//! The checks that cargo does.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

/// A cargo command that must succeed.
pub(super) struct Tool {
    pub(super) name: &'static str,
    args: &'static [&'static str],
    env: Option<(&'static str, &'static str)>,
}

/// From the quickest to the slowest.
pub(super) const TOOLS: [Tool; 3] = [
    Tool { name: "format", args: &["fmt", "--all", "--check"], env: None },
    Tool {
        name: "lints",
        args: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
        env: None,
    },
    Tool {
        name: "docs",
        args: &["doc", "--workspace", "--no-deps"],
        env: Some(("RUSTDOCFLAGS", "-D warnings")),
    },
];

impl Tool {
    /// The command as one would type it.
    pub(super) fn command(&self) -> String {
        let env = self.env.map_or_else(String::new, |(name, value)| format!("{name}='{value}' "));
        format!("{env}cargo {}", self.args.join(" "))
    }

    /// Runs the command at `root`; its output goes to the terminal.
    pub(super) fn passes(&self, root: &Path) -> anyhow::Result<bool> {
        let status = cargo().args(self.args).envs(self.env).current_dir(root).status();
        Ok(status.with_context(|| format!("cannot start `{}`", self.command()))?.success())
    }
}

/// The cargo that runs this program, or the one on the path.
pub(super) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
