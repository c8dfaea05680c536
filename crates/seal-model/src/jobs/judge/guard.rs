//! A guard on the answers of a file.

use std::path::Path;

use burn::module::Module as _;
use seal_data::{RowId, TextTokenizer, Tokenizer as _};
use seal_judge::pointwise::{GuardProbabilities, GuardRecord, GuardReply, PointItem};
use seal_lm::{
    Cost, Finish, GenerateSettings, Generated, Generator, Lm, Prompt, load_model_as,
    next_token_log_probabilities,
};
use serde_json::json;

use super::Judged;
use super::ahead::{JudgeAhead, ahead};
use super::found::FoundJudge;
use super::open::{JudgeRequest, JudgeRun, chat_template, without_place};
use super::prompt_settings::GuardPromptForm;
use super::rendering::GuardRendering;
use super::sequence::{Sequence, Sequences};
use super::table::GuardTable;
use super::verdict_tokens::VerdictTokens;
use crate::device::open_device;
use crate::digest::folder_digest;
use crate::encoder::Encoder;
use crate::jobs::record_file::RecordLine;
use crate::jobs::{Notice, Watch};
use crate::pretrained::FoundModel;
use crate::{Defect, ModelError, RecordKind};

/// Of what a verdict depends on beside the settings.
// 2: a reply that breaks off is not read as a whole one.
// 3: products of generation and beginnings that rows share are summed in another order.
const VERSION: u32 = 3;

impl RecordLine for GuardRecord {
    const KIND: RecordKind = RecordKind::Verdict;

    fn id(&self) -> RowId {
        self.id
    }

    fn made_by(&self) -> &str {
        &self.made_by
    }
}

/// A guard, ready to judge.
pub struct GuardModel {
    table: GuardTable,
    /// Writes replies, where the verdict has one.
    generator: Option<Generator>,
    /// Gives probabilities, where the verdict has tokens.
    scorer: Option<Lm>,
    encoder: Encoder,
    rendering: GuardRendering,
    tokens: VerdictTokens,
    stops: Vec<u32>,
    context: usize,
    made_by: String,
    notices: Vec<Notice>,
}

/// A guard without its weights.
struct PreparedGuard {
    encoder: Encoder,
    rendering: GuardRendering,
    tokens: VerdictTokens,
    stops: Vec<u32>,
    context: usize,
    found: FoundJudge,
}

impl PreparedGuard {
    fn of(table: &GuardTable, request: &JudgeRequest) -> Result<Self, ModelError> {
        // Before the model, which may take minutes to fetch and read.
        let prompt = table.prompt.read(&request.folder, request.prompt.as_deref())?;
        let (dir, shape) = FoundModel::shape_within(&table.model.path, request.reach)?;
        table.model.expects(&shape)?;
        let context = table.model.context_of(shape.max_position_embeddings)?;
        let encoder = Encoder::of_folder(&dir, &seal_data::PromptTemplate::bare().into(), context)?;
        let template = || {
            let expected = table.prompt.sha256.as_deref();
            let expected = expected.filter(|_| table.prompt.form == GuardPromptForm::Chat);
            let found = chat_template(&table.template, &encoder, &request.folder, &dir, expected)?;
            Ok::<_, ModelError>((found.0.template, found.1))
        };
        let prompt_hash = prompt.as_ref().map(|prompt| prompt.sha256().to_owned());
        let (rendering, template_hash) = match (table.prompt.form, prompt) {
            (GuardPromptForm::Raw, Some(prompt)) => (GuardRendering::Raw(prompt), None),
            (GuardPromptForm::UserTurn, Some(prompt)) => {
                let (template, hash) = template()?;
                (GuardRendering::UserTurn(prompt, template), Some(hash))
            }
            (GuardPromptForm::Chat, _) | (_, None) => {
                let (template, hash) = template()?;
                (GuardRendering::Chat { template, is_asked: true }, Some(hash))
            }
        };
        let tokenizer = encoder.text_tokenizer().ok_or(Defect::NoFolder)?;
        let tokens = VerdictTokens::resolve(&table.verdict, &encoder, tokenizer, shape.vocab_size)?;
        let stops = tokenizer.stops();
        encoder.fits_vocabulary(shape.vocab_size)?;
        let digest = folder_digest(&dir, request.digest_files)?;
        let prompt = prompt_hash.clone().or_else(|| template_hash.clone());
        let mut identity = json!([
            "guard",
            VERSION,
            request.device_name()?,
            digest,
            table.model.dtype,
            context,
            table.prompt.form,
            prompt_hash,
            template_hash,
            without_place(&table.template),
            table.verdict,
            table.max_answer_tokens,
            table.control_tokens,
        ]);
        rendering.mark(&mut identity);
        let found = FoundJudge { dir, shape, digest, prompt, identity };
        Ok(Self { encoder, rendering, tokens, stops, context, found })
    }
}

impl GuardTable {
    /// Looks for all that a verdict depends on, without reading weights. A model on a hub is
    /// fetched whole.
    ///
    /// # Errors
    /// As [`GuardModel::open`], weights apart.
    pub fn find(&self, request: &JudgeRequest) -> Result<FoundJudge, ModelError> {
        PreparedGuard::of(self, request).map(|prepared| prepared.found)
    }

    /// What [`GuardModel::judge`] would do with `items` and the file at `path`. No weight is read, and
    /// nothing is written.
    ///
    /// # Errors
    /// As [`GuardTable::find`]; a file of another judge, or one that cannot be read.
    pub fn ahead(
        &self,
        request: &JudgeRequest,
        items: &[PointItem],
        path: &Path,
    ) -> Result<JudgeAhead, ModelError> {
        let PreparedGuard { encoder, rendering, tokens, context, found, .. } =
            PreparedGuard::of(self, request)?;
        let tokenizer = encoder.text_tokenizer().ok_or(Defect::NoFolder)?;
        let sequences = sequences(self, &rendering, &tokens, tokenizer, context);
        let verdict = &self.verdict;
        // On a device that cannot be opened nothing is laid out.
        let lays_out = verdict.reply.is_some() && request.has_kernels()?;
        let copied = match lays_out {
            true => Cost::of(&found.shape).copied_weights(verdict.reads_tokens()),
            false => 0.0,
        };
        let model = (&found.shape, self.model.dtype, longest_reply(self), copied);
        ahead::<GuardRecord>((path, &found.made_by()), items, &sequences, model)
    }
}

/// How a guard is shown answers.
fn sequences<'a>(
    table: &GuardTable,
    rendering: &'a GuardRendering,
    tokens: &'a VerdictTokens,
    tokenizer: &'a TextTokenizer,
    context: usize,
) -> Sequences<'a> {
    // A reply that needs more than half of the context leaves no room for an answer.
    let reply = longest_reply(table).min(context / 2);
    Sequences {
        rendering,
        tokenizer,
        control_tokens: table.control_tokens,
        max_answer_tokens: table.max_answer_tokens,
        context: context - reply,
        after: &tokens.before,
    }
}

/// Tokens of a reply at most; 0 where the guard writes none.
fn longest_reply(table: &GuardTable) -> usize {
    table.verdict.reply.map_or(0, |_| table.verdict.max_new_tokens)
}

impl GuardModel {
    /// Opens the guard of `table`.
    ///
    /// # Errors
    /// A model folder, prompt or tokenizer that cannot be used; a prompt with another hash than
    /// the table's; a verdict that is not one token.
    pub fn open(table: &GuardTable, request: &JudgeRequest) -> Result<Self, ModelError> {
        let device = open_device(&request.device, table.model.dtype)?;
        let PreparedGuard { encoder, rendering, tokens, stops, context, found } =
            PreparedGuard::of(table, request)?;
        let (model, report) = load_model_as(&found.dir, &device, table.model.dtype)?;
        encoder.fits(&model)?;
        let made_by = found.made_by();
        let notices = report.notices.into_iter().map(|text| Notice::Weights { text }).collect();
        let valid = model.valid();
        // Nobody else may hold the weights of a generator that owns them.
        drop(model);
        let (scorer, generator) = match (table.verdict.reads_tokens(), table.verdict.reply) {
            (true, None) => (Some(valid), None),
            (true, Some(_)) => (Some(valid.clone()), Some(Generator::of(&valid))),
            (false, _) => (None, Some(Generator::owning(valid))),
        };
        let table = table.clone();
        Ok(Self {
            table,
            generator,
            scorer,
            encoder,
            rendering,
            tokens,
            stops,
            context,
            made_by,
            notices,
        })
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

    /// The tokens that the guard reads of an answer, or why it cannot be shown it. Text before the
    /// verdict is not among them.
    ///
    /// # Errors
    /// The answer is left out, with the reason.
    pub fn prompt_tokens(&self, item: &PointItem) -> Result<Vec<u32>, crate::LeftOutRow> {
        let sequences = Sequences { after: &[], ..self.sequences() };
        Ok(sequences.of(item)?.tokens)
    }

    /// Ids of the tokens of a good and of a bad verdict, and of the text before them.
    pub fn verdict_ids(&self) -> (&[u32], &[u32], &[u32]) {
        (&self.tokens.good, &self.tokens.bad, &self.tokens.before)
    }

    /// Judges each of `items` that the file at `path` has no record of yet, and adds it there as
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
    ) -> Result<Judged<GuardRecord>, ModelError> {
        let sequences = self.sequences();
        let mut course = JudgeRun::start(path, &self.made_by, items, &sequences)?;
        let new = course.run(self.table.batch, watch, |rows| self.records(rows))?;
        let (before, left_out) = (course.before, std::mem::take(&mut course.left_out));
        let records = course.into_records(items);
        Ok(Judged { records, new, before, left_out, scored_elsewhere: 0 })
    }

    fn tokenizer(&self) -> &TextTokenizer {
        // A guard is opened with the tokenizer of a folder only.
        self.encoder.text_tokenizer().expect("the tokenizer of a model folder")
    }

    fn sequences(&self) -> Sequences<'_> {
        let (rendering, tokens, context) = (&self.rendering, &self.tokens, self.context);
        sequences(&self.table, rendering, tokens, self.tokenizer(), context)
    }

    fn records(&self, rows: &[(&PointItem, Sequence)]) -> Result<Vec<GuardRecord>, ModelError> {
        let probabilities = match &self.scorer {
            None => vec![None; rows.len()],
            Some(model) => {
                let tokens: Vec<&[u32]> = rows.iter().map(|(_, row)| &*row.tokens).collect();
                let all = next_token_log_probabilities(model, &tokens)?;
                let of = |log: Vec<f32>| {
                    Some(GuardProbabilities::of(&log, &self.tokens.good, &self.tokens.bad))
                };
                all.into_iter().map(of).collect()
            }
        };
        let replies = self.replies(rows)?;
        let both = rows.iter().zip(probabilities.into_iter().zip(replies));
        Ok(both.map(|((item, row), (p, reply))| self.record(item, row, p, reply)).collect())
    }

    /// The reply to each row, where the guard is asked for one, and how it ended.
    fn replies(
        &self,
        rows: &[(&PointItem, Sequence)],
    ) -> Result<Vec<Option<(String, Finish)>>, ModelError> {
        let Some(generator) =
            self.generator.as_ref().filter(|_| self.table.verdict.reply.is_some())
        else {
            return Ok(vec![None; rows.len()]);
        };
        let before = self.tokens.before.len();
        let prompts: Vec<Prompt> = rows
            .iter()
            .map(|(item, row)| {
                let tokens = row.tokens[..row.tokens.len() - before].to_vec();
                Prompt { id: item.id, tokens }
            })
            .collect();
        let settings = GenerateSettings {
            batch: self.table.batch,
            ..GenerateSettings::greedy(self.table.verdict.max_new_tokens)
        };
        let replies = generator.generate(&prompts, &settings, &self.stops, 0)?;
        let text = |reply: &Generated| self.tokenizer().decode(&reply.tokens);
        Ok(replies.iter().map(|reply| Some((text(reply), reply.finish))).collect())
    }

    fn record(
        &self,
        item: &PointItem,
        row: &Sequence,
        probabilities: Option<GuardProbabilities>,
        reply: Option<(String, Finish)>,
    ) -> GuardRecord {
        let verdict = &self.table.verdict;
        let read = verdict.reply.zip(reply.as_ref());
        let read = read.map(|(form, (text, finish))| match finish {
            Finish::Stop => form.read(text, verdict.controversial),
            Finish::Length | Finish::Context => form.read_cut(text, verdict.controversial),
        });
        let unparsed = read == Some(None);
        let GuardReply { harm, refusal, categories } = read.flatten().unwrap_or_default();
        GuardRecord {
            id: item.id,
            answer_id: item.answer_id.clone(),
            canary: item.canary.map(|(kind, _)| kind),
            p_harmful: probabilities.and_then(|p| p.p_harmful()),
            p_good: probabilities.map(|p| p.good),
            p_bad: probabilities.map(|p| p.bad),
            harm: probabilities.map_or(harm, |p| p.harm()),
            refusal,
            categories,
            reply: reply.map(|(text, _)| text),
            unparsed,
            cut: row.cut,
            made_by: self.made_by.clone(),
        }
    }
}
