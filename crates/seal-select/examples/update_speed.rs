//! Time of one selector update.
//!
//! `cargo run --release -p seal-select --example update_speed [ROWS]`
//! (10 million rows by default). The budget at 10 million rows on two cores is
//! 30 ms for softmax, and a time that does not grow with the rows for the
//! element-wise functions.

#![allow(clippy::print_stdout, reason = "its output is what the example is for")]

use std::time::Instant;

use seal_select::{
    Normalise, Selector, SelectorFunction, SelectorOptimizer, SelectorSettings, matched_rate,
};

const BATCH: usize = 64;
const STEPS: usize = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows: usize = std::env::args().nth(1).map_or(Ok(10_000_000), |n| n.parse())?;
    println!("{rows} rows, {} threads, {STEPS} steps", rayon::current_num_threads());
    for function in SelectorFunction::ALL {
        time(rows, SelectorSettings { function, ..Default::default() })?;
    }
    let function = SelectorFunction::Sigmoid;
    time(rows, SelectorSettings { function, normalise: Normalise::Mean, ..Default::default() })?;
    time(
        rows,
        SelectorSettings { optimizer: SelectorOptimizer::released(), ..Default::default() },
    )?;
    Ok(())
}

fn time(rows: usize, settings: SelectorSettings) -> Result<(), Box<dyn std::error::Error>> {
    let mut selector = Selector::with_settings(settings, rows)?;
    let base = if settings.optimizer == SelectorOptimizer::Plain { 5.0 } else { 5e-3 };
    let rate = matched_rate(settings.function, base, &settings.optimizer);
    let losses: Vec<f64> = (0..BATCH).map(|i| 1.0 + i as f64 / BATCH as f64).collect();
    let mut millis = Vec::with_capacity(STEPS);
    for step in 0..STEPS {
        let batch: Vec<usize> = (0..BATCH).map(|i| (step * 7919 + i * 104_729) % rows).collect();
        let start = Instant::now();
        selector.update(&batch, &losses, rate, BATCH)?;
        millis.push(start.elapsed().as_secs_f64() * 1e3);
    }
    millis.sort_unstable_by(f64::total_cmp);
    println!(
        "{:<13} {:<9?} {:<5} median {:>9.4} ms  fastest {:>9.4} ms",
        settings.function,
        settings.normalise,
        if settings.optimizer == SelectorOptimizer::Plain { "plain" } else { "Adam" },
        millis[STEPS / 2],
        millis[0]
    );
    Ok(())
}
