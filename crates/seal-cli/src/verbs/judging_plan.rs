//! What judges that are models will do, in words.

use std::io::{self, Write};
use std::time::Duration;

use seal_study::{PlannedJudging, PlannedWork};

use crate::remedy::LOG;
use crate::tracker::approximately;

const GIB: f64 = 1_073_741_824.0;

/// Writes what each judge does at most, a line each.
pub(super) fn write(out: &mut dyn Write, all: &[PlannedJudging]) -> io::Result<()> {
    all.iter().try_for_each(|planned| {
        line(out, planned)?;
        warnings(out, planned)
    })
}

fn line(out: &mut dyn Write, planned: &PlannedJudging) -> io::Result<()> {
    let PlannedJudging { model, questions, .. } = planned;
    write!(out, "judge of {}: ", test_and_judge(planned))?;
    match &planned.work {
        PlannedWork::Asks { cost, .. } => {
            let questions = counted(*questions, "question", "questions");
            let cost = match cost {
                Some(cost) => format!("cost at most {cost:.2}"),
                None => "no price known".to_owned(),
            };
            writeln!(out, "{questions} to {model}, {cost}")
        }
        PlannedWork::Runs { parameters, memory, seconds } => {
            let answers = counted(*questions, "answer", "answers");
            let size = size((*parameters, *memory), *seconds);
            writeln!(out, "{answers} and canaries by {model}, {size}")
        }
        PlannedWork::Answers { parameters, memory, seconds } => {
            let questions = counted(*questions, "question", "questions");
            let size = size((*parameters, *memory), *seconds);
            writeln!(out, "{questions} to {model}, which runs here: {size}")
        }
    }
}

/// What a model here takes.
fn size(model: (Option<u64>, Option<u64>), seconds: Option<f64>) -> String {
    let (Some(parameters), Some(memory)) = model else { return "its size is not known".to_owned() };
    let time = seconds.map_or_else(String::new, |seconds| {
        format!(", about {} on a few CPU cores", approximately(Duration::from_secs_f64(seconds)))
    });
    let (parameters, memory) = (1e-6 * parameters as f64, memory as f64 / GIB);
    format!("{parameters:.2} M parameters, {memory:.1} GiB of weights{time}")
}

/// What would end the run, or leave it without verdicts.
fn warnings(out: &mut dyn Write, planned: &PlannedJudging) -> io::Result<()> {
    if let Some(why) = &planned.unread {
        let place = test_and_judge(planned);
        writeln!(
            out,
            "judge of {place}: its replies cannot be read, and a run is refused: {why}; {LOG}; the number \
             above leaves them out"
        )?;
    }
    let PlannedWork::Asks { cost, max_cost, unset } = &planned.work else { return Ok(()) };
    let place = test_and_judge(planned);
    if let (Some(cost), Some(largest)) = (cost, max_cost)
        && largest < cost
    {
        writeln!(
            out,
            "judge of {place}: max_cost is {largest}, which is less than its questions may cost; \
             it stops before they cost more"
        )?;
    }
    match unset {
        Some(variable) => {
            writeln!(out, "judge of {place}: the variable {variable} of its key is not set")
        }
        None => Ok(()),
    }
}

fn test_and_judge(planned: &PlannedJudging) -> String {
    let by = planned.judge.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    format!("{}{by}", planned.test)
}

fn counted(count: Option<usize>, one: &str, many: &str) -> String {
    match count {
        None => format!("an unknown number of {many}"),
        Some(1) => format!("at most 1 {one}"),
        Some(count) => format!("at most {count} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(questions: Option<usize>, work: PlannedWork) -> String {
        let planned = PlannedJudging {
            test: "hh".into(),
            judge: Some("second".into()),
            model: "m".into(),
            questions,
            work,
            unread: None,
        };
        let mut out = Vec::new();
        write(&mut out, &[planned]).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_says_what_a_judge_takes_and_what_would_stop_it() {
        let asks = |cost, max_cost, unset: Option<&str>| PlannedWork::Asks {
            cost,
            max_cost,
            unset: unset.map(str::to_owned),
        };
        insta::assert_snapshot!(said(Some(7), asks(None, None, None)), @"judge of hh (second): at most 7 questions to m, no price known");
        insta::assert_snapshot!(said(Some(1), asks(Some(2.0), Some(1.5), Some("K"))), @"
        judge of hh (second): at most 1 question to m, cost at most 2.00
        judge of hh (second): max_cost is 1.5, which is less than its questions may cost; it stops before they cost more
        judge of hh (second): the variable K of its key is not set
        ");
        let (parameters, memory) = (Some(1_000_000), Some(1 << 30));
        let runs = PlannedWork::Runs { parameters, memory, seconds: Some(90.0) };
        insta::assert_snapshot!(said(Some(30), runs), @"judge of hh (second): at most 30 answers and canaries by m, 1.00 M parameters, 1.0 GiB of weights, about 90 s on a few CPU cores");
        let answers = PlannedWork::Answers { parameters, memory, seconds: None };
        insta::assert_snapshot!(said(Some(1), answers), @"judge of hh (second): at most 1 question to m, which runs here: 1.00 M parameters, 1.0 GiB of weights");
        let unknown = PlannedWork::Runs { parameters: None, memory: None, seconds: None };
        insta::assert_snapshot!(said(None, unknown), @"judge of hh (second): an unknown number of answers and canaries by m, its size is not known");
    }
}
