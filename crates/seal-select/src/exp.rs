//! An exponential that the compiler can vectorise.
//!
//! The softmax update takes one exponential per row and step; through the
//! platform's library that is most of its time, and its last digit differs
//! between platforms. This one has no branches and no calls.

/// Below this the result would be subnormal and is 0 instead.
const MIN: f64 = -708.0;

/// exp(`x`) to about one unit in the last place, for `x` up to 709; 0 below
/// -708. A larger `x` gives a meaningless number.
///
/// Cephes' `exp.c` (S. Moshier): x = k ln 2 + r with |r| <= ln 2 / 2, exp(r)
/// by a Pade-like rational function, and 2^k through the exponent bits.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    // Adding 1.5 x 2^52 rounds to an integer, left in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    // ln 2 in two parts, the first with few enough bits for k x LN2_HIGH to
    // be exact.
    const LN2_HIGH: f64 = 6.931_457_519_531_25e-1;
    const LN2_LOW: f64 = 1.428_606_820_309_417_2e-6;

    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (x - k * LN2_HIGH) - k * LN2_LOW;
    let rr = r * r;
    let p = r
        * ((1.261_771_930_748_105_9e-4 * rr + 3.029_944_077_074_419_6e-2) * rr
            + 9.999_999_999_999_999e-1);
    let q = ((3.001_985_051_386_644_6e-6 * rr + 2.524_483_403_496_841e-3) * rr
        + 2.272_655_482_081_550_3e-1)
        * rr
        + 2.0;
    let mantissa = 1.0 + 2.0 * p / (q - p);
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    if x < MIN { 0.0 } else { mantissa * power }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn edges() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(-1e300), 0.0);
        assert!(exp(-708.0) > 0.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn agrees_with_the_library(x in -708.0..709.0f64, near in -1.0..1.0f64) {
            for x in [x, near, near * 1e-6] {
                let exact = x.exp();
                prop_assert!((exp(x) / exact - 1.0).abs() < 4.5e-16, "{x}");
            }
        }
    }
}
