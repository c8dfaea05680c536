//! A generator without state: numbers are a function of a key and a counter.

/// Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as
/// 1, 2, 3"), the generator of JAX. It adds, turns and xors words of 32 bits, so every device
/// has the same bits.
pub(crate) fn threefry2x32(key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    const TURNS: [[u32; 4]; 2] = [[13, 15, 26, 6], [17, 29, 16, 24]];
    let keys = [key[0], key[1], key[0] ^ key[1] ^ PARITY];
    let mut x = [counter[0].wrapping_add(keys[0]), counter[1].wrapping_add(keys[1])];
    for round in 0..5 {
        for turn in TURNS[round % 2] {
            x[0] = x[0].wrapping_add(x[1]);
            x[1] = x[1].rotate_left(turn) ^ x[0];
        }
        x[0] = x[0].wrapping_add(keys[(round + 1) % 3]);
        x[1] = x[1].wrapping_add(keys[(round + 2) % 3]).wrapping_add(round as u32 + 1);
    }
    x
}

/// The constant of Threefish's key schedule, in 32 bits.
pub(crate) const PARITY: u32 = 0x1BD1_1BDA;

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that come with Random123, the authors' own code.
    #[test]
    fn numbers_are_those_of_the_authors() {
        let all = u32::MAX;
        let cases = [
            ([0, 0], [0, 0], [0x6b20_0159, 0x99ba_4efe]),
            ([all, all], [all, all], [0x1cb9_96fc, 0xbb00_2be7]),
            ([0x1319_8a2e, 0x0370_7344], [0x243f_6a88, 0x85a3_08d3], [0xc492_3a9c, 0x483d_f7a0]),
        ];
        for (key, counter, expected) in cases {
            assert_eq!(threefry2x32(key, counter), expected, "{key:x?} {counter:x?}");
        }
    }
}
