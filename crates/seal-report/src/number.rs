//! Numbers as text. One place decides how many digits a reader sees.
//!
//! Text is plain Unicode: U+2212 for minus and an em dash for "does not apply".
//! The LaTeX writer maps both.

/// What a cell without a value shows.
pub(crate) const ABSENT: &str = "—";

/// `value` with this many decimals; never a negative zero.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|b| b == b'0' || b == b'.') => digits.to_owned(),
        Some(digits) => format!("−{digits}"),
        None => text,
    }
}

/// A percentage or a number of points, one decimal, without the sign `%`.
pub(crate) fn percent(value: f64) -> String {
    fixed(value, 1)
}

/// A fraction as a percentage with one decimal.
pub(crate) fn share(fraction: f64) -> String {
    percent(fraction * 100.0)
}

/// A difference in points, always with a sign unless it rounds to zero.
pub(crate) fn signed(value: f64) -> String {
    let text = percent(value);
    if text.starts_with('−') || text == "0.0" { text } else { format!("+{text}") }
}

/// `[lo, hi]` of values that are already text.
pub(crate) fn bracket(lo: &str, hi: &str) -> String {
    format!("[{lo}, {hi}]")
}

/// A p value: three decimals, or `<0.001`.
pub(crate) fn p_value(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { fixed(p, 3) }
}

/// An integer with thin groups of three digits from 10,000 on.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in the unit that reads best.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 59.95 {
        format!("{} s", fixed(seconds, 1))
    } else if seconds < 3597.0 {
        format!("{} min", fixed(seconds / 60.0, 1))
    } else {
        format!("{} h", fixed(seconds / 3600.0, 1))
    }
}

/// The value's text, or [`ABSENT`].
pub(crate) fn or_absent(value: Option<f64>, text: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| ABSENT.to_owned(), text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn signs_and_zero() {
        assert_eq!(percent(-0.04), "0.0");
        assert_eq!(signed(-0.04), "0.0");
        assert_eq!(signed(2.0), "+2.0");
        assert_eq!(signed(-31.25), "−31.2");
        assert_eq!(bracket(&percent(-3.0), &percent(60.24)), "[−3.0, 60.2]");
    }

    #[test]
    fn p_values_counts_and_times() {
        assert_eq!(p_value(0.000_99), "<0.001");
        assert_eq!(p_value(0.001), "0.001");
        assert_eq!((count(9999), count(10_000), count(1_234_567)).1, "10,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(duration(59.96), "1.0 min");
        assert_eq!(duration(7200.0), "2.0 h");
    }

    proptest! {
        #[test]
        fn text_reads_back_within_half_a_digit(value in -1e6..1e6_f64) {
            let back: f64 = percent(value).replace('−', "-").parse().unwrap();
            prop_assert!((back - value).abs() <= 0.05 + 1e-9);
        }

        #[test]
        fn grouping_keeps_the_digits(n: u64) {
            prop_assert_eq!(count(n).replace(',', ""), n.to_string());
        }
    }
}
