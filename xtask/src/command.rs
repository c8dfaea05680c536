//! The command line of this process as text, for the record of a run.

/// `cargo xtask` with the arguments of this process, quoted for a shell.
pub(crate) fn text() -> String {
    join(std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()))
}

fn join(args: impl Iterator<Item = String>) -> String {
    let mut text = String::from("cargo xtask");
    for arg in args {
        text.push(' ');
        text.push_str(&quoted(&arg));
    }
    text
}

fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=.,:/+@%".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        return arg.to_owned();
    }
    format!("'{}'", arg.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_where_a_shell_would_change_them() {
        let args = ["ablate", "--set", "study.name=a b", "it's", "--seeds", "0,1", ""];
        assert_eq!(
            join(args.iter().map(|&a| a.to_owned())),
            r"cargo xtask ablate --set 'study.name=a b' 'it'\''s' --seeds 0,1 ''"
        );
    }
}
