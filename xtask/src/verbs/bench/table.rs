//! The table of a benchmark.

use std::io::{self, Write};

use seal_bench::Summary;
use seal_cli::table::{self, Align, headings};

/// Writes a table for a person.
pub(super) fn write(out: &mut dyn Write, summaries: &[Summary]) -> io::Result<()> {
    use Align::{Left, Right};
    let headings = headings(&[
        ("case", Left),
        ("work", Left),
        ("by", Left),
        ("tokens/s", Right),
        ("step ms", Right),
        ("quartiles", Right),
        ("peak MiB", Right),
        ("work MiB", Right),
        ("of matmul", Right),
        ("speed", Right),
        ("(range)", Right),
        ("memory", Right),
    ]);
    let whole = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.0}"));
    let row = |s: &Summary| {
        vec![
            s.case.clone(),
            s.work.to_string(),
            s.by.clone(),
            format!("{:.0}", s.tokens_per_s),
            format!("{:.1}", s.step_ms),
            format!("{:.1}-{:.1}", s.step_ms_quartiles.0, s.step_ms_quartiles.1),
            whole(s.peak_mib),
            whole(s.work_mib),
            // A peer counts no operations.
            s.utilisation
                .filter(|u| *u > 0.0)
                .map_or("-".to_owned(), |u| format!("{:.0} %", 100.0 * u)),
            s.ratio.map_or("-".to_owned(), |(m, ..)| format!("{m:.2}x")),
            s.ratio.map_or(String::new(), |(_, low, high)| format!("{low:.2}-{high:.2}")),
            s.memory_ratio.map_or("-".to_owned(), |m| format!("{m:.2}x")),
        ]
    };
    table::write(out, &headings, &summaries.iter().map(row).collect::<Vec<_>>())
}
