//! Dropout of rows, shared between threads.

use super::threads::{each, part};
use crate::mask::{Dropout, scale};

/// `x`, rows of `width` elements of `tokens`, after `dropout`.
pub(super) fn apply(x: &[f32], tokens: &[[u32; 3]], width: usize, dropout: Dropout) -> Vec<f32> {
    let mut y = x.to_vec();
    // Rounds of the generator cost more than the element.
    let rows = part(tokens.len(), 16 * width);
    each(y.chunks_mut((rows * width).max(1)).zip(tokens.chunks(rows)), |(y, tokens)| {
        scale(y, tokens, width, dropout);
    });
    y
}
