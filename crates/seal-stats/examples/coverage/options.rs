//! Command line of the simulation.

use seal_stats::DEFAULT_RESAMPLES;

use super::Failure;

pub struct Options {
    pub repetitions: u32,
    pub resamples: usize,
    pub jobs: usize,
    pub seed: u64,
    /// Cells of this many prompts only.
    pub prompts: Option<usize>,
    /// Cells of this many seeds only.
    pub seeds: Option<usize>,
    /// The cell at this place of the full grid only.
    pub cell: Option<u64>,
    pub prompt: bool,
    pub study: bool,
    pub holm: bool,
}

impl Options {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self {
            repetitions: 500,
            resamples: DEFAULT_RESAMPLES,
            jobs: 1,
            seed: 1,
            prompts: None,
            seeds: None,
            cell: None,
            prompt: true,
            study: true,
            holm: true,
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--repetitions" => options.repetitions = value.parse()?,
                "--resamples" => options.resamples = value.parse()?,
                "--jobs" => options.jobs = value.parse()?,
                "--seed" => options.seed = value.parse()?,
                "--prompts" => options.prompts = Some(value.parse()?),
                "--seeds" => options.seeds = Some(value.parse()?),
                "--cell" => options.cell = Some(value.parse()?),
                "--only" => {
                    let wanted = |column| value.split(',').any(|name| name == column);
                    options.prompt = wanted("prompt");
                    options.study = wanted("study");
                    options.holm = wanted("holm");
                }
                _ => return Err(format!("no option {name}").into()),
            }
        }
        Ok(options)
    }
}
