//! `completions` and `man`.

use std::fs;
use std::process::{Command, Stdio};

use super::{said, study};

#[test]
fn each_shell_gets_a_script_with_all_verbs() {
    let sandbox = study();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = said(&sandbox, &["completions", shell]);
        for word in ["ablate", "doctor", "config", "screen"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        // It is of the installed program, wherever it was written.
        assert!(!script.contains("xtask"), "{shell}");
    }
    assert_eq!(sandbox.run(&["completions", "tcsh"]).code, Some(2));
}

/// Held against the shell itself, where there is one.
#[test]
fn bash_takes_its_script_and_completes_a_verb() {
    let sandbox = study();
    sandbox.write("seal.bash", &said(&sandbox, &["completions", "bash"]));
    let script = "source ./seal.bash && COMP_WORDS=(seal doc) COMP_CWORD=1 && _seal seal doc seal \
                  && echo \"${COMPREPLY[@]}\"";
    let run = Command::new("bash")
        .args(["--norc", "-c", script])
        .current_dir(sandbox.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert_eq!(said.trim(), "doctor", "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn the_manual_has_a_page_for_each_verb() {
    let sandbox = study();
    let page = said(&sandbox, &["man"]);
    assert!(page.starts_with(".ie") || page.starts_with(".TH"), "{page}");
    assert!(page.contains(".SH SUBCOMMANDS") && page.contains("seal ablate \\-\\-quick"), "{page}");
    let written = said(&sandbox, &["man", "--dir", "pages/man1"]);
    let pages = fs::read_dir(sandbox.path().join("pages/man1")).unwrap().count();
    assert_eq!(written, format!("{pages} pages written into pages/man1\n"));
    assert_eq!(sandbox.read("pages/man1/seal.1"), page);
    for name in ["ablate", "store-gc", "config-show", "judge"] {
        let page = sandbox.read(&format!("pages/man1/seal-{name}.1"));
        assert!(page.contains(".SH OPTIONS") || page.contains(".SH SUBCOMMANDS"), "{name}");
        assert!(!page.contains("{program"), "{name}");
    }
    sandbox.write("file", "");
    let finished = sandbox.run(&["man", "--dir", "file"]);
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
}
