//! The command line of this process as text, for the record of a run.

use crate::program;

/// The program's name with the arguments of this process, quoted for a shell.
pub(crate) fn text() -> String {
    let arguments = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    join(program::running().name, arguments)
}

/// A path as a word of a shell.
pub(crate) fn quoted(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    match shlex::try_quote(&text) {
        Ok(quoted) if !is_plain(&text) => quoted.into_owned(),
        _ => text,
    }
}

fn join(program: &str, arguments: impl Iterator<Item = String>) -> String {
    let quoted = arguments.map(|argument| match shlex::try_quote(&argument) {
        Ok(quoted) if !is_plain(&argument) => quoted.into_owned(),
        // No shell can be given a NUL, and no process is.
        _ => argument,
    });
    std::iter::once(program.to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

/// Whether every shell takes the argument as it stands. `shlex` also quotes the comma and the
/// equals sign, which lists and settings are full of.
fn is_plain(argument: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=+@%".contains(c);
    !argument.is_empty() && !argument.starts_with('=') && argument.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_where_a_shell_would_change_them() {
        let args = ["ablate", "--set", "study.name=a b", "it's", "--seeds", "0,1", "$(x)", ""];
        let text = join("cargo xtask", args.iter().map(|&a| a.to_owned()));
        assert!(text.starts_with("cargo xtask ablate --set "), "{text}");
        assert!(text.contains(" --seeds 0,1 "), "{text}");
        let words = shlex::split(&text).unwrap();
        assert_eq!(words[2..], args);
        assert_eq!(join("seal", ["plan".to_owned()].into_iter()), "seal plan");
    }
}
