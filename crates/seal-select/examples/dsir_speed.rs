//! Time of DSIR on short rows, stage by stage.
//!
//! `cargo run --release -p seal-select --example dsir_speed [ROWS [FOLDER]]`
//! (1 million rows by default). With a folder, the rows and the target are
//! also written there, for `benches/peer/dsir.py` to time the authors' package
//! on the same texts. `RAYON_NUM_THREADS` sets the number of threads.

#![allow(clippy::print_stdout, reason = "its output is what the example is for")]

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use rand::{Rng, RngExt};
use seal_rows::RowId;
use seal_rows::seed::rng;
use seal_select::{Dsir, DsirSettings, gumbel_noise, keep_top, rank};

const WORDS_A_ROW: usize = 20;
const VOCABULARY: usize = 50_000;
const TARGET_ROWS: usize = 10_000;
const KEEP: f64 = 0.2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows: usize = std::env::args().nth(1).map_or(Ok(1_000_000), |n| n.parse())?;
    let vocabulary = vocabulary();
    let raw = texts("raw", rows, &vocabulary);
    let target = texts("target", TARGET_ROWS, &vocabulary[..VOCABULARY / 2]);
    if let Some(folder) = std::env::args().nth(2) {
        write(&Path::new(&folder).join("raw.jsonl"), &raw)?;
        write(&Path::new(&folder).join("target.jsonl"), &target)?;
    }
    let ids: Vec<RowId> = raw.iter().map(|text| RowId::of(text, "", 0)).collect();
    let bytes: usize = raw.iter().map(String::len).sum();
    println!(
        "{rows} rows, {:.1} MB, {TARGET_ROWS} target rows, {} threads",
        bytes as f64 / 1e6,
        rayon::current_num_threads()
    );

    let settings = DsirSettings { min_tokens: 1, ..Default::default() };
    let start = Instant::now();
    let (_, weights) = Dsir::fit_and_weigh(settings, &raw, &target)?;
    let fitted = start.elapsed().as_secs_f64();
    let omega = weights.resample(&gumbel_noise(&ids, 7))?;
    let order = rank(&ids, &omega, 7)?;
    let kept = keep_top(&order, KEEP)?.len();
    let total = start.elapsed().as_secs_f64();
    println!("fit and weights {fitted:8.3} s");
    println!("resample        {:8.3} s  ({kept} rows kept)", total - fitted);
    println!("all             {total:8.3} s  {:.0} rows/s", rows as f64 / total);
    let sum: f64 = weights.log_weights.iter().sum();
    println!("mean log weight {:.6}", sum / rows as f64);
    Ok(())
}

/// Made-up words of 2 to 9 letters.
fn vocabulary() -> Vec<String> {
    let mut draw = rng(&["vocabulary".into()]);
    (0..VOCABULARY)
        .map(|_| {
            let letters = draw.random_range(2..10usize);
            (0..letters).map(|_| char::from(draw.random_range(b'a'..=b'z'))).collect()
        })
        .collect()
}

/// Rows of [`WORDS_A_ROW`] words, with a comma and a full stop. A word's
/// frequency falls with its place, a few words making up much of the text.
fn texts(name: &str, rows: usize, words: &[String]) -> Vec<String> {
    let mut draw = rng(&[name.into()]);
    (0..rows).map(|_| text(&mut draw, words)).collect()
}

fn text(draw: &mut impl Rng, words: &[String]) -> String {
    let mut text = String::with_capacity(8 * WORDS_A_ROW);
    for i in 0..WORDS_A_ROW {
        let place = draw.random::<f64>().powi(4) * words.len() as f64;
        text.push_str(&words[place as usize]);
        text.push_str(match i {
            8 => ", ",
            i if i + 1 == WORDS_A_ROW => ".",
            _ => " ",
        });
    }
    text[..1].make_ascii_uppercase();
    text
}

/// Texts are of letters, commas and stops, so JSON needs no escapes.
fn write(path: &Path, texts: &[String]) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for text in texts {
        writeln!(file, "{{\"text\": \"{text}\"}}")?;
    }
    file.flush()
}
