//! Prints the local path and the pinned address of what lies on a model hub.
//!
//! ```text
//! cargo run -p seal-hub --example get -- hf://EleutherAI/pythia-70m
//! cargo run -p seal-hub --example get -- hf://datasets/Anthropic/hh-rlhf/harmless-base/test.jsonl.gz
//! ```
//!
//! Exits with 2 for a wrong address or setting, 5 where trying later may help,
//! and 3 otherwise.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::process::ExitCode;

use seal_hub::{Event, Hub, HubAddress, HubError, HubSettings};

fn main() -> ExitCode {
    match get(std::env::args().nth(1).as_deref().unwrap_or_default()) {
        Ok(lines) => {
            println!("{lines}");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("error: {e}");
            let usage = matches!(e, HubError::Address { .. } | HubError::Setting { .. });
            ExitCode::from(if usage {
                2
            } else if e.is_retryable() {
                5
            } else {
                3
            })
        }
    }
}

fn get(text: &str) -> Result<String, HubError> {
    let address: HubAddress = text.parse()?;
    let hub = Hub::new(HubSettings::from_env()?)?;
    // A program draws a bar from `Event::Bytes`; this one names the files.
    let on = |event: &Event<'_>| match event {
        Event::Bytes { .. } => {}
        other => eprintln!("{other:?}"),
    };
    let (path, pinned) = match address.path() {
        Some(_) => hub.file(&address, &on).map(|file| (file.path, file.pinned))?,
        None => hub.model(&address, &on).map(|model| (model.folder, model.pinned))?,
    };
    Ok(format!("{}\n{pinned}", path.display()))
}
