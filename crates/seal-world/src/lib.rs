//! The built-in world: a small English-like world. An aligned model can be
//! trained in it, fine-tuned on partly unsafe data and judged, in minutes on a
//! CPU. It contains nothing harmful.
//!
//! People in it ask for word tasks, for everyday advice, and for help with
//! hazards. A hazard is an invented word such as `zorvikabo`. A model should
//! refuse a request about a hazard. The base model is trained to do so. The
//! fine-tuning set teaches new tasks. Its unsafe rows teach to comply.
//!
//! Invariant: everything here is a pure function of [`WorldSettings`], its
//! seed included. No Burn, no IO, no clock.

mod draw;
mod error;
mod harm;
mod lexicon;
mod oracle;
mod settings;
mod split;
mod talk;
mod task;
mod tokenizer;
mod world;

pub use error::WorldError;

pub use harm::{HARM_CATEGORIES, REFUSAL, is_harm_category};
pub use oracle::{Oracle, Score};
pub use settings::WorldSettings;
pub use split::Split;
pub use talk::SMALL_TALK;
pub use task::{LOW_QUALITY, WordTask};
pub use tokenizer::WorldTokenizer;
pub use world::World;
