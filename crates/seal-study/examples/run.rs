//! A study from a library: `cargo run -p seal-study --example run -- [CONFIG] [--set KEY=VALUE]..`

#![allow(clippy::print_stdout)]

use seal_study::{ConfigSource, RunOptions, Silent, Study, StudyError};

fn main() -> Result<(), StudyError> {
    let mut source = ConfigSource::default();
    let mut args = std::env::args().skip(1);
    let mut out = None;
    let mut jobs = 2;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--set" => source.set.extend(args.next()),
            "--out" => out = args.next(),
            "--jobs" => jobs = args.next().and_then(|j| j.parse().ok()).unwrap_or(1),
            "--quick" => source.quick = true,
            file => source.file = Some(file.into()),
        }
    }
    let study = Study::load(&source)?;
    let mut options = RunOptions::new(out.map_or_else(|| study.default_out(), Into::into));
    options.jobs = jobs;
    let outcome = study.run(&options, &Silent)?;
    for arm in &outcome.results.arms {
        let wins: Vec<String> = arm
            .win_rate
            .iter()
            .map(|(test, w)| format!("{test} {:.1}", w.mean.unwrap_or(f64::NAN)))
            .collect();
        println!("{:<14} {}", arm.id, wins.join("  "));
    }
    println!("ran {}, found {}: {}", outcome.ran, outcome.found, outcome.out.display());
    Ok(())
}
