//! How the tokens of a batch lie in memory.

use seal_data::Batch;
use seal_device::AttentionShape;

/// Tokens row after row, with padding or without.
pub(crate) struct Layout {
    pub(crate) tokens: Vec<i32>,
    /// Tokens of each row, without padding.
    pub(crate) lengths: Vec<usize>,
    /// Tokens of each row, with padding.
    pub(crate) spans: Vec<usize>,
    pub(crate) starts: Vec<usize>,
    /// Supervised positions, as indices into `tokens`.
    pub(crate) positions: Vec<i32>,
    /// Number of them in each row.
    pub(crate) answer_lens: Vec<usize>,
    /// Longest row.
    pub(crate) width: usize,
    /// Whether there is one row more, the first, which is the beginning of all others: they are
    /// here without it. No position of it is supervised.
    pub(crate) stem: bool,
}

impl Layout {
    /// As the batch has them: every row padded to its width.
    pub(crate) fn padded(batch: &Batch) -> Self {
        Self {
            tokens: batch.tokens.clone(),
            lengths: batch.lengths.clone(),
            spans: vec![batch.width; batch.rows()],
            starts: AttentionShape::padded(batch.rows(), batch.width),
            positions: batch.positions.clone(),
            answer_lens: batch.answer_lens.clone(),
            width: batch.width,
            stem: false,
        }
    }

    /// Row after row without padding; the first `stem` tokens, which all rows share, are
    /// there once.
    pub(crate) fn packed(batch: &Batch, stem: usize) -> Self {
        let own = batch.lengths.iter().map(|len| len - stem);
        let lengths: Vec<usize> = (stem > 0).then_some(stem).into_iter().chain(own).collect();
        let starts = AttentionShape::packed(&lengths);
        let of_rows = &starts[starts.len() - batch.rows()..];
        let mut tokens = batch.tokens[..stem].to_vec();
        let rows = batch.tokens.chunks_exact(batch.width).zip(&batch.lengths);
        tokens.extend(rows.flat_map(|(row, len)| &row[stem..*len]));
        let moved = batch.positions.iter().zip(&batch.row_of).map(|(at, row)| {
            let row = *row as usize;
            at - (row * batch.width + stem) as i32 + of_rows[row] as i32
        });
        Self {
            tokens,
            positions: moved.collect(),
            answer_lens: batch.answer_lens.clone(),
            spans: lengths.clone(),
            lengths,
            starts,
            width: batch.width,
            stem: stem > 0,
        }
    }

    /// Rows of tokens, none of them empty, of which the last position of each is
    /// read; padded, or row after row if `packed`.
    pub(crate) fn of_rows(rows: &[&[u32]], packed: bool) -> Self {
        let lengths: Vec<usize> = rows.iter().map(|row| row.len()).collect();
        let width = lengths.iter().copied().max().unwrap_or(0);
        let (spans, starts) = match packed {
            true => (lengths.clone(), AttentionShape::packed(&lengths)),
            false => (vec![width; rows.len()], AttentionShape::padded(rows.len(), width)),
        };
        let mut tokens = vec![0; spans.iter().sum()];
        for (row, start) in rows.iter().zip(&starts) {
            for (slot, token) in tokens[*start..].iter_mut().zip(*row) {
                *slot = *token as i32;
            }
        }
        let last = starts.iter().zip(&lengths).map(|(start, len)| (start + len - 1) as i32);
        Self {
            tokens,
            positions: last.collect(),
            answer_lens: vec![1; rows.len()],
            lengths,
            spans,
            starts,
            width,
            stem: false,
        }
    }
}
