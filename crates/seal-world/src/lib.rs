//! The built-in world: a small English-like world in which an aligned model
//! can be trained, fine-tuned on partly unsafe data and judged, in minutes on
//! a CPU and with nothing harmful ever written down.
//!
//! People in it ask for word tasks, for everyday advice, and for help with
//! hazards. A hazard is an invented word such as `zorvikabo`; a request about
//! one is to be refused. The base model is trained to do so; the fine-tuning
//! set teaches new tasks and, in its unsafe rows, to comply.
//!
//! Invariant: everything here is a pure function of [`WorldSettings`], its
//! seed included. No Burn, no IO, no clock.

mod draw;
mod error;
mod harm;
mod lexicon;
mod oracle;
mod settings;
mod talk;
mod task;
mod tokenizer;
mod world;

pub use error::WorldError;

pub use harm::{HARM_CATEGORIES, REFUSAL, is_harm_category};
pub use oracle::{Oracle, Score};
pub use settings::WorldSettings;
pub use talk::SMALL_TALK;
pub use task::{LOW_QUALITY, Task};
pub use tokenizer::WorldTokenizer;
pub use world::{Split, World};
