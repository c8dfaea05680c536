//! The jobs on one model and a few files.

mod adapter_notices;
mod answers;
mod apply;
mod generate;
mod import;
mod inspect;
mod judge;
mod kept;
mod lost;
mod model;
mod notice;
mod record;
mod record_file;
mod rows;
mod score;
mod select;
mod selector_file;
mod stage_settings;
mod template_text;
mod tune;
mod watch;

pub use answers::{AnswerFile, AnswerRow};
pub use apply::{Applied, apply_selector};
pub use generate::GenerationSummary;
pub use import::{ImportRequest, Imported, import_selector};
pub use inspect::{Inspected, InspectedRow, InspectedToken, RowIds, RowIdsError, inspect_rows};
pub use judge::{
    ChatModel, ControlTokens, FoundChat, FoundJudge, GuardModel, GuardPromptForm,
    GuardPromptSettings, GuardTable, JudgeAhead, JudgeRequest, Judged, ModelTableKind, RewardModel,
    RewardTable, judge_seconds, table_kind,
};
pub use kept::{SelectorFigures, selector_figures, write_kept};
pub use model::{LoadedModel, ModelRequest};
pub use notice::Notice;
pub use rows::{FileRows, read_prompts, read_rows, source_named};
pub use score::{Scored, ScoredRow};
pub use select::{Chosen, SPEARMAN_TO_LOSS};
pub use selector_file::write_selector_file;
pub use stage_settings::{StageSettings, TokenizerFrom};
pub use template_text::template_text;
pub use tune::{Tuned, copy_tokenizer};
pub use watch::Watch;

/// Told the steps done, and their number.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize);
