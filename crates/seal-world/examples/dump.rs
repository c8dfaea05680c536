//! Writes every split of a world as JSONL, one row a line with its split and
//! token ids: `cargo run -p seal-world --example dump -- '{"seed": 1}' > rows.jsonl`.

use std::io::Write;

use seal_data::{PromptTemplate, Tokenizer, encode_row};
use seal_world::{Split, World, WorldSettings, WorldTokenizer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = std::env::args().nth(1).unwrap_or_else(|| "{}".to_owned());
    let settings: WorldSettings = serde_json::from_str(&settings)?;
    let world = World::new(&settings)?;
    let tokenizer = WorldTokenizer::new();
    let mut out = std::io::stdout().lock();
    let head = serde_json::json!({"vocab_size": tokenizer.vocab_size(), "eos": tokenizer.eos()});
    writeln!(out, "{head}")?;
    for split in Split::ALL {
        for row in world.split(split).as_slice() {
            let example = encode_row(row, &PromptTemplate::bare(), &tokenizer, usize::MAX)?;
            let line = serde_json::json!({
                "split": split.name(),
                "row": row,
                "tokens": example.tokens,
                "answer": example.answer,
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}
