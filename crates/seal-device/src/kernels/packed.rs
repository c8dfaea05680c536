//! A matrix that is laid out once for products with a few rows each.

/// Columns that lie together.
pub(super) const PANEL: usize = 32;

/// A matrix `[k, m]`, laid out for [`super::Kernels::packed_product`].
///
/// Numbers that bf16 holds exactly take two bytes each, all others four. The numbers are the same.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "flex"), allow(dead_code, reason = "nothing makes one"))]
pub struct PackedMatrix {
    pub(super) inner: usize,
    pub(super) columns: usize,
    pub(super) panels: Panels,
}

/// Panels of [`PANEL`] columns, the last one filled with zeros; `[panels, k, PANEL]`.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "flex"), allow(dead_code, reason = "nothing makes one"))]
pub(super) enum Panels {
    F32(Vec<f32>),
    /// Two columns to a word: column l in the low half, column l + PANEL / 2 in the high one.
    Bf16(Vec<u32>),
}

impl PackedMatrix {
    /// k and m.
    pub fn shape(&self) -> [usize; 2] {
        [self.inner, self.columns]
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        match &self.panels {
            Panels::F32(values) => 4 * values.len(),
            Panels::Bf16(words) => 4 * words.len(),
        }
    }
}
