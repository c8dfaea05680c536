//! Options of the verbs that work on one model and a few files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use seal_files::Inputs;
use seal_model::{
    FileRows, LeftOutKind, LeftOutRow, LoadedModel, ModelError, ModelRequest, Notice, Row, Source,
    StageSettings, source_named,
};
use seal_study::remembered_digests;

use crate::files::add_template;
use crate::verbosity::Verbosity;
use crate::{plain, words};

/// Reads a path, or a table that stands for one. A path need not be UTF-8.
pub fn source_parser() -> impl TypedValueParser<Value = Source> {
    OsStringValueParser::new().try_map(|given: OsString| match given.to_str() {
        Some(text) => source_named(text),
        None => Ok(Source::new(given)),
    })
}

/// Which model, on which rows.
#[derive(Clone, Debug, Args)]
pub(crate) struct ModelArgs {
    /// Model folder (config.json, safetensors, tokenizer.json), or hf://owner/name@revision.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Folder of a PEFT adapter to put on the model.
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    /// Device: flex, cuda:N, tch, tch:cuda:N, wgpu, wgpu:N, wgpu:cpu.
    #[arg(long, default_value = "flex")]
    device: String,
    #[command(flatten)]
    stage: StageArgs,
    /// Rows: .json, .jsonl, .csv, .tsv or .parquet; all but .parquet also as .gz or .zst. For
    /// options, give a table as in a config: { path = "FILE", columns = { prompt = "q" } }.
    #[arg(long, value_name = "FILE", value_parser = source_parser())]
    pub(crate) data: Source,
    /// The first N rows only.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Set a key of the settings, such as sft.optim.lr=1e-5 (repeatable).
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// What a verb works with.
pub(crate) struct OpenedModel {
    pub(crate) model: LoadedModel,
    pub(crate) rows: Vec<Row>,
    pub(crate) settings: StageSettings,
    /// The files that were read.
    pub(crate) inputs: Inputs,
}

/// Settings of a stage.
#[derive(Clone, Debug, Args)]
pub(crate) struct StageArgs {
    /// Longest row in tokens; longer ones are left out [default: the model's own].
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context: Option<usize>,
    /// Template of a prompt: chat (the model's template), { chat = "FILE.jinja" }, or text with {}
    /// for the prompt [default: Human: {}\nAssistant: ].
    #[arg(long, value_name = "TEXT")]
    pub(crate) template: Option<String>,
    /// File of settings, in place of the defaults in configs/stages.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
}

impl StageArgs {
    /// The settings, with the keys of `set` changed.
    pub(crate) fn load(&self, set: &[String]) -> Result<StageSettings, ModelError> {
        let settings = StageSettings::load(self.settings.as_deref(), set)?;
        match &self.template {
            // A shell hands a typed \n on as two characters.
            Some(template) => settings.with_template(&template.replace("\\n", "\n")),
            None => Ok(settings),
        }
    }

    /// Adds the file of settings to those that are read.
    pub(crate) fn add_to(&self, inputs: &mut Inputs) {
        if let Some(settings) = &self.settings {
            inputs.add("the settings", settings);
        }
    }
}

impl ModelArgs {
    /// Reads settings, rows (by `read`) and model, which `is_trained` or not, and says what
    /// is left out.
    pub(crate) fn open(
        &self,
        read: fn(&Source) -> Result<FileRows, ModelError>,
        is_trained: bool,
        verbosity: Verbosity,
    ) -> anyhow::Result<OpenedModel> {
        let settings = self.stage.load(&self.set)?;
        let mut inputs = self.inputs();
        add_template(&mut inputs, &settings);
        let read = read(&self.data.limited(self.limit))?;
        say_dropped(&self.data, &read, verbosity)?;
        // Without adapters in the settings the whole model is trained, the adapter in it.
        let is_trainable = is_trained && settings.sft.lora.is_some();
        let model = self.model(&settings, is_trainable)?;
        say_template(&model, &settings, self.stage.template.is_some(), verbosity)?;
        say_lost(&model.lost(&read.rows, &settings), verbosity)?;
        // A model of the hub lies in a cache, which is known by now.
        inputs.add("the model", model.folder());
        Ok(OpenedModel { model, rows: read.rows, settings, inputs })
    }

    /// The files that are named on the command line.
    pub(crate) fn inputs(&self) -> Inputs {
        let mut inputs = Inputs::new();
        inputs.add("the rows", &self.data.path);
        inputs.add("the model", &self.model);
        if let Some(adapter) = &self.adapter {
            inputs.add("the adapter", adapter);
        }
        self.stage.add_to(&mut inputs);
        inputs
    }

    fn model(
        &self,
        settings: &StageSettings,
        is_trainable: bool,
    ) -> Result<LoadedModel, ModelError> {
        let request = ModelRequest {
            path: self.model.clone(),
            adapter: self.adapter.clone(),
            is_trainable,
            context: self.stage.context,
            device: self.device.clone(),
            digest_files: remembered_digests,
        };
        LoadedModel::open(&request, settings)
    }
}

/// Says which rows of a file cannot be used, the first ones with line and reason.
pub(crate) fn say_dropped(
    source: &Source,
    rows: &FileRows,
    verbosity: Verbosity,
) -> io::Result<()> {
    const SHOWN: usize = 5;
    if verbosity.quiet || rows.dropped.is_empty() {
        return Ok(());
    }
    let mut out = plain::stderr();
    writeln!(out, "{}: {} rows cannot be used", source.path.display(), rows.left_out)?;
    for row in rows.dropped.iter().take(SHOWN) {
        writeln!(out, "  line {}, row {}: {}", row.line, row.row, row.why())?;
    }
    match rows.left_out.saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}

/// Says which rows the model does not take: how many for each kind of reason, and the first
/// ones by id. The words of a chat template are among the reasons.
pub(crate) fn say_left_out(rows: &[LeftOutRow], verbosity: Verbosity) -> io::Result<()> {
    const SHOWN: usize = 5;
    if verbosity.quiet || rows.is_empty() {
        return Ok(());
    }
    let kind = |row: &LeftOutRow| match row.kind {
        LeftOutKind::TooLong => "too long for the context",
        LeftOutKind::EmptyAnswer => "without an answer",
        LeftOutKind::EmptyPrompt => "without a prompt",
        LeftOutKind::ChatTemplate => "not taken by the chat template",
        LeftOutKind::Unencodable | LeftOutKind::NoPlace => "not expressible in tokens",
    };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    rows.iter().for_each(|row| *counts.entry(kind(row)).or_default() += 1);
    let counts: Vec<String> =
        counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let mut out = plain::stderr();
    writeln!(out, "{} rows left out: {}", rows.len(), counts.join(", "))?;
    for row in rows.iter().take(SHOWN) {
        writeln!(out, "  {row}")?;
    }
    match rows.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}

/// Says that rows were dressed otherwise in training, or, where no template is given, that
/// the folder has one of its own.
pub(crate) fn say_template(
    model: &LoadedModel,
    settings: &StageSettings,
    is_given: bool,
    verbosity: Verbosity,
) -> io::Result<()> {
    if verbosity.quiet {
        return Ok(());
    }
    let mut out = plain::stderr();
    for notice in model.notices() {
        writeln!(out, "{}", words::notice(notice))?;
    }
    match model.template_notice() {
        Some(notice) => writeln!(out, "{}", words::notice(notice)),
        None if is_given || !model.ignores_chat_template(settings) => Ok(()),
        None => writeln!(
            out,
            "the model folder has a chat template, which is not used; --template chat uses it \
             (give the same to each verb)"
        ),
    }
}

/// Says what the rows or an adapter have and the model does not see.
pub(crate) fn say_lost(notices: &[Notice], verbosity: Verbosity) -> io::Result<()> {
    let notices = if verbosity.quiet { &[] } else { notices };
    let say = |notice| writeln!(plain::stderr(), "{}", words::notice(notice));
    notices.iter().try_for_each(say)
}

/// Says that there are fewer rows than a batch takes.
pub(crate) fn say_batch(
    rows: usize,
    (key, batch): (&str, usize),
    verbosity: Verbosity,
) -> io::Result<()> {
    if verbosity.quiet || rows >= batch {
        return Ok(());
    }
    let mut out = plain::stderr();
    writeln!(
        out,
        "{rows} rows are fewer than a batch of {batch}: an epoch is one step; --set {key}=N"
    )
}
