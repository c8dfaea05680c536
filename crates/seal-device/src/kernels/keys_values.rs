//! Keys and values of a sequence that grows.

use super::shape::LANES;

/// Keys and values of one sequence in one block, as [`super::Kernels::cached_attention`] reads and
/// extends them. Keys are rotated.
#[derive(Clone, Debug)]
pub struct KeysValues {
    pub(super) heads: Vec<HeadKeysValues>,
    pub(super) len: usize,
}

/// Those of one head; positions and the elements of a head are padded to whole vectors with zeros.
#[derive(Clone, Debug)]
pub(super) struct HeadKeysValues {
    /// Padded size of a head, d.
    pub(super) d: usize,
    /// Padded number of positions for which there is room.
    pub(super) room: usize,
    /// With positions last, `[d, room]`.
    pub(super) keys: Vec<f32>,
    /// `[room, d]`.
    pub(super) values: Vec<f32>,
    /// Whether all values are: 0 times infinity is no number.
    pub(super) finite: bool,
}

impl KeysValues {
    /// Of no token yet.
    pub fn new(kv_heads: usize, head_dim: usize) -> Self {
        let d = head_dim.next_multiple_of(LANES);
        let stored =
            HeadKeysValues { d, room: 0, keys: Vec::new(), values: Vec::new(), finite: true };
        Self { heads: vec![stored; kv_heads], len: 0 }
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes room for `n` tokens at least, so that none of them moves those before it.
    pub fn reserve(&mut self, n: usize) {
        for head in &mut self.heads {
            if n > head.room {
                head.grow(n);
            }
        }
    }

    /// Number of tokens for which there is room.
    pub fn room(&self) -> usize {
        self.heads.iter().map(|head| head.room).min().unwrap_or(0)
    }

    /// Keeps the first `n` tokens, or all where there are fewer. Memory is kept.
    pub fn truncate(&mut self, n: usize) {
        if n >= self.len {
            return;
        }
        for head in &mut self.heads {
            for keys in head.keys.chunks_exact_mut(head.room.max(1)) {
                keys[n..self.len].fill(0.0);
            }
            head.values[n * head.d..self.len * head.d].fill(0.0);
            head.finite = head.values[..n * head.d].iter().all(|x| x.is_finite());
        }
        self.len = n;
    }

    /// Becomes the first `n` tokens of `other`.
    ///
    /// # Panics
    /// If `other` has fewer, or is of another shape.
    pub fn copy_from(&mut self, other: &Self, n: usize) {
        assert!(n <= other.len, "{n} of {} tokens", other.len);
        assert_eq!(self.heads.len(), other.heads.len(), "heads");
        self.truncate(0);
        for (to, from) in self.heads.iter_mut().zip(&other.heads) {
            assert_eq!(to.d, from.d, "sizes of a head");
            to.reserve(n);
            let rows = to.keys.chunks_exact_mut(to.room.max(1));
            for (to, from) in rows.zip(from.keys.chunks_exact(from.room.max(1))) {
                to[..n].copy_from_slice(&from[..n]);
            }
            to.values[..n * to.d].copy_from_slice(&from.values[..n * from.d]);
            to.finite = to.values[..n * to.d].iter().all(|x| x.is_finite());
        }
        self.len = n;
    }
}

impl HeadKeysValues {
    /// Makes room for `n` positions. It doubles, so that a token at a time moves little.
    pub(super) fn reserve(&mut self, n: usize) {
        if n > self.room {
            self.grow(n.max(2 * self.room));
        }
    }

    /// Makes room for `n` positions, which are more than there are.
    fn grow(&mut self, n: usize) {
        let room = n.next_multiple_of(LANES);
        let mut keys = vec![0f32; self.d * room];
        for (to, from) in keys.chunks_exact_mut(room).zip(self.keys.chunks_exact(self.room.max(1)))
        {
            to[..self.room].copy_from_slice(from);
        }
        self.keys = keys;
        // Fresh memory of zeros costs nothing until it is written.
        let mut values = vec![0f32; room * self.d];
        values[..self.values.len()].copy_from_slice(&self.values);
        self.values = values;
        self.room = room;
    }
}
