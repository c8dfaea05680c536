//! A story by a model of llama2.c.
//!
//!     cargo run --release -p seal-lm --example stories -- FOLDER [TEMPERATURE [SEED [BEGINNING]]]
//!
//! FOLDER holds one checkpoint and its tokenizer, `stories260K.bin` and
//! `tok512.bin`, as in <https://huggingface.co/karpathy/tinyllamas>. Temperature
//! 0, the default, gives the likeliest story.

#![allow(clippy::print_stdout, reason = "its output is what the example is for")]

use std::error::Error;
use std::path::PathBuf;

use seal_data::{RowId, Tokenizer};
use seal_device::DeviceSpec;
use seal_lm::{GenerateSettings, Llama2cTokenizer, Prompt, generate, load_llama2c};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: stories FOLDER [TEMPERATURE [SEED [BEGINNING]]]";
    let folder = PathBuf::from(args.next().ok_or(usage)?);
    let temperature = args.next().map_or(Ok(0.0), |t| t.parse())?;
    let seed = args.next().map_or(Ok(0), |s| s.parse())?;
    let beginning = args.next().unwrap_or_default();

    let device = DeviceSpec::default().open()?;
    let model = load_llama2c(&folder.join("stories260K.bin"), &device)?;
    let tokenizer = Llama2cTokenizer::read(&folder.join("tok512.bin"))?;
    let mut tokens: Vec<u32> = tokenizer.bos().into_iter().collect();
    tokens.extend(tokenizer.encode(&beginning)?);
    let prompt = Prompt { id: RowId::of("story", &beginning, 0), tokens };

    let settings = GenerateSettings { temperature, top_p: 0.9, ..GenerateSettings::greedy(256) };
    let stops = &Llama2cTokenizer::STOPS;
    let answers = generate(&model, std::slice::from_ref(&prompt), &settings, stops, seed)?;
    for answer in answers {
        println!("{}", tokenizer.decode(&[prompt.tokens.clone(), answer.tokens].concat()));
    }
    Ok(())
}
