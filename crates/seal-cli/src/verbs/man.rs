//! `seal man`: pages of the manual, made from the same definition as `--help`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;
use seal_study::StudyError;

use crate::plain;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

const AFTER: &str = "\
Examples:
  {program} man | man -l -                              read the page
  {program} man --dir ~/.local/share/man/man1           one page for the program, one for each verb
  man seal-ablate                                    then finds them";

/// Where to.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    /// Write all pages into this folder: seal.1, and seal-VERB.1 for each verb.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Writes the page of `command`, the program, to stdout, or all pages into a folder.
pub(super) fn run(
    options: &Options,
    mut command: Command,
    verbosity: Verbosity,
) -> anyhow::Result<()> {
    // Names of verbs then begin with that of the program.
    command.build();
    let Some(dir) = &options.dir else {
        let (_, text) = page(command)?;
        return Ok(plain::stdout().write_all(&text)?);
    };
    if dir.is_file() {
        return Err(UsageError::File { option: "--dir", path: dir.clone() }.into());
    }
    std::fs::create_dir_all(dir).map_err(StudyError::io(dir))?;
    let written = write_all(&command, dir)?;
    if !verbosity.quiet {
        writeln!(plain::stdout(), "{written} pages written into {}", dir.display())?;
    }
    Ok(())
}

/// Writes the page of a command and those of its verbs. Returns their number.
fn write_all(command: &Command, dir: &Path) -> anyhow::Result<usize> {
    let mut written = 1;
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        written += write_all(verb, dir)?;
    }
    let (name, text) = page(command.clone())?;
    let path = dir.join(name);
    seal_files::write(&path, &text).map_err(StudyError::io(&path))?;
    Ok(written)
}

/// The name of a page's file, and its text.
fn page(command: Command) -> std::io::Result<(String, Vec<u8>)> {
    let after = command.get_after_long_help().or_else(|| command.get_after_help());
    let after = after.map(ToString::to_string);
    let has_verbs = command.get_subcommands().any(|verb| !verb.is_hide_set());
    let has_version = command.get_version().is_some();
    let man = Man::new(command);
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if has_verbs {
        man.render_subcommands_section(&mut text)?;
    }
    if let Some(after) = after {
        text.extend(as_it_is(&after).into_bytes());
    }
    if has_version {
        man.render_version_section(&mut text)?;
    }
    Ok((man.get_filename(), text))
}

/// The examples of a page, line by line: filled as a paragraph they could not be copied.
fn as_it_is(text: &str) -> String {
    let mut roff = ".SH NOTES\n.nf\n".to_owned();
    for line in text.lines() {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        // At the start of a line these two begin a request.
        if line.starts_with(['.', '\'']) {
            roff.push_str("\\&");
        }
        roff.push_str(&line);
        roff.push('\n');
    }
    roff.push_str(".fi\n");
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_as_it_is_and_begins_no_request() {
        assert_eq!(
            as_it_is("Examples:\n  seal plan --out a\\b\n.hidden\n'quoted'"),
            ".SH NOTES\n.nf\nExamples:\n  seal plan \\-\\-out a\\eb\n\\&.hidden\n\\&'quoted'\n.fi\n"
        );
    }
}
