//! BLAKE3 of bytes and files, in the one form in which it is stored and shown.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Hexadecimal digits of a [`Digest`] that is cut short.
const SHORT: usize = 32;

/// BLAKE3 of some bytes. Shown and stored as 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(blake3::hash(bytes.as_ref()).into())
    }

    /// The digest of all that `source` gives, with the number of bytes.
    ///
    /// # Errors
    /// A source that cannot be read.
    pub fn of_reader(mut source: impl Read) -> io::Result<(Self, u64)> {
        // The hash is fastest in pieces of this size and more.
        let mut buffer = vec![0; 1 << 18];
        let (mut digester, mut bytes) = (Digester::new(), 0);
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return Ok((digester.finish(), bytes)),
                Ok(n) => {
                    digester.update(&buffer[..n]);
                    bytes += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The digest of the file at `path`, which may be a link.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        Self::of_reader(File::open(path)?).map(|(digest, _)| digest)
    }

    /// The first 32 of the 64 digits: the form of keys and of what enters them.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(SHORT);
        text
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal digits in lower case; `None` of any other text.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digest = Self(blake3::Hash::from_hex(text).ok()?.into());
        (digest.to_string() == text).then_some(digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| {
            de::Error::invalid_value(de::Unexpected::Str(&text), &"64 hexadecimal digits")
        })
    }
}

/// Makes a [`Digest`] of bytes that come piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Digester(blake3::Hasher);

impl Digester {
    /// One that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes. Where the pieces end does not matter.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// The digest of all bytes so far.
    pub fn finish(&self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl Write for Digester {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the empty input, from the test vectors of BLAKE3.
    const EMPTY: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    #[test]
    fn the_digest_is_blake3_however_the_bytes_come() {
        assert_eq!(Digest::of("").to_string(), EMPTY);
        assert_eq!(Digest::of("").short(), EMPTY[..32]);
        let mut pieces = Digester::new();
        pieces.update(b"a").update(b"").update(b"bc");
        assert_eq!(pieces.finish(), Digest::of("abc"));
        assert_eq!(Digest::of_reader(&b"abc"[..]).unwrap(), (Digest::of("abc"), 3));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        assert_eq!(Digest::of_file(file.path()).unwrap(), Digest::of("abc"));
        assert!(Digest::of_file(&file.path().join("absent")).is_err());
    }

    #[test]
    fn only_the_form_in_which_it_is_written_is_read() {
        let digest = Digest::of("");
        assert_eq!(Digest::from_hex(EMPTY), Some(digest));
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, format!("\"{EMPTY}\""));
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        for bad in ["", &EMPTY[1..], &EMPTY.to_uppercase(), &EMPTY.replace('a', "g")] {
            assert_eq!(Digest::from_hex(bad), None, "{bad}");
            assert!(serde_json::from_str::<Digest>(&format!("\"{bad}\"")).is_err(), "{bad}");
        }
        assert!(format!("{digest:?}").contains(EMPTY));
    }
}
