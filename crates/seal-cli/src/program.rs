//! The program as its user types it.
//!
//! The same verbs are `seal VERB` where the program is installed and `cargo xtask VERB` in a
//! checkout. Help and messages name the command that works where they are read. They write
//! `{program}` for its name and `{program+FEATURE}` for the command that builds it with a
//! feature; [`Program::fill`] puts both in.

use std::sync::OnceLock;

use clap::{ArgMatches, Command};

use crate::verbosity::Verbosity;

/// How a program with the verbs of this crate is called.
#[derive(Debug)]
pub struct Program {
    /// Typed before a verb.
    pub name: &'static str,
    /// Typed before a verb to have a feature that this binary lacks; `{feature}` stands for it.
    pub with_feature: &'static str,
    /// Verbs beside those of this crate, in the order of `--help`.
    pub verbs: &'static [ExtraVerb],
}

/// A verb that another crate adds.
#[derive(Debug)]
pub struct ExtraVerb {
    /// Its name, options and help.
    pub command: fn() -> Command,
    /// Runs it with the options that were given.
    pub run: fn(&ArgMatches, Verbosity) -> anyhow::Result<()>,
}

/// The installed program.
pub const SEAL: Program = Program {
    name: "seal",
    with_feature: "cargo install --path crates/seal-cli --features {feature} && seal",
    verbs: &[],
};

impl Program {
    /// `text` with the program's name for `{program}`, and the command that brings a feature
    /// for `{program+FEATURE}`.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = text.replace("{program}", self.name);
        while let Some((before, feature, after)) = split_at_feature(&filled) {
            filled = [before, &self.with_feature(feature), after].concat();
        }
        filled
    }

    fn with_feature(&self, feature: &str) -> String {
        self.with_feature.replace("{feature}", feature)
    }
}

fn split_at_feature(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{program+")?;
    let (feature, after) = rest.split_once('}')?;
    Some((before, feature, after))
}

/// A process is one program from its start to its end, as it has one command line.
static RUNNING: OnceLock<&'static Program> = OnceLock::new();

/// Makes `program` the one that messages of this process name.
pub(crate) fn start(program: &'static Program) {
    // A second start, in tests, keeps the first.
    let _ = RUNNING.set(program);
}

/// The program of this process.
pub(crate) fn running() -> &'static Program {
    RUNNING.get().copied().unwrap_or(&SEAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_those_that_work_where_they_are_read() {
        const CHECKOUT: Program =
            Program { name: "cargo xtask", with_feature: "cargo run -F {feature} --", verbs: &[] };
        let text = "{program} plan, or {program+cuda} plan and {program+hub} plan";
        assert_eq!(
            CHECKOUT.fill(text),
            "cargo xtask plan, or cargo run -F cuda -- plan and cargo run -F hub -- plan"
        );
        assert!(SEAL.fill(text).starts_with("seal plan, or cargo install --path"));
        assert_eq!(SEAL.fill("{} {program"), "{} {program");
    }
}
