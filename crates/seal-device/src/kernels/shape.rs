//! Sizes of heads and rows, for attention.

/// Rows of matrices in kernels are a multiple of it, so that they are whole vectors on every
/// machine.
pub(super) const LANES: usize = 16;

/// Sizes of one call of attention.
#[derive(Clone, Debug)]
pub struct AttentionShape {
    /// Number of query heads, a multiple of `kv_heads`.
    pub heads: usize,
    /// Number of key and value heads.
    pub kv_heads: usize,
    /// Size of a head; even.
    pub head_dim: usize,
    /// Positions the rotary tables cover; at least the longest row.
    pub positions: usize,
    /// Tokens that a token sees, itself included; all before it if `None`.
    pub window: Option<usize>,
    /// Scores are multiplied by it; by `1 / sqrt(head_dim)` if `None`.
    pub scale: Option<f32>,
    /// Number of tokens of each row. Output is 0 at tokens of no row.
    pub lengths: Vec<usize>,
    /// First token of each row among those of the batch. Rows may lie one
    /// after another or be padded; they must not overlap.
    pub starts: Vec<usize>,
    /// Whether the first row is the beginning of all others, which lists them without it: their
    /// tokens see its tokens, and their positions go on from it.
    pub stem: bool,
}

impl AttentionShape {
    /// First tokens of rows that lie one after another without padding.
    pub fn packed(lengths: &[usize]) -> Vec<usize> {
        let mut next = 0;
        let start = |len: &usize| {
            let start = next;
            next += len;
            start
        };
        lengths.iter().map(start).collect()
    }

    /// First tokens of `rows` rows that are padded to `width`.
    pub fn padded(rows: usize, width: usize) -> Vec<usize> {
        (0..rows).map(|b| b * width).collect()
    }
}

#[cfg(feature = "flex")]
impl AttentionShape {
    pub(super) fn q_width(&self) -> usize {
        self.heads * self.head_dim
    }

    pub(super) fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    pub(super) fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// Scores are multiplied by it.
    pub(super) fn scale(&self) -> f32 {
        self.scale.unwrap_or_else(|| 1.0 / (self.head_dim as f32).sqrt())
    }

    /// First position that the query at position `i` sees.
    #[inline(always)]
    pub(super) fn first(&self, i: usize) -> usize {
        self.window.map_or(0, |window| (i + 1).saturating_sub(window))
    }

    /// Tokens before those of row `b`.
    #[inline(always)]
    pub(super) fn before(&self, b: usize) -> usize {
        if self.stem && b > 0 { self.lengths[0] } else { 0 }
    }

    /// Row and key/value head of every task.
    pub(super) fn tasks(&self) -> Vec<(usize, usize)> {
        let rows = 0..self.lengths.len();
        rows.flat_map(|b| (0..self.kv_heads).map(move |g| (b, g))).collect()
    }
}
