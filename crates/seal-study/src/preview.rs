//! What a study would take, told without its model and its data: for machines
//! that have neither yet.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use seal_data::{DataSpec, Row, Source};
use seal_device::{DeviceSpec, kernels};
use seal_lm::{Architecture, Cut, LmConfig, LoraConfig, ModelType, WeightFormat};

use crate::arm::{Arm, arms};
use crate::config::{Config, ConfigSource, Expected, Method, ModelSettings, TokenizerKind, load};
use crate::encoder::Encoder;
use crate::graph::stage_counts;
use crate::pretrained::FoundModel;
use crate::{StudyError, checks, remote};

/// A study as its config has it.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Where it would run.
    pub device: DeviceSpec,
    /// The arms: id and label.
    pub arms: Vec<(String, String)>,
    /// Stages by name, over all seeds; arms share those that are alike.
    pub stages: BTreeMap<&'static str, usize>,
    /// The models: what is fine-tuned, then the selector's where it is another.
    pub models: Vec<ModelPreview>,
    /// Rows of each set: read, or as many as the config asks for.
    pub rows: BTreeMap<String, Option<usize>>,
    /// Floating-point operations of all stages; `None` where rows or sizes are
    /// not known.
    pub flops: Option<f64>,
    /// Whether models and rows are here, so that the study's stages can be listed.
    pub is_here: bool,
    /// What this machine lacks, each with its remedy.
    pub missing: Vec<String>,
}

/// A model and the memory it asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelPreview {
    /// Where it comes from.
    pub name: String,
    /// Number of weights.
    pub parameters: Option<u64>,
    /// Number of weights that are trained.
    pub trained: Option<u64>,
    /// Bytes of its largest training step: weights, gradients, moments and
    /// what is kept for the backward pass.
    pub memory: Option<u64>,
    /// Number format of its weights.
    pub format: WeightFormat,
    /// Longest row in tokens.
    pub context: Option<usize>,
}

impl Preview {
    /// Reads config and plan, looks for models and files, and loads neither.
    ///
    /// # Errors
    /// A config or plan that cannot be used.
    pub fn of(source: &ConfigSource) -> Result<Self, StudyError> {
        let loaded = load(source)?;
        let all = arms(&loaded)?;
        let config = &loaded.config;
        let mut missing = Vec::new();
        let device = config.device.parse::<DeviceSpec>()?;
        let kernels = match device.open() {
            Ok(device) => kernels::available(&device),
            Err(e) => {
                missing.push(format!("device {}: {e}", config.device));
                false
            }
        };
        let lacks_device = missing.len();
        // The model that learns the selector has the larger step: two batches.
        let selector = Training {
            lora: config.bilevel.lora.as_ref(),
            rows: selector_rows(config),
            recompute: config.bilevel.recompute,
            kernels,
        };
        let sft = Training {
            lora: config.sft.lora.as_ref(),
            rows: sft_rows(config),
            recompute: config.sft.recompute,
            kernels,
        };
        let own = if config.proxy.is_some() { &sft } else { &selector };
        let mut sizes = vec![Size::of(config, own, &mut missing)];
        if config.proxy.is_some() {
            sizes.push(Size::of(&config.of_selector(), &selector, &mut missing));
        }
        let rows = match &config.data {
            Some(data) => counted(config, data, &mut missing)?,
            None => BTreeMap::new(),
        };
        let seeds = config.study.seeds.len();
        Ok(Self {
            device,
            arms: all.iter().map(|a| (a.id.clone(), a.label.clone())).collect(),
            stages: stage_counts(&all, seeds),
            flops: flops(&all, &sizes, &rows, seeds),
            models: sizes.into_iter().map(|s| s.preview).collect(),
            rows,
            is_here: missing.len() == lacks_device,
            missing,
        })
    }
}

/// How a model is trained: what of it, and with how many rows on the tape.
struct Training<'a> {
    lora: Option<&'a LoraConfig>,
    rows: usize,
    recompute: bool,
    /// Whether the device has kernels: parts of a batch take turns on the tape.
    kernels: bool,
}

fn selector_rows(config: &Config) -> usize {
    config.bilevel.micro_batch.unwrap_or(2 * config.bilevel.batch)
}

fn sft_rows(config: &Config) -> usize {
    config.sft.micro_batch.unwrap_or(config.sft.batch)
}

/// Sizes of one model of a config.
struct Size {
    preview: ModelPreview,
    parameters: Option<f64>,
    context: Option<f64>,
}

/// Longest header that safetensors allows.
const MAX_HEADER: u64 = 100_000_000;

/// Tokens of a row, as a share of the context: instruction data is short.
const ROW_SHARE: f64 = 0.15;

impl Size {
    fn of(config: &Config, training: &Training<'_>, missing: &mut Vec<String>) -> Self {
        // Whether the shape is what the config tells of a model that is not here.
        let mut told = false;
        let (name, shape, parameters, limit) = match &config.model {
            ModelSettings::Shape(shape) => {
                ("trained here".to_owned(), Some(shape.clone()), None, None)
            }
            ModelSettings::Folder(folder) => {
                let found = match local(&folder.path).map(looked_at) {
                    None => None,
                    Some(Ok(found)) => Some(found),
                    Some(Err(e)) => {
                        missing.push(format!("model {}: {e}", folder.path.display()));
                        None
                    }
                };
                if let Some(dir) = local(&folder.path).filter(|_| found.is_some())
                    && config.tokenizer.kind == TokenizerKind::Model
                    && let Err(e) = Encoder::of_model(dir, &config.tokenizer.template, 0)
                {
                    missing.push(format!("model {}: {e}", folder.path.display()));
                }
                let expected = folder.expect.as_ref();
                let (parameters, shape) = match found {
                    Some((parameters, shape)) => (Some(parameters), Some(shape)),
                    None => {
                        let asked = expected.and_then(|e| e.parameters);
                        if local(&folder.path).is_none() {
                            missing.push(absent_model(&folder.path, asked));
                        }
                        told = true;
                        (asked, expected.map(Expected::shape))
                    }
                };
                let most = shape.as_ref().map(|s| s.max_position_embeddings);
                if let Some((asked, most)) = folder.context.zip(most).filter(|(a, m)| a > m) {
                    missing.push(format!(
                        "model.context = {asked}: the model was made for {most}; set that or less"
                    ));
                }
                (folder.name(), shape, parameters, folder.context)
            }
        };
        let parameters = parameters.or_else(|| shape.as_ref().map(estimated_parameters));
        let context = limit.or_else(|| shape.as_ref().map(|s| s.max_position_embeddings));
        let trained = match (training.lora, &shape, parameters) {
            (None, _, all) => all,
            (Some(lora), Some(shape), _) if told => adapter_weights(lora, shape),
            (Some(lora), Some(shape), _) => Some(lora.weights_on(shape) as u64),
            (Some(_), None, _) => None,
        };
        let memory = match (parameters, trained, &shape, context) {
            (Some(all), Some(trained), Some(shape), Some(context)) => {
                let (d, layers) = (shape.hidden_size as u64, shape.num_hidden_layers as u64);
                let layer = 10 * d + 3 * shape.intermediate_size as u64;
                let kept = match training.recompute {
                    false => layer * layers,
                    true => layer + d * layers,
                };
                let all_rows = (training.rows as u64).saturating_mul(context as u64);
                let (mut tokens, mut copies) = (all_rows, 1);
                if training.kernels && config.model.dtype() == WeightFormat::F32 {
                    let inner = shape.intermediate_size as u64;
                    let cut = Cut {
                        linear: (layers * (4 * d * d + 3 * d * inner)) as usize,
                        trained: trained as usize,
                        whole: training.lora.is_none(),
                        kept: (layer * layers) as usize,
                    };
                    let threads = std::thread::available_parallelism().map_or(1, usize::from);
                    let (at_once, most) = cut.at_once(context, threads);
                    if (at_once as u64) < all_rows {
                        (tokens, copies) = (at_once as u64, most as u64);
                    }
                }
                // Logits are made a few rows at a time.
                let bytes = config.model.dtype().bytes() as u64;
                let kept = tokens.saturating_mul(kept);
                let weights = (4 * (2 + copies)).saturating_mul(trained);
                Some(bytes.saturating_mul(all.saturating_add(kept)).saturating_add(weights))
            }
            _ => None,
        };
        Self {
            parameters: parameters.map(|p| p as f64),
            context: context.map(|c| c as f64),
            preview: ModelPreview {
                name,
                parameters,
                trained,
                memory,
                format: config.model.dtype(),
                context,
            },
        }
    }
}

/// The path, unless it lies on a hub and is not here yet.
fn local(path: &Path) -> Option<&Path> {
    (!remote::is_address(path) && path.is_dir()).then_some(path)
}

fn absent_model(path: &Path, parameters: Option<u64>) -> String {
    let size = parameters.map_or(String::new(), |p| format!(", about {:.1} GB", 2e-9 * p as f64));
    match remote::is_address(path) {
        true => format!(
            "model {}: would be fetched{size}, unless the cache holds it; a gated one needs \
             access and a token (HF_TOKEN)",
            path.display()
        ),
        false => format!("model {}: no such folder{size}", path.display()),
    }
}

/// Number of weights and shape of the model in a folder.
fn looked_at(path: &Path) -> Result<(u64, LmConfig), StudyError> {
    let (dir, shape) = FoundModel::shape_of(path)?;
    Ok((parameters_of(&dir)?, shape))
}

/// Weights in the safetensors of a folder, by their headers.
fn parameters_of(dir: &Path) -> Result<u64, StudyError> {
    let mut all = 0;
    for entry in std::fs::read_dir(dir).map_err(StudyError::io(dir))? {
        let path = entry.map_err(StudyError::io(dir))?.path();
        if path.extension().is_some_and(|e| e == "safetensors") {
            let header = header_of(&path).map_err(StudyError::io(&path))?;
            let shapes = header.values().filter_map(|tensor| tensor["shape"].as_array());
            all += shapes
                .map(|s| s.iter().filter_map(serde_json::Value::as_u64).product::<u64>())
                .sum::<u64>();
        }
    }
    match all {
        0 => Err(StudyError::Rows(format!("{}: no weights in safetensors", dir.display()))),
        all => Ok(all),
    }
}

fn header_of(path: &Path) -> std::io::Result<BTreeMap<String, serde_json::Value>> {
    let mut file = File::open(path)?;
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let mut header = Vec::new();
    file.take(u64::from_le_bytes(length).min(MAX_HEADER)).read_to_end(&mut header)?;
    Ok(serde_json::from_slice(&header)?)
}

/// Weights of the adapters on a model that is not here, of which sizes are told and no
/// family: the first that has the layers they name.
fn adapter_weights(lora: &LoraConfig, shape: &LmConfig) -> Option<u64> {
    let as_family = |model_type| LmConfig {
        architecture: Architecture { model_type, ..shape.architecture.clone() },
        ..shape.clone()
    };
    let mut families = ModelType::ALL.into_iter().map(as_family);
    let shape = families.find(|shape| lora.validate_for(shape).is_ok())?;
    Some(lora.weights_on(&shape) as u64)
}

/// Weights of a Llama of this shape, its gains left out.
fn estimated_parameters(shape: &LmConfig) -> u64 {
    let d = shape.hidden_size as u64;
    let kv = (shape.num_key_value_heads * shape.head_dim()) as u64;
    let q = (shape.num_attention_heads * shape.head_dim()) as u64;
    let block = 2 * d * q + 2 * d * kv + 3 * d * shape.intermediate_size as u64;
    let vocabulary = shape.vocab_size as u64 * d * if shape.tie_word_embeddings { 1 } else { 2 };
    shape.num_hidden_layers as u64 * block + vocabulary
}

/// Rows of each set: `take` where the config says it, else counted in local files.
fn counted(
    config: &Config,
    data: &DataSpec,
    missing: &mut Vec<String>,
) -> Result<BTreeMap<String, Option<usize>>, StudyError> {
    let limit = config.study.limit;
    let mut out = BTreeMap::new();
    let tests = data.test.iter().map(|(name, sources)| (format!("test.{name}"), sources));
    let own = [("fine_tuning", &data.fine_tuning), ("safe", &data.safe), ("safety", &data.safety)];
    let own = own.into_iter().map(|(name, sources)| (name.to_owned(), sources));
    for (name, sources) in own.chain(tests).filter(|(_, sources)| !sources.is_empty()) {
        let sources = sources.iter().map(|source| rows_of(data, source, missing));
        // Every source is looked at, so that every missing file is named.
        let sources: Vec<SourceRows> = sources.collect();
        let read = sources.iter().map(|source| source.read.as_deref());
        if let (Some(test), Some(rows)) =
            (name.strip_prefix("test."), read.collect::<Option<Vec<&[Row]>>>())
        {
            checks::judge_of(config, test, &rows.concat())?;
        }
        let rows: Option<usize> = sources.iter().map(|source| source.count).sum();
        out.insert(name, rows.map(|n| n.min(limit.unwrap_or(n))));
    }
    Ok(out)
}

/// Rows of one source.
struct SourceRows {
    /// Read, or as many as the config asks for.
    count: Option<usize>,
    /// `None` where the file is not here or cannot be read.
    read: Option<Vec<Row>>,
}

fn rows_of(data: &DataSpec, source: &Source, missing: &mut Vec<String>) -> SourceRows {
    let absent = SourceRows { count: source.take, read: None };
    if remote::is_address(&source.path) {
        // One line a repository, however many files it has.
        let address = source.path.display().to_string();
        let repository: Vec<&str> = address.splitn(6, '/').take(5).collect();
        let place = repository.join("/");
        let text = format!("{place}: would be fetched, unless the cache holds it");
        if !missing.contains(&text) {
            missing.push(text);
        }
        return absent;
    }
    let path = Path::new(&data.root).join(&source.path);
    if !path.is_file() {
        missing.push(format!("{}: no such file", path.display()));
        return absent;
    }
    // Read even where the number is known: a row of the wrong type is found now.
    match seal_data::load_split(Path::new(&data.root), std::slice::from_ref(source)) {
        Ok(loaded) => {
            SourceRows { count: Some(loaded.rows.len()), read: Some(loaded.rows.into_vec()) }
        }
        Err(e) => {
            missing.push(e.to_string());
            absent
        }
    }
}

/// Operations of all cells: 2 a weight and token forward, 4 more backward, of
/// which frozen weights need half.
fn flops(
    arms: &[Arm],
    sizes: &[Size],
    rows: &BTreeMap<String, Option<usize>>,
    seeds: usize,
) -> Option<f64> {
    let count = |name: &str| rows.get(name).copied().flatten().map(|n| n as f64);
    let (data, safe) = (count("fine_tuning")?, count("safe")?);
    // Tests are a small part: one whose rows nobody has counted is left out.
    let tests = rows.iter().filter(|(name, _)| name.starts_with("test."));
    let tests: f64 = tests.filter_map(|(_, n)| n.map(|n| n as f64)).sum();
    let own = &sizes[0];
    let selector = sizes.last()?;
    let of_pass = |size: &Size| Some(2.0 * size.parameters? * size.context? * ROW_SHARE);
    let (own, selector) = (of_pass(own)?, of_pass(selector)?);
    let train = |lora: bool| if lora { 2.0 } else { 3.0 };
    let mut all = selector * data;
    for arm in arms {
        let c = &arm.config;
        let mut cell = own * tests * 2.0;
        if c.selection.method == Method::Selector {
            let step = safe.min(data) + data;
            let share = train(c.bilevel.lora.is_some());
            cell += selector * share * step * c.bilevel.epochs as f64;
        }
        if c.selection.method != Method::None {
            let keep = if c.selection.method.ranks() { c.selection.keep } else { 1.0 };
            cell += own * train(c.sft.lora.is_some()) * keep * data * c.sft.epochs as f64;
        }
        all += cell * seeds as f64;
    }
    Some(all)
}
