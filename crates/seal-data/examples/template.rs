//! Shows how a chat template turns a conversation into tokens, and on which
//! of them the loss is taken.
//!
//! `cargo run -p seal-data --example template -- MODEL_FOLDER [FILE.jinja]`
//!
//! Tokens that are trained on stand in `[brackets]`, special ones in `<angles>`.
//! Without a file, the template of the model folder is used.

#![allow(clippy::print_stdout)] // It is a program.

use std::error::Error;
use std::path::Path;

use seal_data::chat::{ChatFormat, ChatTemplate, Message, Trained, inspect};
use seal_data::{RowId, Template, TextTokenizer};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("give a model folder, with tokenizer.json in it")?;
    let tokenizer = TextTokenizer::from_folder(Path::new(&folder))?;
    let (name, source) = match args.next() {
        Some(file) => (file.clone(), std::fs::read_to_string(&file)?),
        None => {
            let own = tokenizer.chat_templates().get("default");
            (folder, own.ok_or("the folder has no chat template; give a file")?.clone())
        }
    };
    let template = ChatTemplate::new(&name, &source, Some("2024-07-26".parse()?))?;
    let messages = [
        Message::user("Name a colour."),
        Message::assistant("Blue."),
        Message::user("And one more?"),
        Message::assistant("Green."),
    ];
    let id = RowId::of("Name a colour.", "Green.", 0);
    for trained in [Trained::Last, Trained::All] {
        let format = ChatFormat { template: template.clone(), trained };
        let shown = inspect(&format, id, &messages, &tokenizer)?;
        println!("trained: {trained:?}, stops: {:?}", format.stops(&tokenizer)?);
        for piece in &shown.pieces {
            let text = format!("{:?}", piece.text);
            let text = if piece.special { format!("<{text}>") } else { text };
            let text = if piece.trained { format!("[{text}]") } else { text };
            println!("{:>8}  {text}", piece.id);
        }
    }
    Ok(())
}
