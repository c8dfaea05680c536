//! Tokens as a file. Every number is little-endian:
//!
//! ```text
//! "SEALTOK1"
//! rows u64 | tokens u64 | skips u64 | bytes of the rest u64
//! of each row: its id, 16 bytes
//! of each row: number of tokens u32
//! of each row: where its answer starts u32
//! of each row: number of skips u32
//! tokens u32
//! skips, each from u32 to u32
//! the rest: JSON with the rows that are left out, and the counts by row
//! ```
//!
//! The sizes say how long the file is, so a file that was cut is refused before anything is
//! made of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use seal_data::{Example, RowId};
use seal_files::PendingFile;
use serde::{Deserialize, Serialize};

use crate::{LeftOutRow, ModelError, TokenizedSet, TokensError};

const MAGIC: &[u8; 8] = b"SEALTOK1";
const HEADER: usize = MAGIC.len() + 4 * 8;
const ID: usize = 16;
const NUMBER: usize = 4;

/// What follows the numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rest<'a> {
    left_out: Cow<'a, [LeftOutRow]>,
    special_in_text: Cow<'a, [(RowId, usize)]>,
    unplaced: Cow<'a, [(RowId, usize)]>,
    unread: Cow<'a, BTreeMap<String, usize>>,
}

impl TokenizedSet {
    /// Writes the tokens to `path`, whole or not at all.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ModelError> {
        let write = || {
            let mut out = PendingFile::create(path)?;
            self.write_to(&mut out)?;
            out.commit()
        };
        write().map_err(ModelError::io(path))
    }

    /// Reads the tokens that [`TokenizedSet::write`] wrote to `path`.
    ///
    /// # Errors
    /// A file that cannot be read; [`TokensError`] for one that holds something else.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path).map_err(ModelError::io(path))?;
        let damaged = |source| ModelError::Tokens { path: path.to_owned(), source };
        Self::from_bytes(&bytes).map_err(damaged)
    }

    /// The ids of the rows to train on, in order, of the file that [`TokenizedSet::write`] wrote to `path`.
    /// The tokens, which are most of the file, are not read.
    ///
    /// # Errors
    /// As [`TokenizedSet::read`], for what stands before the tokens, and for a file of another length.
    pub fn read_ids(path: &Path) -> Result<Vec<RowId>, ModelError> {
        let read = || {
            let mut file = File::open(path)?;
            let found = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
            let mut head = Vec::with_capacity(HEADER);
            Read::take(&mut file, HEADER as u64).read_to_end(&mut head)?;
            let rows = match (UnreadBytes { bytes: &head, found }).head() {
                Ok([rows, ..]) => rows,
                Err(flaw) => return Ok(Err(flaw)),
            };
            let mut ids = vec![0; rows * ID];
            file.read_exact(&mut ids)?;
            Ok(Ok(ids.chunks_exact(ID).map(id_of).collect()))
        };
        let damaged = |source| ModelError::Tokens { path: path.to_owned(), source };
        read().map_err(ModelError::io(path))?.map_err(damaged)
    }

    /// Writes the tokens in the form of a file.
    ///
    /// # Errors
    /// The errors of `out`; a row of 4 Gi tokens.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let examples = &self.examples;
        let rest = serde_json::to_vec(&Rest {
            left_out: Cow::Borrowed(&self.left_out),
            special_in_text: Cow::Borrowed(&self.special_in_text),
            unplaced: Cow::Borrowed(&self.unplaced),
            unread: Cow::Borrowed(&self.unread),
        })?;
        let skips: usize = examples.iter().map(|example| example.skip.len()).sum();
        out.write_all(MAGIC)?;
        for size in [examples.len(), self.tokens(), skips, rest.len()] {
            out.write_all(&(size as u64).to_le_bytes())?;
        }
        examples.iter().try_for_each(|example| out.write_all(example.id.as_bytes()))?;
        let mut numbers = |of: &dyn Fn(&Example) -> usize| {
            examples.iter().try_for_each(|example| number(out, of(example)))
        };
        numbers(&|example| example.tokens.len())?;
        numbers(&|example| example.answer)?;
        numbers(&|example| example.skip.len())?;
        let mut row = Vec::new();
        for example in examples {
            row.clear();
            row.extend(example.tokens.iter().flat_map(|token| token.to_le_bytes()));
            out.write_all(&row)?;
        }
        for skip in examples.iter().flat_map(|example| &example.skip) {
            number(out, skip.start)?;
            number(out, skip.end)?;
        }
        out.write_all(&rest)?;
        out.flush()
    }

    /// The tokens of a file that was read whole.
    ///
    /// # Errors
    /// [`TokensError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TokensError> {
        let mut input = UnreadBytes { bytes, found: bytes.len() };
        let [rows, tokens, skips, _] = input.head()?;
        // From here on there is as much as the sizes say.
        let ids = input.take(rows * ID)?;
        let lengths = input.take(rows * NUMBER)?;
        let answers = input.take(rows * NUMBER)?;
        let skip_counts = input.take(rows * NUMBER)?;
        let (mut tokens, mut skips) = (input.numbers(tokens)?, input.numbers(2 * skips)?);
        let mut examples = Vec::with_capacity(rows);
        let heads = ids.chunks_exact(ID).zip(lengths.chunks_exact(NUMBER));
        let heads = heads.zip(answers.chunks_exact(NUMBER).zip(skip_counts.chunks_exact(NUMBER)));
        for (row, ((id, length), (answer, count))) in heads.enumerate() {
            let damaged = TokensError::Row { row: row + 1 };
            let (length, count) = (value(length) as usize, value(count) as usize);
            let Some(of_row) = tokens.split(length) else { return Err(damaged) };
            let Some(of_skips) = count.checked_mul(2).and_then(|n| skips.split(n)) else {
                return Err(damaged);
            };
            let example = Example {
                id: id_of(id),
                tokens: of_row.collect(),
                answer: value(answer) as usize,
                skip: pairs(of_skips),
            };
            if !is_sound(&example) {
                return Err(damaged);
            }
            examples.push(example);
        }
        if !tokens.is_empty() || !skips.is_empty() {
            return Err(TokensError::Row { row: rows });
        }
        let rest: Rest<'_> = serde_json::from_slice(input.bytes).map_err(TokensError::Rest)?;
        Ok(Self {
            examples,
            left_out: rest.left_out.into_owned(),
            special_in_text: rest.special_in_text.into_owned(),
            unplaced: rest.unplaced.into_owned(),
            unread: rest.unread.into_owned(),
        })
    }
}

fn number(out: &mut dyn Write, value: usize) -> io::Result<()> {
    let value = u32::try_from(value).map_err(io::Error::other)?;
    out.write_all(&value.to_le_bytes())
}

fn id_of(bytes: &[u8]) -> RowId {
    let mut id = [0; ID];
    id.copy_from_slice(bytes);
    RowId::from_bytes(id)
}

fn value(bytes: &[u8]) -> u32 {
    let mut four = [0; NUMBER];
    four.copy_from_slice(bytes);
    u32::from_le_bytes(four)
}

fn pairs(mut numbers: impl Iterator<Item = u32>) -> Vec<std::ops::Range<usize>> {
    let mut pairs = Vec::new();
    while let (Some(from), Some(to)) = (numbers.next(), numbers.next()) {
        pairs.push(from as usize..to as usize);
    }
    pairs
}

/// Whether an example is as [`Example`] says: something to condition on, something to take a
/// loss on, and stretches between answers.
fn is_sound(example: &Example) -> bool {
    let last = example.tokens.len().saturating_sub(1);
    let apart = example.skip.windows(2).all(|pair| pair[0].end < pair[1].start);
    let inside = |skip: &std::ops::Range<usize>| {
        example.answer < skip.start && skip.start < skip.end && skip.end <= last
    };
    (1..example.tokens.len()).contains(&example.answer) && apart && example.skip.iter().all(inside)
}

/// The bytes of a file that are not read yet.
struct UnreadBytes<'a> {
    bytes: &'a [u8],
    /// Bytes of the whole file.
    found: usize,
}

impl<'a> UnreadBytes<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], TokensError> {
        let short = TokensError::Size { found: self.found, expected: None };
        let (taken, left) = self.bytes.split_at_checked(n).ok_or(short)?;
        self.bytes = left;
        Ok(taken)
    }

    /// The sizes, which must be those of the whole file: rows, tokens, skips, bytes of the rest.
    fn head(&mut self) -> Result<[usize; 4], TokensError> {
        if self.take(MAGIC.len()).ok() != Some(&MAGIC[..]) {
            return Err(TokensError::Foreign);
        }
        let sizes = self.sizes()?;
        let [rows, tokens, skips, rest] = sizes;
        let of_rows = rows.checked_mul(ID + 3 * NUMBER);
        let of_tokens = tokens.checked_mul(NUMBER);
        let of_skips = skips.checked_mul(2 * NUMBER);
        let parts = [of_rows, of_tokens, of_skips, Some(rest)];
        let expected = parts.into_iter().try_fold(HEADER, |sum, part| sum.checked_add(part?));
        match expected == Some(self.found) {
            true => Ok(sizes),
            false => Err(TokensError::Size { found: self.found, expected }),
        }
    }

    fn sizes(&mut self) -> Result<[usize; 4], TokensError> {
        let mut sizes = [0; 4];
        for size in &mut sizes {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(self.take(8)?);
            let more = TokensError::Size { found: self.found, expected: None };
            *size = usize::try_from(u64::from_le_bytes(bytes)).map_err(|_| more)?;
        }
        Ok(sizes)
    }

    fn numbers(&mut self, n: usize) -> Result<Numbers<'a>, TokensError> {
        Ok(Numbers(self.take(n * NUMBER)?))
    }
}

/// Numbers that are not read yet.
struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    /// The next `n`; `None` where there are fewer.
    fn split(&mut self, n: usize) -> Option<impl ExactSizeIterator<Item = u32> + use<'a>> {
        let (taken, left) = self.0.split_at_checked(n.checked_mul(NUMBER)?)?;
        self.0 = left;
        Some(taken.chunks_exact(NUMBER).map(value))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
