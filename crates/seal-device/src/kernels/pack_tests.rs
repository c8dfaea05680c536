use proptest::prelude::*;

use super::*;

/// Numbers that bf16 holds, and numbers that it does not.
fn drawn(len: usize, key: u32, fine: bool) -> Vec<f32> {
    let step = if fine { 0.1 } else { 0.125 };
    (0..len as u32).map(|i| ((i * 37 + key * 11) % 61) as f32 * step - 3.0).collect()
}

/// Sums in the order of the index, a fused multiply-add each.
fn in_order(x: &[f32], w: &[f32], [k, m]: [usize; 2]) -> Vec<f32> {
    let rows = x.chunks_exact(k);
    let of_row = |x: &[f32]| -> Vec<f32> {
        (0..m).map(|j| (0..k).fold(0f32, |sum, c| x[c].mul_add(w[c * m + j], sum))).collect()
    };
    rows.flat_map(of_row).collect()
}

proptest! {
    #[test]
    fn products_are_sums_in_the_order_of_the_index(
        n in 1usize..30, k in 1usize..40, m in 1usize..100, fine in any::<bool>(), key in 0u32..99,
    ) {
        let (x, w) = (drawn(n * k, key, true), drawn(k * m, key + 1, fine));
        let packed = pack(Matrix::new(&w, [k, m], [m, 1]));
        prop_assert_eq!(packed.shape(), [k, m]);
        let want = in_order(&x, &w, [k, m]);
        prop_assert_eq!(product(&x, &packed), want.clone());
        // A row alone is the row among others.
        for (r, row) in x.chunks_exact(k).enumerate() {
            prop_assert_eq!(&product(row, &packed)[..], &want[r * m..(r + 1) * m]);
        }
        let turned: Vec<f32> = (0..m * k).map(|i| w[(i % k) * m + i / k]).collect();
        let turned = pack(Matrix::new(&turned, [k, m], [1, k]));
        prop_assert_eq!(product(&x, &turned), want);
    }
}

#[test]
fn what_bf16_holds_takes_half_the_memory_and_loses_nothing() {
    let whole = drawn(7 * 40, 1, true);
    let half: Vec<f32> = whole.iter().map(|x| f32::from_bits(x.to_bits() & 0xffff_0000)).collect();
    let [whole, half] = [&whole, &half].map(|w| pack(Matrix::new(w, [7, 40], [40, 1])));
    assert_eq!((whole.bytes(), half.bytes()), (7 * 64 * 4, 7 * 64 * 2));
}

#[test]
fn no_rows_and_threads_change_nothing() {
    let (x, w) = (drawn(50 * 300, 3, true), drawn(300 * 700, 4, false));
    let packed = pack(Matrix::new(&w, [300, 700], [700, 1]));
    assert_eq!(product(&[], &packed), Vec::<f32>::new());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(pool.install(|| product(&x, &packed)), in_order(&x, &w, [300, 700]));
}
