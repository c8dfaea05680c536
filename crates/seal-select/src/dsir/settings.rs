//! What is counted, and into how many buckets.

use serde::{Deserialize, Serialize};

use super::words::WordRule;
use crate::SelectError;

/// Most n-gram buckets: a double for each is 128 MiB.
const MOST_BUCKETS: usize = 1 << 24;

/// Longest n-gram, in tokens.
const LONGEST: usize = 64;

/// Settings of DSIR; the default is that of the package `data-selection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DsirSettings {
    /// Longest n-gram that is counted, in tokens, from 1 to 64: 2 counts
    /// single tokens and pairs.
    pub ngrams: usize,
    /// Buckets that n-grams are hashed into, from 1 to 2^24.
    pub buckets: usize,
    /// Fewest tokens of a row that can be chosen. The default of 100 is meant
    /// for passages of web text: chats and instructions are shorter, 0 keeps
    /// them all. Shorter rows are counted in the fit all the same.
    pub min_tokens: usize,
    /// Which characters make words.
    pub words: WordRule,
}

impl Default for DsirSettings {
    fn default() -> Self {
        Self { ngrams: 2, buckets: 10_000, min_tokens: 100, words: WordRule::default() }
    }
}

impl DsirSettings {
    /// # Errors
    /// If a number is outside its range.
    pub(super) fn check(&self) -> Result<(), SelectError> {
        for (name, value, most, need) in [
            ("ngrams", self.ngrams, LONGEST, "from 1 to 64"),
            ("buckets", self.buckets, MOST_BUCKETS, "from 1 to 16777216"),
        ] {
            if !(1..=most).contains(&value) {
                return Err(SelectError::InvalidSetting { name, value: value as f64, need });
            }
        }
        Ok(())
    }

    /// Length of a row in tokens, from its number of n-grams, as
    /// `get_perexample_metadata` of the package has it.
    ///
    /// A row of T tokens has T + (T - 1) + ... n-grams, which this inverts
    /// where T is at least n - 1. A shorter row is given too many tokens (with
    /// trigrams, an empty row counts 1); that is kept, so that the same rows
    /// pass as in the package.
    pub(super) fn tokens(&self, ngrams: usize) -> usize {
        (ngrams + self.ngrams * (self.ngrams - 1) / 2) / self.ngrams
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_json() {
        let json = serde_json::to_string(&DsirSettings::default()).unwrap();
        insta::assert_snapshot!(json, @r#"{"ngrams":2,"buckets":10000,"min_tokens":100,"words":"unicode"}"#);
        assert_eq!(serde_json::from_str::<DsirSettings>("{}").unwrap(), DsirSettings::default());
        assert!(serde_json::from_str::<DsirSettings>(r#"{"bucket":1}"#).is_err());
    }

    #[test]
    fn numbers_outside_their_range_are_refused() {
        let good = DsirSettings::default();
        assert_eq!(good.check(), Ok(()));
        for bad in [
            DsirSettings { ngrams: 0, ..good },
            DsirSettings { ngrams: 65, ..good },
            DsirSettings { buckets: 0, ..good },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        let message = DsirSettings { buckets: 1 << 25, ..good }.check().unwrap_err().to_string();
        insta::assert_snapshot!(message, @"buckets is 33554432, it must be from 1 to 16777216");
    }

    #[test]
    fn tokens_are_counted_back_from_ngrams() {
        for longest in 1..6 {
            let settings = DsirSettings { ngrams: longest, ..Default::default() };
            for tokens in longest - 1..200 {
                let ngrams = (1..=longest).map(|n| (tokens + 1).saturating_sub(n)).sum();
                assert_eq!(settings.tokens(ngrams), tokens, "{longest}");
            }
        }
        assert_eq!(DsirSettings { ngrams: 3, ..Default::default() }.tokens(0), 1);
    }
}
