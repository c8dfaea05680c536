//! How far two devices are apart.

use crate::found::{Found, Quantity, norm};
use crate::tolerance::Precision;

/// The quantity that differs most.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Largest {
    /// Infinite for numbers that are none, and for quantities of another size.
    pub(crate) difference: f64,
    pub(crate) of: String,
}

/// The largest difference of `found` from `reference`; `Err` says what cannot be compared.
pub(crate) fn largest(
    found: &Found,
    reference: &Found,
    precision: Precision,
) -> Result<Largest, String> {
    let (found, reference) = (found.quantities(), reference.quantities());
    let names = |of: &[(String, Quantity)]| of.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
    if names(found) != names(reference) || found.is_empty() {
        return Err("the path gave other quantities than on the reference".to_owned());
    }
    let mut most = Largest { difference: 0.0, of: found[0].0.clone() };
    for ((name, found), (_, reference)) in found.iter().zip(reference) {
        let difference =
            difference(found, reference, precision).map_err(|e| format!("{name}: {e}"))?;
        if difference > most.difference {
            most = Largest { difference, of: name.clone() };
        }
    }
    Ok(most)
}

fn difference(found: &Quantity, reference: &Quantity, precision: Precision) -> Result<f64, String> {
    match (found, reference) {
        (Quantity::Numbers { values: a, .. }, Quantity::Numbers { values: b, least }) => {
            if a.len() != b.len() {
                return Err(format!("{} numbers, not {}", a.len(), b.len()));
            }
            if let Some(at) = b.iter().position(|x| !x.is_finite()) {
                return Err(format!("number {at} of the reference is {}", b[at]));
            }
            if let Some(at) = a.iter().position(|x| !x.is_finite()) {
                return Err(format!("number {at} is {}", a[at]));
            }
            let off: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
            let unit = norm(b).max(*least);
            Ok(if unit > 0.0 { norm(&off) / unit } else { norm(&off) })
        }
        (Quantity::Tokens { tokens: a, .. }, Quantity::Tokens { tokens: b, gaps }) => {
            let tie = gaps.iter().position(|gap| *gap < precision.tie());
            let clear = tie.unwrap_or(b.len()).min(b.len());
            if clear == 0 && !b.is_empty() {
                return Err("the first token of the reference is a tie: nothing to compare".into());
            }
            if tie.is_none() && a.len() != b.len() {
                return Err(format!("{} tokens, not {}", a.len(), b.len()));
            }
            let differ = (0..clear).filter(|i| a.get(*i) != Some(&b[*i])).count();
            Ok(differ as f64 / clear.max(1) as f64)
        }
        _ => Err("tokens beside numbers".to_owned()),
    }
}

/// Whether all numbers and tokens of two runs have the same bits.
pub(crate) fn same_bits(a: &Found, b: &Found) -> bool {
    let same = |a: &Quantity, b: &Quantity| match (a, b) {
        (Quantity::Numbers { values: a, .. }, Quantity::Numbers { values: b, .. }) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        }
        (Quantity::Tokens { tokens: a, .. }, Quantity::Tokens { tokens: b, .. }) => a == b,
        _ => false,
    };
    let (a, b) = (a.quantities(), b.quantities());
    a.len() == b.len() && a.iter().zip(b).all(|((m, a), (n, b))| m == n && same(a, b))
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
