//! What an operator of studies asks: is the machine fit, where does a value come from, what runs,
//! what is there first.

mod configs;
mod doctor;
mod lookups;
mod runs;
mod watch;

use whole_program::{Finished, Sandbox};

/// The small study.
pub(crate) fn study() -> Sandbox {
    Sandbox::with_study(env!("CARGO_BIN_EXE_program"))
}

/// What a command that must succeed prints.
pub(crate) fn said(sandbox: &Sandbox, args: &[&str]) -> String {
    let finished: Finished = sandbox.run(args);
    assert_eq!(finished.code, Some(0), "{args:?}: {}{}", finished.stdout, finished.stderr);
    finished.stdout
}
