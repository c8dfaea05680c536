//! Many rounds of four processes on one store, and what came of them.
//!
//! ```text
//! cargo run -p seal-store --example races -- [ROUNDS]
//! ```
//!
//! Build the example `shared_store` first. A round has two parts. In the first, four processes make
//! the same outputs in four orders, from the same moment on, with the default timing. In the second,
//! claims of a host that is gone are in the way, whose clock is ten minutes ahead or behind. One of
//! the four processes is stopped at its work for longer than a claim may be silent, and wakes up.
//! One is killed and started again. Afterwards every entry is compared, byte by byte, with that of a
//! process that was alone. Any entry that is missing or differs ends the program with an error.

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::collections::BTreeMap;
use std::error::Error;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::{claim_of_other_host, content, left, made, made_by, said, signal, start};

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
const SILENT: u64 = 1000;

/// What happened, over all rounds.
#[derive(Debug, Default)]
struct Sums {
    outputs: usize,
    committed: usize,
    twice: usize,
    twice_after_stops: usize,
    taken_over: usize,
    lost: usize,
    other_bits: usize,
    missing: usize,
    left_behind: usize,
}

/// Numbers that look random, from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn order(&mut self) -> Vec<&'static str> {
        let mut names = NAMES.to_vec();
        for i in (1..names.len()).rev() {
            names.swap(i, self.below(i as u64 + 1) as usize);
        }
        names
    }
}

type Content = BTreeMap<PathBuf, Vec<u8>>;

/// The entries of processes that were alone, one for each order.
fn alone(orders: &[Vec<&str>]) -> io::Result<Content> {
    let dir = tempfile::tempdir()?;
    for order in orders {
        said(start(dir.path(), "0", order));
    }
    Ok(content(dir.path()))
}

fn compare(dir: &Path, expected: &Content, sums: &mut Sums) {
    let found = content(dir);
    sums.outputs += expected.len() / 2;
    sums.missing += expected.keys().filter(|name| !found.contains_key(*name)).count();
    sums.other_bits +=
        found.iter().filter(|(name, bytes)| expected.get(*name) != Some(bytes)).count();
    sums.other_bits += left(dir, "damaged");
    sums.left_behind +=
        ["claims", "scratch", "unfinished"].map(|name| left(dir, name)).iter().sum::<usize>();
}

/// Parts that were made more often than once.
fn again(dir: &Path) -> usize {
    made(dir).values().map(|times| times - 1).sum()
}

fn normal(random: &mut Random, sums: &mut Sums) -> io::Result<()> {
    let orders: Vec<Vec<&str>> = (0..4).map(|_| random.order()).collect();
    let expected = alone(&orders)?;
    let dir = tempfile::tempdir()?;
    let pause = random.below(4).to_string();
    let four: Vec<_> = orders.iter().map(|order| start(dir.path(), &pause, order)).collect();
    sums.committed += four.into_iter().map(|child| made_by(&said(child))).sum::<usize>();
    sums.twice += again(dir.path());
    compare(dir.path(), &expected, sums);
    Ok(())
}

fn disturbed(random: &mut Random, sums: &mut Sums) -> io::Result<()> {
    let orders: Vec<Vec<&str>> = (0..4).map(|_| random.order()).collect();
    let expected = alone(&orders)?;
    let dir = tempfile::tempdir()?;
    for (name, off) in [("b", -600), ("e", 600), ("h", 0)] {
        // The store must be one before it has claims.
        if !dir.path().join("store/store.json").exists() {
            said(start(dir.path(), "0", &[]));
        }
        claim_of_other_host(dir.path(), name, off);
    }
    let silent = SILENT.to_string();
    let begin = |order: &[&str]| {
        let args: Vec<&str> = order.iter().copied().chain(["--silent", &silent]).collect();
        start(dir.path(), "20", &args)
    };
    let mut four: Vec<_> = orders.iter().map(|order| begin(order)).collect();
    sleep(Duration::from_millis(random.below(300)));
    signal(&four[0], "STOP");
    sleep(Duration::from_millis(random.below(300)));
    four[1].kill()?;
    four[1].wait()?;
    four[1] = begin(&orders[1]);
    sleep(Duration::from_millis(SILENT + random.below(SILENT * 2)));
    signal(&four[0], "CONT");
    for child in four {
        let said = said(child);
        let count = |what: &str| said.iter().filter(|line| line.ends_with(what)).count();
        sums.taken_over += count(" taken over");
        sums.lost += count(" lost");
    }
    sums.twice_after_stops += again(dir.path());
    // The entry of the process without names is none that the others make.
    let mut expected = expected;
    expected.extend(alone(&[Vec::new()])?);
    compare(dir.path(), &expected, sums);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let rounds: u64 = std::env::args().nth(1).map_or(Ok(20), |text| text.parse())?;
    let (mut sums, start) = (Sums::default(), Instant::now());
    for round in 0..rounds {
        let mut random = Random(round);
        normal(&mut random, &mut sums)?;
        disturbed(&mut random, &mut sums)?;
        let mut out = io::stdout();
        writeln!(out, "round {round}: {:.0} s, {sums:?}", start.elapsed().as_secs_f64())?;
    }
    match sums.other_bits + sums.missing + sums.twice + sums.left_behind {
        0 => Ok(()),
        _ => Err(format!("{sums:?}").into()),
    }
}
