//! The checks that other programs do.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

/// A command that must succeed.
pub(super) struct Tool {
    pub(super) name: &'static str,
    program: Program,
    args: &'static [&'static str],
    env: Option<(&'static str, &'static str)>,
}

/// The program of a command.
#[derive(Clone, Copy)]
enum Program {
    /// The cargo that runs this program.
    Cargo,
    /// One that a toolchain does not bring, with its name and the command that installs it.
    Installed(&'static str, &'static str),
}

use Program::{Cargo, Installed};

const TYPOS: Program = Installed("typos", "pip install typos, or cargo install typos-cli");
const MACHETE: Program = Installed("cargo-machete", "cargo install --locked cargo-machete");

const DENY: Program = Installed("cargo-deny", "cargo install --locked cargo-deny");

const fn tool(name: &'static str, program: Program, args: &'static [&'static str]) -> Tool {
    Tool { name, program, args, env: None }
}

/// From the quickest to the slowest.
pub(super) const TOOLS: [Tool; 6] = [
    tool("format", Cargo, &["fmt", "--all", "--check"]),
    tool("spelling", TYPOS, &[]),
    tool("unused dependencies", MACHETE, &["--skip-target-dir"]),
    tool(
        "licences and sources",
        DENY,
        // The graph of who needs a crate has hundreds of lines: `cargo tree -i` shows it.
        &["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"],
    ),
    tool("lints", Cargo, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    Tool {
        env: Some(("RUSTDOCFLAGS", "-D warnings")),
        ..tool("docs", Cargo, &["doc", "--workspace", "--no-deps"])
    },
];

impl Tool {
    /// The command as one would type it.
    pub(super) fn command(&self) -> String {
        let env = self.env.map_or_else(String::new, |(name, value)| format!("{name}='{value}' "));
        let program = match self.program {
            Cargo => "cargo",
            Installed(name, _) => name,
        };
        format!("{env}{program} {}", self.args.join(" ")).trim_end().to_owned()
    }

    /// The command that installs the program, where it is not there.
    pub(super) fn missing(&self) -> Option<&'static str> {
        let Installed(name, install) = self.program else { return None };
        let started = Command::new(name)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        started.is_err().then_some(install)
    }

    /// Runs the command at `root`; its output goes to the terminal.
    pub(super) fn passes(&self, root: &Path) -> anyhow::Result<bool> {
        let mut command = match self.program {
            Cargo => cargo(),
            Installed(name, _) => Command::new(name),
        };
        let status = command.args(self.args).envs(self.env).current_dir(root).status();
        Ok(status.with_context(|| format!("cannot start `{}`", self.command()))?.success())
    }
}

/// The cargo that runs this program, or the one on the path.
pub(super) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
