//! Sums over a row by the units of one cube.

use cubecl::prelude::*;

/// Units of a cube that works on one row. A power of two that every device has.
pub(super) const THREADS: usize = 256;

/// One cube for each of `rows` rows; WebGPU has at most 65,535 in a dimension, so there may be more
/// cubes than rows.
pub(super) fn cube_a_row(rows: usize) -> CubeCount {
    const MOST: usize = 65_535;
    let y = rows.div_ceil(MOST).max(1);
    CubeCount::Static(rows.div_ceil(y) as u32, y as u32, 1)
}

/// The sum of `part` over the units of a cube, in the same order on every run.
#[cube]
pub(super) fn sum_of_row(part: f32) -> f32 {
    let mut parts = Shared::<[f32]>::new_slice(THREADS);
    let unit = UNIT_POS as usize;
    parts[unit] = part;
    sync_cube();
    #[unroll]
    for level in 0..8u32 {
        let half = comptime!(THREADS >> (level + 1));
        if unit < half {
            let other = parts[unit + half];
            parts[unit] += other;
        }
        sync_cube();
    }
    let sum = parts[0];
    // Nobody overwrites the parts while somebody still reads the sum.
    sync_cube();
    sum
}

/// As [`sum_of_row`], of the largest.
#[cube]
pub(super) fn max_of_row(part: f32) -> f32 {
    let mut parts = Shared::<[f32]>::new_slice(THREADS);
    let unit = UNIT_POS as usize;
    parts[unit] = part;
    sync_cube();
    #[unroll]
    for level in 0..8u32 {
        let half = comptime!(THREADS >> (level + 1));
        if unit < half {
            let other = parts[unit + half];
            let own = parts[unit];
            parts[unit] = max(own, other);
        }
        sync_cube();
    }
    let most = parts[0];
    sync_cube();
    most
}
