//! Causal language models on Burn: Llama, Mistral, GPT-NeoX (Pythia) and Phi-3,
//! read from Hugging Face folders as they are; LoRA as a side path, in PEFT's
//! format; per-row negative log-likelihood of answers; generation with a KV
//! cache; AdamW.
//!
//! Invariant: knows nothing of SEAL, and names no backend. Initial values,
//! dropout and sampling are drawn on the host from named seeds
//! ([`seal_data::seed`]): Burn's own generator is global to the process and is
//! never used, so a result does not depend on what else runs.
//!
//! Shapes in this crate: B rows, T positions, N = B * T tokens, M supervised
//! tokens, D the width of the residual stream, V the vocabulary.

mod adapter;
mod answer;
mod architecture;
mod attention;
mod block;
mod cache;
mod config;
mod cut;
mod draft;
mod error;
mod family;
mod folder;
mod generate;
mod gradients;
mod header;
mod hf;
mod init;
mod layout;
mod limits;
mod linear;
mod llama2c;
mod lora;
mod merge;
mod model;
mod nll;
mod optim;
mod peft;
mod rope;
mod sampling;
mod save;
mod schedule;
mod segments;
mod source;
mod state;
mod tensor_file;
mod text;
mod weight_format;
mod weights;

pub use adapter::{
    AdapterFiles, AdapterSettings, load_adapter, read_adapter_settings, save_adapter,
};
pub use answer::{Finish, GenerateError, Generated, Prompt};
pub use architecture::{Activation, Architecture, ModelType, RopeScaling};
pub use block::{Block, FeedForward, Gated, JointGated, Norm, Plain, Projections, Separate};
pub use config::LmConfig;
pub use cut::Cut;
pub use error::LmError;
pub use generate::{generate, generate_each};
pub use gradients::{Differentiated, Tape, differentiate, dropped_token_losses, token_losses};
pub use linear::{DropoutKey, Linear, Lora};
pub use llama2c::{Llama2cTokenizer, load_llama2c};
pub use lora::{LINEAR_NAMES, LoraConfig};
pub use merge::{MergeRounding, save_merged};
pub use model::{Lm, Ops};
pub use nll::{RowNll, row_nll, token_nll};
pub use optim::{Optimizer, StepStats};
pub use sampling::{BadLogit, GenerateSettings, next_token_probabilities};
pub use save::save_weights;
pub use schedule::{OptimConfig, Schedule};
pub use state::save_training_state;
pub use weight_format::WeightFormat;
pub use weights::{LoadReport, load_model, load_model_as, load_weights};
