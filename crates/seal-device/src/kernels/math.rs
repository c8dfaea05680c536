//! Slice arithmetic that the compiler turns into vector code.
//!
//! Sums run over a fixed number of lanes, so that they give the same bits on
//! every machine, whatever its vector width; nothing is contracted to a fused
//! multiply-add.

/// Number of partial sums kept side by side.
const LANES: usize = 16;

/// Sum of `f(i)` over `0..n` in a fixed order.
#[inline(always)]
pub(super) fn sum_by(n: usize, f: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let whole = n - n % LANES;
    let mut i = 0;
    while i < whole {
        for (l, lane) in lanes.iter_mut().enumerate() {
            *lane += f(i + l);
        }
        i += LANES;
    }
    for (l, lane) in lanes.iter_mut().enumerate().take(n - whole) {
        *lane += f(whole + l);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] += lanes[l + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Inner product in a fixed order.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    sum_by(n, |i| a[i] * b[i])
}

/// Largest element; negative infinity of nothing.
#[inline(always)]
pub(super) fn max(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let mut chunks = x.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            *lane = if *v > *lane { *v } else { *lane };
        }
    }
    let mut m = f32::NEG_INFINITY;
    for v in lanes.iter().chain(chunks.remainder()) {
        m = if *v > m { *v } else { m };
    }
    m
}

/// e^x to about 2 units in the last place, branch-free so that it vectorises
/// (the library's `expf` is a call per element). Below -87.3 it is 0; above
/// 88 it stays at e^88.
#[inline(always)]
#[allow(clippy::excessive_precision, reason = "the split of ln 2 and the minimax coefficients")]
pub(super) fn exp(x: f32) -> f32 {
    // e^x = 2^n e^r with |r| <= ln(2)/2; ln 2 is split in two so that r is exact.
    const LN2_HI: f32 = 0.693_359_375;
    const LN2_LO: f32 = -2.121_944_4e-4;
    let clamped = if x > 88.0 { 88.0 } else { x };
    let clamped = if clamped < -87.3 { -87.3 } else { clamped };
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
    let magic = 12_582_912.0f32;
    let shifted = clamped * std::f32::consts::LOG2_E + magic;
    let n = shifted - magic;
    let r = clamped - n * LN2_HI - n * LN2_LO;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 5.000_000_1e-1;
    let e = p * r * r + r + 1.0;
    // The low bits of `shifted` hold n, so the exponent is made without a cast.
    let bits = shifted.to_bits().wrapping_sub(magic.to_bits()).wrapping_add(127);
    let scale = f32::from_bits(bits << 23);
    if x < -87.3 { 0.0 } else { e * scale }
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The error function to about 3 units in the last place: a polynomial in x^2
/// up to 1, `1 - exp(-polynomial)` beyond. Both are least-squares fits.
#[inline(always)]
#[allow(
    clippy::excessive_precision,
    clippy::approx_constant,
    reason = "coefficients as they were fitted"
)]
pub(super) fn erf(x: f32) -> f32 {
    const NEAR: [f32; 8] = [
        1.128_379_2,
        -0.376_126_38,
        0.112_837_83,
        -0.026_865_438,
        5.221_053_5e-3,
        -8.484_396_4e-4,
        1.126_825_4e-4,
        -9.673_590e-6,
    ];
    const FAR: [f32; 10] = [
        -4.005_004_9e-4,
        1.130_604_5,
        0.631_088_85,
        0.110_907_42,
        -0.026_999_498,
        5.021_044_5e-3,
        -6.733_375_5e-4,
        6.006_879_3e-5,
        -3.095_204_4e-6,
        6.582_857_3e-8,
    ];
    let polynomial = |c: &[f32], x: f32| c.iter().rev().fold(0.0, |sum, c| sum * x + c);
    let a = x.abs();
    // Beyond 4 it is 1 in f32; the fit ends there.
    let a = if a > 4.0 { 4.0 } else { a };
    let near = a * polynomial(&NEAR, a * a);
    let far = 1.0 - exp(-polynomial(&FAR, a));
    (if a < 1.0 { near } else { far }).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_a_few_units_in_the_last_place() {
        let mut worst = 0f64;
        for i in -87_000..88_000 {
            let x = i as f32 * 1e-3;
            let (got, want) = (f64::from(exp(x)), f64::from(x).exp());
            worst = worst.max((got - want).abs() / want);
        }
        assert!(worst < 3.0 * f64::from(f32::EPSILON), "{worst}");
        assert_eq!((exp(0.0), exp(-1e9), exp(f32::NEG_INFINITY)), (1.0, 0.0, 0.0));
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn erf_is_that_of_statrs() {
        let mut worst = 0f64;
        for i in -6000..6000 {
            let x = i as f32 * 1e-3;
            let want = statrs::function::erf::erf(f64::from(x));
            worst = worst.max((f64::from(erf(x)) - want).abs() / want.abs().max(1e-9));
        }
        assert!(worst < 4.0 * f64::from(f32::EPSILON), "{worst}");
        assert_eq!((erf(0.0), erf(30.0), erf(f32::NEG_INFINITY)), (0.0, 1.0, -1.0));
        assert!(erf(f32::NAN).is_nan());
    }

    #[test]
    fn sums_cover_every_element_at_every_length() {
        for n in 0..70 {
            let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
            assert_eq!(dot(&x, &vec![1.0; n]), (n * n.saturating_sub(1) / 2) as f32);
            let top = if n == 0 { f32::NEG_INFINITY } else { (n - 1) as f32 };
            assert_eq!(max(&x), top);
        }
    }
}
