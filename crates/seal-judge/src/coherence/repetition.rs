//! How much of a text is said before.

use super::limits::{MIN_UNITS, RUN_LIMIT, SEQ_REP_4_LIMIT};
use super::units::Units;

/// Times in a row that a block must stand there to be a loop.
const LEAST_TIMES: usize = 4;

/// The longest block of a loop, in words: a long paragraph.
const LONGEST_BLOCK: usize = 64;

/// What a text repeats.
///
/// Units are words between white space. Words of more than 40 characters are taken apart into
/// characters. Where most letters are of a script without spaces, units are characters, and 8
/// (Chinese, Japanese) or 16 (Thai and the like) take the place of 4 words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repetition {
    /// Units of the text.
    pub units: usize,
    /// `seq-rep-4` of Welleck et al. 2020: 1 less the number of different 4-grams over the number of
    /// 4-grams, on words in place of a model's tokens. `None` of a text with fewer than 4 units.
    pub seq_rep_4: Option<f64>,
    /// The loop with the most units; `None` without one.
    pub longest_run: Option<RepeatedBlock>,
}

/// A block of units that stands four times or more in a row. It has a letter or a digit: rulers and
/// empty cells of tables are no loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepeatedBlock {
    /// Units of the block.
    pub block: usize,
    /// Units of the loop. The last block may be cut.
    pub units: usize,
}

impl Repetition {
    /// Of a text.
    pub fn of(text: &str) -> Self {
        let units = Units::of(text);
        Self {
            units: units.numbers.len(),
            seq_rep_4: repeated_grams(&units),
            longest_run: longest_run(&units),
        }
    }

    /// Share of the text in the longest loop; 0 without one.
    pub fn run_share(&self) -> f64 {
        self.longest_run.map_or(0.0, |run| run.units as f64 / self.units as f64)
    }

    /// Whether the text repeats more than a sound answer does.
    pub fn is_degenerate(&self) -> bool {
        let repeats = self.seq_rep_4.is_some_and(|share| share > SEQ_REP_4_LIMIT);
        self.units >= MIN_UNITS && (repeats || self.run_share() > RUN_LIMIT)
    }
}

fn repeated_grams(units: &Units) -> Option<f64> {
    let mut grams: Vec<&[u32]> = units.numbers.windows(units.gram).collect();
    let all = grams.len();
    grams.sort_unstable();
    grams.dedup();
    (all > 0).then(|| 1.0 - grams.len() as f64 / all as f64)
}

fn longest_run(units: &Units) -> Option<RepeatedBlock> {
    let (numbers, n) = (&units.numbers, units.numbers.len());
    let mut longest: Option<RepeatedBlock> = None;
    // Where unit i equals unit i - block for a while, the text there has the period `block`.
    for block in 1..=(LONGEST_BLOCK * units.gram / 4).min(n / LEAST_TIMES) {
        let mut equal = 0;
        for i in block..=n {
            if i < n && numbers[i] == numbers[i - block] {
                equal += 1;
                continue;
            }
            let found = equal + block;
            let is_longer = longest.is_none_or(|run| found > run.units);
            if is_longer
                && found >= LEAST_TIMES * block
                && units.wordy[i - found..i].contains(&true)
            {
                longest = Some(RepeatedBlock { block, units: found });
            }
            equal = 0;
        }
    }
    longest
}
