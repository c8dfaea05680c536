//! Causal language models on Burn: a Llama with RMS normalisation, rotary
//! positions, grouped-query attention and SwiGLU; LoRA as a side path; per-row
//! negative log-likelihood of answers; generation with a KV cache; AdamW.
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
mod attention;
mod config;
mod draft;
mod error;
mod generate;
mod init;
mod linear;
mod llama2c;
mod model;
mod nll;
mod optim;
mod rope;
mod sampling;
mod state;
mod weights;

pub use adapter::{AdapterFiles, load_adapter, save_adapter};
pub use answer::{Finish, GenerateError, Generated, Prompt};
pub use config::{LINEAR_NAMES, LmConfig, LoraConfig, OptimConfig, Schedule};
pub use error::LmError;
pub use generate::{generate, generate_each};
pub use linear::{DropoutKey, Linear, Lora};
pub use llama2c::{Llama2cTokenizer, load_llama2c};
pub use model::{Block, Lm, Ops};
pub use nll::{RowNll, row_nll, token_nll};
pub use optim::{Optimizer, StepStats};
pub use sampling::{BadLogit, GenerateSettings, next_token_probabilities};
pub use state::save_training_state;
pub use weights::{load_weights, save_weights};
