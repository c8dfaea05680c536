//! No library words a flag or a command: only `seal-cli` knows how the program is called.
//!
//! An error of a library is read by programs that have no `--out`. It names kind, place and
//! remedy, and `seal-cli` names the option.

mod literals;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Crates whose strings are read on a command line of their own.
const SPEAKS: &str = "seal-cli";

/// Places whose strings have two dashes for another reason: custom properties of CSS, and options of
/// other programs, which are Slurm's, NVIDIA's and the peer of a benchmark.
const EXEMPT: [&str; 4] = [
    "seal-report/src/html",
    "seal-launch/src/slurm.rs",
    "seal-contact/src/nvidia.rs",
    "seal-bench/src/peer.rs",
];

/// Every literal of a library that words a flag or a command, one sentence each.
pub(super) fn violations(root: &Path) -> anyhow::Result<Vec<String>> {
    let crates = root.join("crates");
    let mut files = Vec::new();
    for entry in fs::read_dir(&crates).with_context(|| crates.display().to_string())? {
        let dir = entry?.path();
        if !dir.ends_with(SPEAKS) {
            sources(&dir.join("src"), &mut files)?;
        }
    }
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let below = file.strip_prefix(&crates).unwrap_or(&file);
        if EXEMPT.iter().any(|exempt| below.starts_with(exempt)) {
            continue;
        }
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        for literal in literals::of(without_tests(&text)) {
            if let Some(words) = flag_or_command(&literal.text) {
                found.push(format!("{}, line {}: words `{words}`", below.display(), literal.line));
            }
        }
    }
    Ok(found)
}

/// The Rust files below `dir`, files of tests apart.
fn sources(dir: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The text before its module of tests, which is the last of a file.
fn without_tests(text: &str) -> &str {
    let is_test = |at: &usize| {
        let (attribute, rest) = text[*at..].split_once('\n').unwrap_or_default();
        let next = rest.lines().find(|line| !line.starts_with('#'));
        attribute.contains("test") && next.is_some_and(|line| line.starts_with("mod "))
    };
    let attributes = text.match_indices("#[cfg(").map(|(at, _)| at);
    let end = attributes.filter(|at| *at == 0 || text[..*at].ends_with('\n')).find(is_test);
    end.map_or(text, |end| &text[..end])
}

/// The first flag (two dashes and a word) or `cargo xtask` in a literal.
fn flag_or_command(text: &str) -> Option<&str> {
    const COMMAND: &str = "cargo xtask";
    if text.contains(COMMAND) {
        return Some(COMMAND);
    }
    let flag = |at: usize| {
        let name = &text[at + 2..];
        let length = name.bytes().take_while(u8::is_ascii_lowercase).count();
        let is_first = !text[..at].ends_with('-');
        (is_first && length >= 3).then(|| &text[at..at + 2 + length])
    };
    text.match_indices("--").find_map(|(at, _)| flag(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_commands_are_found() {
        assert_eq!(flag_or_command("give another --out"), Some("--out"));
        assert_eq!(flag_or_command("run `cargo xtask plan`"), Some("cargo xtask"));
        assert_eq!(flag_or_command("--no-deps"), None);
        assert_eq!(flag_or_command("a -- b, <!-- c -->, ---dash, --v"), None);
    }

    #[test]
    fn tests_may_word_what_they_like() {
        let text = "const A: &str = \"a\";\n#[cfg(test)]\nmod tests {\n\"--out\"";
        assert_eq!(without_tests(text), "const A: &str = \"a\";\n");
        let text = "#[cfg(unix)]\nfn f() {}\n#[cfg(all(test, unix))]\n#[expect(x)]\nmod tests {";
        assert_eq!(without_tests(text), "#[cfg(unix)]\nfn f() {}\n");
        let text = "#[cfg(test)]\nuse a;\nfn f() {}\n";
        assert_eq!(without_tests(text), text);
    }

    #[test]
    fn a_library_that_words_a_flag_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("seal-a/src/lib.rs", "// --out\nconst A: &str =\n    \"give \\\n     --out\";\n"),
            ("seal-a/src/tests.rs", "\"--out\""),
            ("seal-cli/src/lib.rs", "\"--out\""),
            ("seal-report/src/html/table.rs", "\"--shade\""),
        ] {
            let path = dir.path().join("crates").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let found = violations(dir.path()).unwrap();
        assert_eq!(found, ["seal-a/src/lib.rs, line 3: words `--out`"]);
    }
}
