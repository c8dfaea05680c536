//! `tokenizer.bin` of llama2.c: a SentencePiece vocabulary, and the merges that
//! its scores imply.
//!
//! A little-endian i32, the longest piece in bytes; then each piece as f32
//! score, i32 length and bytes, in the order of ids: unknown, begin, end, the
//! 256 bytes, text.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::path::Path;

use seal_data::{EncodeError, Tokenizer};

use crate::LmError;

const BOS: u32 = 1;
const EOS: u32 = 2;
/// Id of the byte 0.
const BYTES: usize = 3;
/// First id whose piece is text.
const TEXT: usize = BYTES + 256;
/// A vocabulary of a million pieces is smaller.
const MAX_BYTES: u64 = 64 << 20;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
enum TokenizerFault {
    #[error("has {length} bytes; a llama2.c tokenizer has far fewer")]
    Large { length: u64 },
    #[error("is shorter than its header")]
    NoHeader,
    #[error("is cut off within piece {piece}")]
    CutOff { piece: usize },
    #[error(
        "piece {piece} has {length} bytes and score {score}, the longest is said to have \
         {longest}: no llama2.c tokenizer"
    )]
    Piece { piece: usize, length: i32, score: f32, longest: i32 },
    #[error("piece {piece} has {length} bytes")]
    NegativeLength { piece: usize, length: i32 },
    #[error("has fewer pieces than bytes")]
    FewPieces,
    #[error("ids 3 to 258 are not the bytes <0x00> to <0xFF>")]
    NoBytes,
}

/// A tokenizer of llama2.c.
///
/// As with SentencePiece, text is encoded with a space before it, which decoding
/// takes off again; characters outside the vocabulary become their bytes.
#[derive(Clone, Debug)]
pub struct Llama2cTokenizer {
    /// Bytes of each id.
    pieces: Vec<Vec<u8>>,
    /// Text pieces: id, and the rank of its score, best highest.
    merges: BTreeMap<Vec<u8>, (u32, usize)>,
}

impl Llama2cTokenizer {
    /// Ids that end a text: the models of llama2.c are trained on texts with the
    /// begin of the next behind them, Llama 2 with an end of text.
    pub const STOPS: [u32; 2] = [BOS, EOS];

    /// Reads a `tokenizer.bin`; its number of pieces is the vocabulary.
    ///
    /// # Errors
    /// A file that is missing, longer than 64 MiB, cut off, or without the
    /// pieces of the 256 bytes.
    pub fn read(path: &Path) -> Result<Self, LmError> {
        let length = std::fs::metadata(path).map_err(LmError::io(path))?.len();
        if length > MAX_BYTES {
            return Err(LmError::format(path, TokenizerFault::Large { length }));
        }
        let bytes = std::fs::read(path).map_err(LmError::io(path))?;
        Self::parse(&bytes).map_err(|fault| LmError::format(path, fault))
    }

    fn parse(bytes: &[u8]) -> Result<Self, TokenizerFault> {
        let mut rest = bytes;
        let longest = i32::from_le_bytes(take(&mut rest).ok_or(TokenizerFault::NoHeader)?);
        let (mut pieces, mut scores) = (Vec::new(), Vec::new());
        while !rest.is_empty() {
            let piece = pieces.len();
            let cut = || TokenizerFault::CutOff { piece };
            let score = f32::from_le_bytes(take(&mut rest).ok_or_else(cut)?);
            let length = i32::from_le_bytes(take(&mut rest).ok_or_else(cut)?);
            if length > longest || score.is_nan() {
                return Err(TokenizerFault::Piece { piece, length, score, longest });
            }
            let bytes = usize::try_from(length)
                .map_err(|_| TokenizerFault::NegativeLength { piece, length })?;
            let (text, tail) = rest.split_at_checked(bytes).ok_or_else(cut)?;
            pieces.push(text.to_vec());
            scores.push(score);
            rest = tail;
        }
        let is_byte = |(b, piece): (usize, &Vec<u8>)| *piece == format!("<0x{b:02X}>").into_bytes();
        let byte_pieces = pieces.get(BYTES..TEXT).ok_or(TokenizerFault::FewPieces)?;
        if !byte_pieces.iter().enumerate().all(is_byte) {
            return Err(TokenizerFault::NoBytes);
        }
        let ranks = ranks(&scores);
        let mut merges = BTreeMap::new();
        // Special and byte pieces are names, not text. Of equal pieces the first counts.
        for (id, piece) in pieces.iter().enumerate().skip(TEXT) {
            merges.entry(piece.clone()).or_insert((id as u32, ranks[id]));
        }
        Ok(Self { pieces, merges })
    }
}

fn take(rest: &mut &[u8]) -> Option<[u8; 4]> {
    let (first, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(*first)
}

/// For each score the number of different scores below it.
fn ranks(scores: &[f32]) -> Vec<usize> {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.dedup();
    scores.iter().map(|s| sorted.partition_point(|x| x < s)).collect()
}

/// A stretch of the text that is one token so far.
struct Symbol {
    start: usize,
    end: usize,
    previous: Option<usize>,
    next: Option<usize>,
    /// `None` where the vocabulary lacks it: it becomes its bytes.
    id: Option<u32>,
}

impl Llama2cTokenizer {
    fn symbols(&self, text: &str) -> Vec<Symbol> {
        let count = text.chars().count();
        let symbol = |(i, (start, c)): (usize, (usize, char))| {
            let end = start + c.len_utf8();
            Symbol {
                start,
                end,
                previous: i.checked_sub(1),
                next: (i + 1 < count).then_some(i + 1),
                id: self.merges.get(&text.as_bytes()[start..end]).map(|m| m.0),
            }
        };
        text.char_indices().enumerate().map(symbol).collect()
    }

    /// Merges neighbours, each time the pair whose whole scores best, the
    /// leftmost of equals, until no pair is a piece.
    fn merge(&self, text: &[u8], symbols: &mut [Symbol]) {
        let candidate = |symbols: &[Symbol], left: usize| {
            let a = &symbols[left];
            let b = &symbols[a.next?];
            // Bytes are no text to be merged with.
            (a.id.is_some() && b.id.is_some()).then_some(())?;
            let (id, rank) = self.merges.get(&text[a.start..b.end])?;
            Some((*rank, Reverse(left), b.end, *id))
        };
        let all = (0..symbols.len()).filter_map(|left| candidate(symbols, left));
        let mut heap: BinaryHeap<_> = all.collect();
        while let Some((_, Reverse(left), end, id)) = heap.pop() {
            // One of the two may have been merged elsewhere since.
            let Some(right) = symbols[left].next.filter(|r| symbols[*r].end == end) else {
                continue;
            };
            let next = symbols[right].next.take();
            symbols[left] = Symbol { end, next, id: Some(id), ..symbols[left] };
            if let Some(next) = next {
                symbols[next].previous = Some(left);
            }
            let neighbours = symbols[left].previous.into_iter().chain([left]);
            heap.extend(neighbours.filter_map(|left| candidate(symbols, left)));
        }
    }
}

impl Tokenizer for Llama2cTokenizer {
    fn encode(&self, text: &str) -> Result<Vec<u32>, EncodeError> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let text = format!(" {text}");
        let mut symbols = self.symbols(&text);
        self.merge(text.as_bytes(), &mut symbols);
        let mut out = Vec::new();
        let mut at = Some(0);
        while let Some(symbol) = at.map(|i| &symbols[i]) {
            match symbol.id {
                Some(id) => out.push(id),
                None => {
                    let bytes = &text.as_bytes()[symbol.start..symbol.end];
                    out.extend(bytes.iter().map(|b| BYTES as u32 + u32::from(*b)));
                }
            }
            at = symbol.next;
        }
        Ok(out)
    }

    fn decode(&self, tokens: &[u32]) -> String {
        let mut out = Vec::new();
        for token in tokens {
            match (*token as usize).checked_sub(BYTES) {
                Some(byte @ 0..256) => out.push(byte as u8),
                // An id outside the vocabulary has no text.
                Some(_) => out.extend(self.pieces.get(*token as usize).into_iter().flatten()),
                None => (),
            }
        }
        let text = String::from_utf8_lossy(&out);
        text.strip_prefix(' ').unwrap_or(&text).to_owned()
    }

    fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    fn bos(&self) -> Option<u32> {
        Some(BOS)
    }

    fn eos(&self) -> u32 {
        EOS
    }
}
