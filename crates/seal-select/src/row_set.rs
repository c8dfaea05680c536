//! Sets of rows by position, for files whose unsafe rows stand in blocks.

mod error;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

pub use error::RowSetError;

use crate::SelectError;

/// Positions of rows, from 0, as rising ranges that have no row in common.
///
/// As text: `0..22393`, or `0..10,20..30`; the end of a range is not in it.
///
/// ```
/// use seal_select::RowSet;
///
/// let rows: RowSet = "0..10,20..30".parse()?;
/// assert_eq!(rows.rows(), 20);
/// assert!(rows.contains(29) && !rows.contains(30));
/// # Ok::<(), seal_select::SelectError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSet {
    ranges: Vec<Range<usize>>,
}

impl RowSet {
    /// From ranges.
    ///
    /// # Errors
    /// [`SelectError::RowSet`] if there is none, one is empty, or one starts
    /// before the end of the range before it.
    pub fn new(ranges: Vec<Range<usize>>) -> Result<Self, SelectError> {
        if ranges.is_empty() {
            return Err(RowSetError::Empty.into());
        }
        if let Some(range) = ranges.iter().find(|range| range.is_empty()) {
            return Err(RowSetError::EmptyRange { range: range.clone() }.into());
        }
        if let Some([before, range]) = ranges.array_windows().find(|[a, b]| b.start < a.end) {
            let (range, before) = (range.clone(), before.clone());
            return Err(RowSetError::Overlap { range, before }.into());
        }
        Ok(Self { ranges })
    }

    /// Number of rows in the set.
    pub fn rows(&self) -> usize {
        self.ranges.iter().map(Range::len).sum()
    }

    /// Whether the row at `position` is in the set.
    pub fn contains(&self, position: usize) -> bool {
        self.ranges.iter().any(|range| range.contains(&position))
    }

    /// For each row of a file of `rows`, whether it is in the set.
    ///
    /// # Errors
    /// [`SelectError::RowSet`] if the set has a row that the file has not.
    pub fn flags(&self, rows: usize) -> Result<Vec<bool>, SelectError> {
        let mut flags = vec![false; rows];
        for range in &self.ranges {
            let Some(inside) = flags.get_mut(range.clone()) else {
                return Err(RowSetError::Outside { range: range.clone(), rows }.into());
            };
            inside.fill(true);
        }
        Ok(flags)
    }
}

impl FromStr for RowSet {
    type Err = SelectError;

    fn from_str(text: &str) -> Result<Self, SelectError> {
        let range = |part: &str| {
            let (start, end) = part.trim().split_once("..")?;
            Some(start.parse().ok()?..end.parse().ok()?)
        };
        let parse =
            |part| range(part).ok_or_else(|| RowSetError::NoRange { found: part.to_owned() });
        Self::new(text.split(',').map(parse).collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for RowSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Range { start, end }) in self.ranges.iter().enumerate() {
            write!(f, "{}{start}..{end}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_set_from_each_start_to_before_each_end() {
        let set: RowSet = "1..3,4..5".parse().unwrap();
        let within: Vec<usize> = (0..7).filter(|row| set.contains(*row)).collect();
        assert_eq!(within, [1, 2, 4]);
    }

    #[test]
    fn text_and_set_agree() {
        for text in ["0..22393", "0..10,20..30", "0..10,10..11"] {
            assert_eq!(text.parse::<RowSet>().unwrap().to_string(), text);
        }
        let set: RowSet = "1..3, 4..5".parse().unwrap();
        assert_eq!(set.flags(6), Ok(vec![false, true, true, false, true, false]));
        assert_eq!(set.rows(), 3);
    }

    #[test]
    fn bad_sets_are_refused() {
        let texts = [
            "",
            "5",
            "0..=5",
            "a..b",
            "-1..5",
            "0..",
            "5..5",
            "9..3",
            "0..10,5..20",
            "20..30,0..10",
            "0..99999999999999999999999",
            "0..5,",
        ];
        let mut errors: Vec<String> = texts
            .iter()
            .map(|text| format!("{text:?}: {}", text.parse::<RowSet>().unwrap_err()))
            .collect();
        let small: RowSet = "0..10".parse().unwrap();
        errors.push(format!("flags: {}", small.flags(9).unwrap_err()));
        insta::assert_snapshot!(errors.join("\n"), @r#"
        "": set of rows: `` is no range; expected are ranges such as `0..10,20..30`, ends not in them
        "5": set of rows: `5` is no range; expected are ranges such as `0..10,20..30`, ends not in them
        "0..=5": set of rows: `0..=5` is no range; expected are ranges such as `0..10,20..30`, ends not in them
        "a..b": set of rows: `a..b` is no range; expected are ranges such as `0..10,20..30`, ends not in them
        "-1..5": set of rows: `-1..5` is no range; expected are ranges such as `0..10,20..30`, ends not in them
        "0..": set of rows: `0..` is no range; expected are ranges such as `0..10,20..30`, ends not in them
        "5..5": set of rows: the range 5..5 has no row; expected are ranges such as `0..10,20..30`, ends not in them
        "9..3": set of rows: the range 9..3 has no row; expected are ranges such as `0..10,20..30`, ends not in them
        "0..10,5..20": set of rows: the range 5..20 starts before 0..10 ends; expected are ranges such as `0..10,20..30`, ends not in them
        "20..30,0..10": set of rows: the range 0..10 starts before 20..30 ends; expected are ranges such as `0..10,20..30`, ends not in them
        "0..99999999999999999999999": set of rows: `0..99999999999999999999999` is no range; expected are ranges such as `0..10,20..30`, ends not in them
        "0..5,": set of rows: `` is no range; expected are ranges such as `0..10,20..30`, ends not in them
        flags: set of rows: the range 0..10 is not in a file of 9 rows; expected are ranges such as `0..10,20..30`, ends not in them
        "#);
    }
}
