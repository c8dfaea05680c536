//! Which options stand on the command line.
//!
//! A verb with several ways of working takes an option in some of them only. An option that
//! would be ignored is refused.

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::usage::UsageError;

/// The options of a verb that were typed, by their names without dashes.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenOptions(Vec<String>);

impl GivenOptions {
    /// The options of the verb among `matches`; a verb in a verb counts with it.
    pub(crate) fn of(matches: &ArgMatches) -> Self {
        let mut names = Vec::new();
        let mut at = matches.subcommand();
        while let Some((_, verb)) = at {
            let typed = |id: &&str| verb.value_source(id) == Some(ValueSource::CommandLine);
            // Groups of arguments have ids too, in the form of a type's name.
            let option = |id: &&str| !id.starts_with(char::is_uppercase);
            names.extend(verb.ids().map(clap::Id::as_str).filter(option).filter(typed).map(dashed));
            at = verb.subcommand();
        }
        Self(names)
    }

    /// Refuses the first option that is none of `used`, the options that have an effect in
    /// the way of working that `way` names, such as `--import`.
    ///
    /// # Errors
    /// [`UsageError::NoEffect`].
    pub(crate) fn only(&self, way: &'static str, used: &[&str]) -> Result<(), UsageError> {
        const ALWAYS: [&str; 2] = ["quiet", "verbose"];
        match self
            .0
            .iter()
            .find(|name| !used.contains(&name.as_str()) && !ALWAYS.contains(&name.as_str()))
        {
            None => Ok(()),
            Some(option) => Err(UsageError::NoEffect { option: option.clone(), way }),
        }
    }

    /// Whether an option was typed.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|given| given == name)
    }
}

fn dashed(id: &str) -> String {
    id.replace('_', "-")
}
