//! Numbers of options that are none, in words. The library of the command line passes on the words of
//! the number's parser, which are for programmers.

use std::error::Error as _;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The error with a number that is none said in words; any other as it is.
pub(crate) fn in_words(error: Error) -> Error {
    let of = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let words = error.source().and_then(|source| {
        let whole = source.downcast_ref::<ParseIntError>().map(|fault| whole(fault.kind()));
        whole.or_else(|| source.is::<ParseFloatError>().then_some("give a number, such as 0.5"))
    });
    let (value, option) = (of(ContextKind::InvalidValue), of(ContextKind::InvalidArg));
    let is_below_0 = value.as_ref().is_some_and(|value| value.starts_with('-'));
    let is_list = option.as_ref().is_some_and(|option| option.contains(",.."));
    let words = words.map(|words| match words {
        SUCH_AS if is_list => "give whole numbers with commas between, such as 0,1,2",
        SUCH_AS if is_below_0 => "it is below 0",
        words => words,
    });
    let parts = (words, value, option);
    let (Some(words), Some(value), Some(option)) = parts else { return error };
    let text = format!(
        "invalid value '{value}' for '{option}': {words}\n\nFor more information, try '--help'.\n"
    );
    Error::raw(ErrorKind::ValueValidation, text)
}

fn whole(fault: &IntErrorKind) -> &'static str {
    match fault {
        IntErrorKind::Empty => "a number is missing",
        IntErrorKind::PosOverflow => "the number is too large",
        IntErrorKind::Zero => "give a whole number, 1 or more",
        _ => SUCH_AS,
    }
}

const SUCH_AS: &str = "give a whole number, such as 4";

#[cfg(test)]
mod tests {
    use crate::cli;
    use crate::program::SEAL;

    use super::*;

    fn said(args: &[&str]) -> String {
        let all = ["seal"].iter().chain(args);
        in_words(cli::command(&SEAL).try_get_matches_from(all).unwrap_err()).to_string()
    }

    #[test]
    fn a_number_that_is_none_is_said_in_words() {
        for (args, words) in [
            (
                ["ablate", "--seeds", "x"],
                "'x' for '--seeds <N,..>': give whole numbers with commas between, such as 0,1,2",
            ),
            (["ablate", "--seeds", "0..3"], "'0..3' for '--seeds <N,..>': give whole numbers with"),
            (["ablate", "--seeds", "-1"], "'-1' for '--seeds <N,..>': give whole numbers with"),
            (["ablate", "--jobs", "-3"], "'-3' for '--jobs <N>': it is below 0"),
            (["plan", "--limit", "-1"], "'-1' for '--limit <N>': it is below 0"),
            (["status", "--jobs", "x"], "'x' for '--jobs <N>': give a whole number, such as 4"),
            (["ablate", "--seeds", "1,,2"], "'' for '--seeds <N,..>': a number is missing"),
            (["ablate", "--jobs", "0"], "'0' for '--jobs <N>': give a whole number, 1 or more"),
            (["select", "--keep", "x"], "'x' for '--keep <SHARE>': give a number, such as 0.5"),
            (["status", "--watch=x", "-q"], "'x' for '--watch[=<SECONDS>]': give a whole number"),
        ] {
            let said = said(&args);
            assert!(said.starts_with(&format!("error: invalid value {words}")), "{said}");
            assert!(said.contains("try '--help'"), "{said}");
        }
        let large = said(&["ablate", "--limit", "99999999999999999999999"]);
        assert!(large.contains("the number is too large"), "{large}");
    }

    #[test]
    fn other_errors_stay() {
        assert!(said(&["ablate", "--no-such"]).contains("unexpected argument '--no-such'"));
        let range = said(&["status", "--watch=0"]);
        assert!(range.contains("0 is not in 1..=86400"), "{range}");
    }
}
