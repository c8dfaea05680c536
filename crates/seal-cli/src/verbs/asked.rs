//! What judges of pairs will ask, in words.

use std::io::{self, Write};

use seal_study::PlannedJudging;

/// Writes what each judge will ask at most, a line each.
pub(super) fn write(out: &mut dyn Write, all: &[PlannedJudging]) -> io::Result<()> {
    for planned in all {
        let PlannedJudging { test, judge, model, questions, cost } = planned;
        let by = judge.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
        let cost = match cost {
            Some(cost) => format!("cost at most {cost:.2}"),
            None => "no price known".to_owned(),
        };
        let n = if *questions == 1 { "question" } else { "questions" };
        writeln!(out, "judge of {test}{by}: at most {questions} {n} to {model}, {cost}")?;
    }
    Ok(())
}
