//! What a claim says of its holder.
//!
//! The file has three lines: the holder as JSON, the BLAKE3 of that line, and a number that its
//! holder raises again and again. All of it is written at once, so that a claim that was damaged
//! is whole again after the next beat.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

const VERSION: u32 = 1;

/// Who holds a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    format_version: u32,
    /// Name of the host, for people: two hosts may have one name.
    pub host: String,
    /// The running system and its view of processes; `None` where it does not say.
    pub(crate) machine: Option<String>,
    /// Number of the process.
    pub process: u32,
    /// When the process started, in the system's own count.
    pub(crate) started: Option<String>,
    /// Random: no two claims have the same.
    pub(crate) token: String,
}

/// Why a claim does not say who holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFlaw {
    /// Nothing: older versions of the program hold a lock on an empty file.
    #[error("an empty claim, of an older program or cut off")]
    Empty,
    /// Its content is not that of its hash.
    #[error("a claim that is damaged")]
    Damaged,
    /// One of a later version of the program.
    #[error("a claim with format_version {found}, and this program knows {VERSION}")]
    Version {
        /// Its version.
        found: u64,
    },
    /// One that this user may not read.
    #[error("a claim that this user may not read")]
    Unreadable,
}

impl Holder {
    pub(crate) fn new(
        host: String,
        machine: Option<String>,
        process: u32,
        started: Option<String>,
        token: String,
    ) -> Self {
        Self { format_version: VERSION, host, machine, process, started, token }
    }

    /// Random: no two claims have the same.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The lines that stay the same while the claim is held.
    ///
    /// # Errors
    /// A holder that JSON does not hold.
    pub(crate) fn lines(&self) -> Result<String, serde_json::Error> {
        let json = serde_json::to_string(self)?;
        Ok(format!("{json}\n{}\n", Digest::of(&json)))
    }

    /// Reads the content of a claim.
    pub(crate) fn parse(content: &[u8]) -> Result<Self, RecordFlaw> {
        if content.is_empty() {
            return Err(RecordFlaw::Empty);
        }
        let text = std::str::from_utf8(content).map_err(|_| RecordFlaw::Damaged)?;
        let mut lines = text.split('\n');
        let (json, digest) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        if Digest::of(json).to_string() != digest {
            return Err(RecordFlaw::Damaged);
        }
        #[derive(Deserialize)]
        struct Versioned {
            format_version: u64,
        }
        match serde_json::from_str::<Versioned>(json) {
            Ok(Versioned { format_version }) if format_version != u64::from(VERSION) => {
                Err(RecordFlaw::Version { found: format_version })
            }
            _ => serde_json::from_str(json).map_err(|_| RecordFlaw::Damaged),
        }
    }
}

/// The content of a claim after so many beats. Its length never changes.
pub(crate) fn content(lines: &str, beat: u64) -> String {
    format!("{lines}{beat:020}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        Holder::new("h\n\u{fc}".to_owned(), Some("m".to_owned()), 7, None, "0123".to_owned())
    }

    #[test]
    fn any_changed_bit_or_cut_of_the_holder_is_seen() {
        let lines = holder().lines().unwrap();
        let whole = content(&lines, 7).into_bytes();
        assert_eq!(Holder::parse(&whole), Ok(holder()));
        for at in 0..lines.len() - 1 {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                assert_eq!(Holder::parse(&bytes), Err(RecordFlaw::Damaged), "{at}, {bit}");
            }
        }
        assert_eq!(Holder::parse(b""), Err(RecordFlaw::Empty));
        for cut in 1..lines.len() - 1 {
            assert_eq!(Holder::parse(&whole[..cut]), Err(RecordFlaw::Damaged), "{cut}");
        }
        // The number is no part of the holder: a change of it is a sign of life.
        for at in lines.len()..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            assert_eq!(Holder::parse(&bytes), Ok(holder()), "{at}");
        }
        assert_eq!(content(&lines, u64::MAX).len(), content(&lines, 0).len());
    }

    #[test]
    fn a_later_version_is_named() {
        let json = r#"{"format_version":99,"more":1}"#;
        let text = format!("{json}\n{}\n", Digest::of(json));
        assert_eq!(Holder::parse(text.as_bytes()), Err(RecordFlaw::Version { found: 99 }));
        let json = r#"{"format_version":1}"#;
        let text = format!("{json}\n{}\n", Digest::of(json));
        assert_eq!(Holder::parse(text.as_bytes()), Err(RecordFlaw::Damaged));
    }
}
