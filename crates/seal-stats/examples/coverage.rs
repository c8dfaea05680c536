//! Do the intervals cover what they promise, and does Holm's correction keep its level?
//!
//! Simulates studies whose true win rate is known and counts how often each interval contains it:
//!
//! ```text
//! cargo run --release -p seal-stats --example coverage -- [--repetitions 500] [--resamples 10000]
//!     [--only prompt|study|holm] [--prompts 100] [--seeds 3] [--cell 0] [--jobs 1] [--seed 1]
//! ```
//!
//! The grid is win rate 10 / 50 / 90 % (of the decided verdicts), ties 0 / 30 / 80 %, seed s.d. 0 / 2
//! / 5 points, 100 / 300 / 1,000 prompts, 3 and 5 seeds (and 1, for the prompt interval). One line per
//! cell, then the extremes of each column. Equal arguments give equal output, whatever `--jobs` is.
//!
//! - `prompt`: does the prompt interval contain the rate of these models, the seeds drawn, over all
//!   prompts? `wilson` is how often it was of the Wilson type.
//! - `study`: does the study interval contain the rate over all seeds and prompts? `plain` is the
//!   textbook formula, mean +- t x se with Satterthwaite's degrees of freedom, for comparison; `width`
//!   the mean width of the study interval over that of the textbook's.
//! - `paired`: does the interval of the difference of two equal arms, on the same prompts but with
//!   seeds of their own, contain 0?
//! - `holm 12`, `holm 9`: how often any of 4 or 3 arms equal to SEAL is called different on any of 3
//!   tests at 5 % after Holm's correction. The tests have prompts and seed effects of their own,
//!   which is the hardest case: related tests err together.

use std::error::Error;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[path = "coverage/cell.rs"]
mod cell;
#[path = "coverage/options.rs"]
mod options;
#[path = "coverage/world.rs"]
mod world;

use cell::{COLUMNS, Cell, Share};
use options::Options;
use world::{SeedEffects, World};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let options = Options::parse(std::env::args().skip(1))?;
    let cells = grid(&options);
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Vec<Share>)>, Failure> {
        let mut done = vec![];
        while let Some(cell) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            cells.get(index).map(|cell| (index, cell))
        } {
            done.push((cell.0, cell.1.simulate(&options)?));
        }
        Ok(done)
    };
    let mut done = thread::scope(|scope| {
        let threads: Vec<_> = (0..options.jobs).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_fold(vec![], |mut all, thread| {
            all.extend(thread.join().map_err(|_| "a thread panicked")??);
            Ok::<_, Failure>(all)
        })
    })?;
    done.sort_by_key(|(index, _)| *index);
    let shares: Vec<Vec<Share>> = done.into_iter().map(|(_, shares)| shares).collect();
    print(&mut io::stdout().lock(), &cells, &shares)?;
    Ok(())
}

fn grid(options: &Options) -> Vec<Cell> {
    let mut cells = vec![];
    let mut index = 0;
    for effects in [SeedEffects::Latent, SeedEffects::Share] {
        for win in [0.1, 0.5, 0.9] {
            for ties in [0.0, 0.3, 0.8] {
                for sd in [0.0, 0.02, 0.05] {
                    // Without seed effects there is no telling how they act.
                    if sd == 0.0 && matches!(effects, SeedEffects::Share) {
                        continue;
                    }
                    let world = World::new(effects, win, ties, sd);
                    for prompts in [100, 300, 1000] {
                        for seeds in [1, 3, 5] {
                            index += 1;
                            if options.prompts.is_none_or(|only| only == prompts)
                                && options.seeds.is_none_or(|only| only == seeds)
                                && options.cell.is_none_or(|only| only == index)
                            {
                                cells.push(Cell { index, world, prompts, seeds });
                            }
                        }
                    }
                }
            }
        }
    }
    cells
}

fn print(out: &mut impl Write, cells: &[Cell], shares: &[Vec<Share>]) -> io::Result<()> {
    write!(out, "seeds' effect  win  ties  s.d.  prompts  seeds")?;
    COLUMNS.iter().try_for_each(|name| write!(out, " {name:>8}"))?;
    writeln!(out)?;
    for (cell, shares) in std::iter::zip(cells, shares) {
        write!(out, "{cell}")?;
        for share in shares {
            match share {
                Some(share) => write!(out, " {share:>8.4}")?,
                None => write!(out, " {:>8}", "-")?,
            }
        }
        writeln!(out)?;
    }
    for (column, name) in COLUMNS.iter().enumerate() {
        let mut found: Vec<(f64, &Cell)> = std::iter::zip(cells, shares)
            .filter_map(|(cell, shares)| Some((shares[column]?, cell)))
            .collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        if let (Some(least), Some(most)) = (found.first(), found.last()) {
            writeln!(out, "{name:>8}: least {:.4} at {}", least.0, least.1)?;
            writeln!(out, "{name:>8}:  most {:.4} at {}", most.0, most.1)?;
        }
    }
    Ok(())
}
