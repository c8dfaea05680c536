//! From an n-gram's spelling to its bucket: SHA-256 of its UTF-8 bytes, read as
//! one big-endian number, modulo the number of buckets (`hash_buckets` of the
//! package).

use sha2::digest::generic_array::GenericArray;
use sha2::{Digest, Sha256, compress256};

/// Initial hash value of SHA-256 (FIPS 180-4, section 5.3.3).
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// Longest message of one block: 64 bytes less the mark and the length.
const ONE_BLOCK: usize = 55;

/// Hashing into a number of buckets.
pub(super) struct Bucketing {
    buckets: u64,
    /// 2^(32 i) modulo the number of buckets, for the digest's words from the
    /// least significant. With fewer than 2^29 buckets, eight products of a
    /// word and a power add up within 64 bits: one division instead of eight.
    powers: [u64; 8],
}

impl Bucketing {
    /// `buckets` is at least 1 and below 2^29.
    pub(super) fn new(buckets: u32) -> Self {
        let buckets = u64::from(buckets);
        let mut powers = [1 % buckets; 8];
        for i in 1..8 {
            powers[i] = (powers[i - 1] << 32) % buckets;
        }
        Self { buckets, powers }
    }

    pub(super) fn of(&self, ngram: &[u8]) -> u32 {
        let words = sha256(ngram);
        let sum: u64 = words.iter().rev().zip(&self.powers).map(|(w, p)| u64::from(*w) * p).sum();
        (sum % self.buckets) as u32
    }
}

/// SHA-256 as eight words, most significant first.
///
/// Nearly every n-gram fits one block; padding it here skips the general
/// hasher's buffering.
fn sha256(message: &[u8]) -> [u32; 8] {
    if message.len() <= ONE_BLOCK {
        let mut block = [0; 64];
        block[..message.len()].copy_from_slice(message);
        block[message.len()] = 0x80;
        block[56..].copy_from_slice(&(8 * message.len() as u64).to_be_bytes());
        let mut state = START;
        compress256(&mut state, &[GenericArray::from(block)]);
        return state;
    }
    let digest = Sha256::digest(message);
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(digest.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |w, b| w << 8 | u32::from(*b));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_messages_hash_like_long_ones() {
        let message = [b'x'; 130];
        for len in 0..message.len() {
            let whole = Sha256::digest(&message[..len]);
            let ours: Vec<u8> =
                sha256(&message[..len]).iter().flat_map(|w| w.to_be_bytes()).collect();
            assert_eq!(ours, whole.as_slice(), "{len} bytes");
        }
    }

    #[test]
    fn the_remainder_is_that_of_the_whole_number() {
        for buckets in [1, 2, 7, 10_000, 65_536, (1 << 29) - 1] {
            let by = Bucketing::new(buckets);
            for text in ["", "a", "the cat", "数据 。"] {
                let slow = Sha256::digest(text)
                    .iter()
                    .fold(0, |r, b| (r << 8 | u64::from(*b)) % u64::from(buckets));
                assert_eq!(u64::from(by.of(text.as_bytes())), slow, "{text:?} of {buckets}");
            }
        }
    }
}
