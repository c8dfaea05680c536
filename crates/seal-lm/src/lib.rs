//! Causal language models on Burn: Llama, Mistral, GPT-NeoX (Pythia), Phi-3, Qwen2,
//! Qwen3, Gemma 1 to 3 and SmolLM3, read from Hugging Face folders as they are; LoRA as
//! a side path, in PEFT's format; per-row negative log-likelihood of answers; generation
//! with a KV cache; AdamW.
//!
//! Invariant: knows nothing of SEAL, and names no backend. Initial values,
//! dropout and sampling are drawn on the host from named seeds
//! ([`seal_data::seed`]): Burn's own generator is global to the process and is
//! never used, so a result does not depend on what else runs.
//!
//! The layers of the crate, from the bottom up. Settings (`config`) become a plan of every block
//! (`plan`) by the rules of their family (`families`). A [`Trunk`] and its head, the
//! vocabulary of an [`Lm`] or the scores of a [`Scorer`], are built from the plan with
//! numbers from a source: draws, or files of any format. Code that runs or stores a model,
//! or computes its cost, reads the plan and asks for no family.
//!
//! Shapes in this crate: B rows, T positions, N = B * T tokens, M supervised
//! tokens, D the width of the residual stream, V the vocabulary.

mod adapted;
mod adapter;
mod answer;
mod answer_loss;
mod architecture;
mod attention;
mod block;
mod block_forward;
mod build;
mod cache;
mod config;
mod cost;
mod cut;
mod draws;
mod dropping;
mod error;
mod families;
mod folder;
mod gains;
mod generate;
mod gradients;
mod header;
mod hf;
mod host;
mod init;
mod last_states;
mod layout;
mod limits;
mod linear;
mod llama2c;
mod lora;
mod merge;
mod model;
mod needed;
mod next_token;
mod nll;
mod norm;
mod optim;
mod packed;
mod packed_block;
mod partial_answer;
mod pass;
mod peft;
mod plan;
mod replica;
mod rope;
mod sampling;
mod save;
mod schedule;
mod scorer;
mod scorer_config;
mod scorer_weights;
mod segments;
mod setting;
mod slots;
mod soft_cap;
mod state;
mod stem;
mod tensor_file;
mod tensor_source;
mod tensors;
#[cfg(test)]
mod tests;
mod text;
mod text_part;
mod token_losses;
mod trunk;
mod validate;
mod weight_format;
mod weights;

pub use adapter::{adapter_on, load_adapter, save_adapter};
pub use answer::{Finish, GenerateError, Generated, Prompt};
pub use architecture::{Activation, Architecture, LayerType, ModelType, RopeScaling};
pub use block::{
    Block, FeedForward, GatedMlp, JointGated, JointQkv, PlainMlp, Projections, SeparateQkv,
};
pub use config::LmConfig;
pub use cost::{Cost, TrainingStep};
pub use dropping::DropoutKey;
pub use error::LmError;
pub use families::LINEAR_NAMES;
pub use folder::check_weights;
pub use generate::{Generator, generate, generate_each};
pub use gradients::{Differentiated, GradientParts, Tape, differentiate};
pub use linear::{Linear, Lora};
pub use llama2c::{Llama2cTokenizer, load_llama2c};
pub use lora::LoraConfig;
pub use merge::{MergeRounding, save_merged};
pub use model::{Lm, Ops};
pub use next_token::next_token_log_probabilities;
pub use nll::{RowNll, row_nll, token_nll};
pub use norm::Norm;
pub use optim::{Moments, Optimizer, StepStats};
pub use peft::{AdapterFiles, AdapterSettings, read_adapter_settings};
pub use sampling::{BadLogit, GenerateSettings, next_token_probabilities};
pub use save::save_weights;
pub use schedule::{OptimConfig, Schedule};
pub use scorer::Scorer;
pub use scorer_config::ScorerConfig;
pub use scorer_weights::{load_scorer, load_scorer_as};
pub use setting::SettingError;
pub use state::{
    TrainedTensor, TrainingStateError, restore_training_state, save_training_state, training_state,
};
pub use token_losses::{LossParts, dropped_token_losses, token_losses};
pub use trunk::Trunk;
pub use weight_format::WeightFormat;
pub use weights::{LoadReport, is_weight, load_model, load_model_as, load_weights};
