//! `seal completions`: a script that completes the command line in a shell.

use std::io::Write as _;

use clap::Args;
use clap_complete::{Shell, generate};

use crate::cli;
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

/// Writes the script to stdout.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let mut script = Vec::new();
    // A checkout's name, `cargo xtask`, is two words, which no shell completes as one program.
    generate(options.shell, &mut cli::command(&SEAL), SEAL.name, &mut script);
    Ok(plain::stdout().write_all(&script)?)
}
