//! `seal completions`: a script that completes the command line in a shell.

use std::io::Write as _;

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::plain;
use crate::program::SEAL;

const AFTER: &str = "\
Examples:
  {program} completions bash > ~/.local/share/bash-completion/completions/seal
  {program} completions zsh > ~/.zfunc/_seal            with ~/.zfunc in fpath, before compinit
  {program} completions fish > ~/.config/fish/completions/seal.fish
  {program} completions elvish >> ~/.config/elvish/rc.elv
  {program} completions powershell >> $PROFILE

The script completes the installed program `seal`. A shell reads it when it starts.";

/// Which shell.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    /// Shell that completes.
    shell: Shell,
}

/// Writes the script for `command`, that of the installed program, to stdout. A checkout's name,
/// `cargo xtask`, is two words, which no shell completes as one program.
pub(super) fn run(options: &Options, mut command: Command) -> anyhow::Result<()> {
    let mut script = Vec::new();
    generate(options.shell, &mut command, SEAL.name, &mut script);
    Ok(plain::stdout().write_all(&script)?)
}
