//! Numbers in the forms of format types.

use crate::chat::jinja::error::{Result, fail};
use crate::chat::jinja::show;

/// More digits after the point than any number has.
const PRECISION: usize = 1000;

/// The digits of `x`, which is not negative, by a type of `eEfFgG%`.
pub(super) fn float(
    x: f64,
    kind: char,
    precision: Option<usize>,
    alternate: bool,
) -> Result<String> {
    if precision.is_some_and(|p| p > PRECISION) {
        return fail(format!("a format asks for more than {PRECISION} digits"));
    }
    if !x.is_finite() {
        let word = if x.is_nan() { "nan" } else { "inf" };
        return Ok(if kind.is_ascii_uppercase() { word.to_uppercase() } else { word.to_owned() });
    }
    let digits = precision.unwrap_or(6);
    let point = |text: String| if alternate && !text.contains('.') { text + "." } else { text };
    Ok(match kind {
        'f' | 'F' => point(format!("{x:.digits$}")),
        '%' => format!("{:.digits$}%", x * 100.0),
        'e' | 'E' => exponential(x, digits, kind),
        _ => {
            let digits = digits.max(1);
            let shown = exponential(x, digits - 1, 'e');
            let exponent: i32 =
                shown.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
            if exponent < -4 || exponent >= digits as i32 {
                let (mantissa, tail) = shown.split_once('e').unwrap_or((&shown, "+00"));
                let mantissa = if alternate { mantissa } else { trimmed(mantissa) };
                let letter = if kind == 'G' { 'E' } else { 'e' };
                format!("{mantissa}{letter}{tail}")
            } else {
                let after = (digits as i32 - 1 - exponent).max(0) as usize;
                let plain = format!("{x:.after$}");
                if alternate { point(plain) } else { trimmed(&plain).to_owned() }
            }
        }
    })
}

/// The digits of `x`, which is not negative, where a format names no type.
pub(super) fn plain_float(x: f64, precision: Option<usize>) -> Result<String> {
    let Some(precision) = precision else { return Ok(show::float(x)) };
    let shown = float(x, 'g', Some(precision), false)?;
    let whole = x.is_finite() && !shown.contains(['.', 'e']);
    Ok(if whole && shown.len() < precision { shown + ".0" } else { shown })
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn exponential(x: f64, digits: usize, letter: char) -> String {
    let shown = format!("{x:.digits$e}");
    let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{letter}{sign}{:02}", exponent.abs())
}

/// The digits of `n` by a type of `bdoxX`, with a prefix where asked.
pub(super) fn int(n: u128, kind: char, prefix: bool) -> (&'static str, String) {
    let (word, digits) = match kind {
        'b' => ("0b", format!("{n:b}")),
        'o' => ("0o", format!("{n:o}")),
        'x' => ("0x", format!("{n:x}")),
        'X' => ("0X", format!("{n:X}")),
        _ => ("", n.to_string()),
    };
    (if prefix { word } else { "" }, digits)
}
