//! A reward model on the answers of a file.

use std::path::Path;

use burn::module::Module as _;
use seal_data::{RowId, TextTokenizer};
use seal_judge::pointwise::{PointItem, RewardRecord};
use seal_lm::{Scorer, ScorerConfig, load_scorer_as};
use serde_json::json;

use super::Judged;
use super::ahead::{JudgeAhead, ahead};
use super::found::FoundJudge;
use super::open::{JudgeRequest, JudgeRun, chat_template, without_place};
use super::rendering::GuardRendering;
use super::sequence::{Sequence, Sequences};
use super::table::RewardTable;
use crate::device::open_device;
use crate::digest::folder_digest;
use crate::encoder::Encoder;
use crate::jobs::record_file::RecordLine;
use crate::jobs::{Notice, Watch};
use crate::pretrained::FoundModel;
use crate::{Defect, JudgeModelError, ModelError, RecordKind};

/// Of what a score depends on beside the settings.
// 2: a beginning that rows share passes through the model once, so that sums have another order.
const VERSION: u32 = 2;

impl RecordLine for RewardRecord {
    const KIND: RecordKind = RecordKind::Verdict;

    fn id(&self) -> RowId {
        self.id
    }

    fn made_by(&self) -> &str {
        &self.made_by
    }
}

/// A reward model, ready to score.
pub struct RewardModel {
    table: RewardTable,
    scorer: Scorer,
    encoder: Encoder,
    rendering: GuardRendering,
    context: usize,
    made_by: String,
    notices: Vec<Notice>,
}

/// A reward model without its weights.
struct PreparedReward {
    encoder: Encoder,
    rendering: GuardRendering,
    context: usize,
    found: FoundJudge,
}

impl PreparedReward {
    fn of(table: &RewardTable, request: &JudgeRequest) -> Result<Self, ModelError> {
        if let Some(path) = &request.prompt {
            return Err(JudgeModelError::UnusedPrompt { path: path.clone() }.into());
        }
        let (dir, config) = FoundModel::scorer_of(&table.model.path, request.reach)?;
        let ScorerConfig { shape, labels, .. } = config;
        if labels != 1 {
            return Err(JudgeModelError::Labels { folder: dir, labels }.into());
        }
        table.model.expects(&shape)?;
        let context = table.model.context_of(shape.max_position_embeddings)?;
        let encoder = Encoder::of_folder(&dir, &seal_data::PromptTemplate::bare().into(), context)?;
        let (format, hash) = chat_template(&table.template, &encoder, &request.folder, &dir, None)?;
        let rendering = GuardRendering::Chat { template: format.template, is_asked: false };
        encoder.text_tokenizer().ok_or(Defect::NoFolder)?;
        encoder.fits_vocabulary(shape.vocab_size)?;
        let digest = folder_digest(&dir, request.digest_files)?;
        let mut identity = json!([
            "reward",
            VERSION,
            request.device_name()?,
            digest,
            table.model.dtype,
            context,
            hash,
            without_place(&table.template),
            table.max_answer_tokens,
            table.control_tokens,
        ]);
        rendering.mark(&mut identity);
        let found = FoundJudge { dir, shape, digest, prompt: Some(hash), identity };
        Ok(Self { encoder, rendering, context, found })
    }
}

impl RewardTable {
    /// Looks for all that a score depends on, without reading weights. A model on a hub is
    /// fetched whole.
    ///
    /// # Errors
    /// As [`RewardModel::open`], weights apart.
    pub fn find(&self, request: &JudgeRequest) -> Result<FoundJudge, ModelError> {
        PreparedReward::of(self, request).map(|prepared| prepared.found)
    }

    /// What [`RewardModel::judge`] would do with `items` and the file at `path`. No weight is read, and
    /// nothing is written.
    ///
    /// # Errors
    /// As [`RewardTable::find`]; a file of another judge, or one that cannot be read.
    pub fn ahead(
        &self,
        request: &JudgeRequest,
        items: &[PointItem],
        path: &Path,
    ) -> Result<JudgeAhead, ModelError> {
        let PreparedReward { encoder, rendering, context, found } =
            PreparedReward::of(self, request)?;
        let tokenizer = encoder.text_tokenizer().ok_or(Defect::NoFolder)?;
        let sequences = sequences(self, &rendering, tokenizer, context);
        let model = (&found.shape, self.model.dtype, 0, 0.0);
        ahead::<RewardRecord>((path, &found.made_by()), items, &sequences, model)
    }
}

impl RewardModel {
    /// Opens the reward model of `table`.
    ///
    /// # Errors
    /// A model folder or tokenizer that cannot be used; a model that writes text, or gives several
    /// scores.
    pub fn open(table: &RewardTable, request: &JudgeRequest) -> Result<Self, ModelError> {
        let device = open_device(&request.device, table.model.dtype)?;
        let PreparedReward { encoder, rendering, context, found } =
            PreparedReward::of(table, request)?;
        let (scorer, report) = load_scorer_as(&found.dir, &device, table.model.dtype)?;
        let made_by = found.made_by();
        let notices = report.notices.into_iter().map(|text| Notice::Weights { text }).collect();
        let (table, scorer) = (table.clone(), scorer.valid());
        Ok(Self { table, scorer, encoder, rendering, context, made_by, notices })
    }

    /// Hash of all that its records are made by: [`FoundJudge::made_by`](crate::FoundJudge::made_by) of
    /// the files that were opened.
    pub fn made_by(&self) -> &str {
        &self.made_by
    }

    /// What is to be said of the files of the model.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// The tokens that the model reads of an answer, or why it cannot be shown it.
    ///
    /// # Errors
    /// The answer is left out, with the reason.
    pub fn prompt_tokens(&self, item: &PointItem) -> Result<Vec<u32>, crate::LeftOutRow> {
        Ok(self.sequences().of(item)?.tokens)
    }

    /// Scores each of `items` that the file at `path` has no record of yet, and adds it there as
    /// soon as its batch is done: a run that was killed goes on.
    ///
    /// # Errors
    /// A file of another judge, or one that cannot be written; a model that gives no numbers;
    /// [`ModelError::Cancelled`] where `watch` asks to stop.
    pub fn judge(
        &self,
        items: &[PointItem],
        path: &Path,
        watch: &mut dyn Watch,
    ) -> Result<Judged<RewardRecord>, ModelError> {
        let sequences = self.sequences();
        let mut course = JudgeRun::start(path, &self.made_by, items, &sequences)?;
        let differs =
            |(_, row): &&(&PointItem, Sequence)| self.scorer.differs_in_transformers(&row.tokens);
        let scored_elsewhere = course.open.iter().filter(differs).count();
        let new = course.run(self.table.batch, watch, |rows| {
            let tokens: Vec<&[u32]> = rows.iter().map(|(_, row)| &*row.tokens).collect();
            let scores = self.scorer.values(&tokens)?;
            let record = |((item, row), score): (&(&PointItem, Sequence), Vec<f32>)| {
                RewardRecord::new(item, f64::from(score[0]), row.cut, &self.made_by)
            };
            Ok(rows.iter().zip(scores).map(record).collect())
        })?;
        let (before, left_out) = (course.before, std::mem::take(&mut course.left_out));
        let records = course.into_records(items);
        Ok(Judged { records, new, before, left_out, scored_elsewhere })
    }

    fn tokenizer(&self) -> &TextTokenizer {
        // A reward model is opened with the tokenizer of a folder only.
        self.encoder.text_tokenizer().expect("the tokenizer of a model folder")
    }

    fn sequences(&self) -> Sequences<'_> {
        sequences(&self.table, &self.rendering, self.tokenizer(), self.context)
    }
}

/// How a reward model is shown answers.
fn sequences<'a>(
    table: &RewardTable,
    rendering: &'a GuardRendering,
    tokenizer: &'a TextTokenizer,
    context: usize,
) -> Sequences<'a> {
    Sequences {
        rendering,
        tokenizer,
        control_tokens: table.control_tokens,
        max_answer_tokens: table.max_answer_tokens,
        context,
        after: &[],
    }
}
