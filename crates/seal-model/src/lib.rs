//! One model with its tokenizer and template, and the jobs on it and a few files: score,
//! fine-tune, generate, inspect, select rows, judge answers by a guard or a reward model, apply or
//! import a selector. A chat model is asked as an endpoint is.
//!
//! Invariant: it knows no study: no plan, no arm, no graph, no store. A model is a folder, or
//! an `hf://` address. Rows become tokens in one place, [`Encoder::encode`]. The digest
//! [`Encoder::encoding_digest`] covers everything that the tokens of a row depend on. The fields
//! of an error name the fault and its place. The caller adds the names of options.
//!
//! ```no_run
//! use seal_model::{LoadedModel, ModelRequest, Source, StageSettings, read_rows};
//!
//! # fn main() -> Result<(), seal_model::ModelError> {
//! let settings = StageSettings::load(None, &[])?;
//! let model = LoadedModel::open(&ModelRequest::new("models/pythia-70m"), &settings)?;
//! let rows = read_rows(&Source::new("train.jsonl"))?.rows;
//! let scored = model.score(&rows, &mut |_, _| ())?;
//! println!("{} rows scored, {} left out", scored.rows.len(), scored.left_out.len());
//! # Ok(())
//! # }
//! ```

mod device;
mod digest;
mod encoder;
mod encoding_digest;
mod error;
mod expected;
mod jobs;
mod left_out;
pub mod overrides;
mod pretrained;
mod remote;
mod settings;
mod shape_error;
mod tokenizer_settings;
mod tokens;
mod tokens_file;

pub use device::open_device;
pub use digest::{DigestFiles, digest_files, folder_digest};
pub use encoder::Encoder;
pub use encoding_digest::world_vocabulary_digest;
pub use error::{
    AddressError, AnswersError, ApplyError, Defect, FolderError, ImportError, ImportOutput,
    JudgeModelError, ModelError, RecordKind, StageSettingsError, TokensError,
};
pub use expected::Expected;
pub use jobs::{
    AnswerFile, AnswerRow, Applied, ChatModel, Chosen, ControlTokens, FileRows, FoundChat,
    FoundJudge, GenerationSummary, GuardModel, GuardPromptForm, GuardPromptSettings, GuardTable,
    ImportRequest, Imported, Inspected, InspectedRow, InspectedToken, JudgeAhead, JudgeRequest,
    Judged, LoadedModel, ModelRequest, ModelTableKind, Notice, Progress, RewardModel, RewardTable,
    RowIds, RowIdsError, SPEARMAN_TO_LOSS, Scored, ScoredRow, SelectorFigures, StageSettings,
    TokenizerFrom, Tuned, Watch, apply_selector, copy_tokenizer, import_selector, inspect_rows,
    judge_seconds, read_prompts, read_rows, selector_figures, source_named, table_kind,
    template_text, write_kept, write_selector_file,
};
pub use left_out::{LeftOutKind, LeftOutRow};
pub use overrides::KeyError;
pub use pretrained::FoundModel;
pub use remote::{Reach, is_address, local_data, local_file};
pub use seal_data::{Row, Source};
pub use seal_select::SelectorFile;
pub use settings::{ModelFolder, ModelSettings};
pub use shape_error::{HalfPrecision, RankTooLarge, ShapeError, adapters_only, rank_fits};
pub use tokenizer_settings::{TokenizerKind, TokenizerSettings};
pub use tokens::TokenizedSet;
