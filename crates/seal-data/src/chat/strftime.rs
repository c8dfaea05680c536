//! The date that templates ask for. It is a setting: a clock would make the
//! tokens of a row depend on the day of the run.
//!
//! Written here, in some 90 lines: libraries for dates bring time zones and clocks,
//! and take directives that Python's `strftime` does not take.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A date that cannot be read, or a form that it cannot be written in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// Text that is no day of the calendar.
    #[error("a date is written like 2024-07-26; got {found:?}")]
    NoDate {
        /// The text.
        found: String,
    },
    /// A directive that is not written here, or `%` at the end of the form.
    #[error("strftime_now: `%{}` is not supported", directive.unwrap_or(' '))]
    Directive {
        /// The letter after `%`.
        directive: Option<char>,
    },
}

/// A day, written `2024-07-26`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

fn month_len(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Date {
    fn day_of_year(self) -> u16 {
        (1..self.month).map(|m| u16::from(month_len(self.year, m))).sum::<u16>()
            + u16::from(self.day)
    }

    /// 0 is Sunday.
    fn weekday(self) -> usize {
        let before = i64::from(self.year) - 1;
        let days = before * 365 + before / 4 - before / 100 + before / 400;
        ((days + i64::from(self.day_of_year())) % 7) as usize
    }

    /// As Python's `strftime`, in English; the time is midnight.
    ///
    /// # Errors
    /// A directive other than `%Y %y %m %d %e %B %b %h %A %a %j %H %I %M %S %p
    /// %F %D %%`, also with `-` for no padding.
    pub fn format(self, format: &str) -> Result<String, DateError> {
        let (mut out, mut chars) = (String::new(), format.chars());
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut directive = chars.next();
            let bare = directive == Some('-');
            if bare {
                directive = chars.next();
            }
            let written = self.directive(directive, bare);
            out.push_str(&written.ok_or(DateError::Directive { directive })?);
        }
        Ok(out)
    }

    fn directive(self, directive: Option<char>, bare: bool) -> Option<String> {
        let Self { year, month, day } = self;
        let padded = |n: u16, width: usize| {
            if bare { n.to_string() } else { format!("{n:0width$}") }
        };
        let (month_name, day_name) = (MONTHS[usize::from(month) - 1], DAYS[self.weekday()]);
        Some(match directive? {
            'Y' => year.to_string(),
            'y' => padded(year % 100, 2),
            'm' => padded(month.into(), 2),
            'd' => padded(day.into(), 2),
            'e' => {
                if bare {
                    day.to_string()
                } else {
                    format!("{day:2}")
                }
            }
            'B' => month_name.into(),
            'b' | 'h' => month_name[..3].into(),
            'A' => day_name.into(),
            'a' => day_name[..3].into(),
            'j' => padded(self.day_of_year(), 3),
            'H' | 'M' | 'S' => padded(0, 2),
            'I' => padded(12, 2),
            'p' => "AM".into(),
            'F' => self.to_string(),
            'D' => format!("{month:02}/{day:02}/{:02}", year % 100),
            '%' => "%".into(),
            _ => return None,
        })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(s: &str) -> Result<Self, DateError> {
        let bad = || DateError::NoDate { found: s.to_owned() };
        let mut parts = s.split('-');
        let mut next = |len| parts.next().filter(|p| p.len() == len)?.parse::<u16>().ok();
        let (year, month, day) = (next(4), next(2), next(2));
        let (Some(year), Some(month), Some(day), None) = (year, month, day, parts.next()) else {
            return Err(bad());
        };
        let (month, day) = (month as u8, day as u8);
        let real =
            year > 0 && (1..=12).contains(&month) && (1..=month_len(year, month)).contains(&day);
        if real { Ok(Self { year, month, day }) } else { Err(bad()) }
    }
}

impl TryFrom<String> for Date {
    type Error = DateError;

    fn try_from(s: String) -> Result<Self, DateError> {
        s.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: Python 3.11, `datetime(...).strftime(...)`.
    #[test]
    fn dates_are_written_as_python_writes_them() {
        let shown =
            |date: &str, format: &str| date.parse::<Date>().unwrap().format(format).unwrap();
        assert_eq!(shown("2024-07-26", "%d %b %Y"), "26 Jul 2024");
        assert_eq!(
            shown("2024-12-31", "%A, %B %-d, %Y (%j, %a)"),
            "Tuesday, December 31, 2024 (366, Tue)"
        );
        assert_eq!(
            shown("2000-03-01", "%Y-%m-%d %H:%M:%S %y %e %D %F %a %%"),
            "2000-03-01 00:00:00 00  1 03/01/00 2000-03-01 Wed %"
        );
        assert_eq!(shown("1999-01-03", "%a %-m/%-d %I %p"), "Sun 1/3 12 AM");
        assert!("2024-07-26".parse::<Date>().unwrap().format("%Q").is_err());
    }

    #[test]
    fn only_real_days_are_dates() {
        for bad in ["", "2024-7-26", "2023-02-29", "2024-13-01", "2024-01-01-01", "26.07.2024"] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
        assert!("2024-02-29".parse::<Date>().is_ok());
    }
}
