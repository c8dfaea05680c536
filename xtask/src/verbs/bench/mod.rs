//! `cargo xtask bench`: speed and memory of the work a study is made of.

mod args;
mod error;
mod table;

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context as _, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgMatches, Args, Command, FromArgMatches as _};
use seal_bench::{
    BenchJob, BenchPlan, BenchWork, CASES, Case, OwnJob, Peer, PeerError, RoundsError, TokenRow,
};
use seal_cli::{ExtraVerb, UsageError, Verbosity, plain, prepare, source_parser};
use seal_data::{ExampleError, PromptTemplate, Source, TextTokenizer, encode_row, load_split};
use seal_device::{DeviceError, DeviceSpec};
use seal_files::{Inputs, PendingFile};
use seal_lm::WeightFormat;
use seal_study::StudyError;

use self::args::{FormName, WorkName};
use self::error::BenchError;

const AFTER: &str = "\
Each measurement is a process of its own, so its memory is the memory of one piece of work. \
With --peer, these processes take turns with the same work in PyTorch (benches/peer/steps.py).

Examples:
  {program} bench                                       the four small shapes, each work
  {program} bench --work selector --peer lean --peer usual --python .venv/bin/python
  {program} bench --case llama3-8b --device cuda:0 --dtype bf16 --work selector --peer lean";

/// The verb.
pub(crate) const VERB: ExtraVerb = ExtraVerb { command, run: parsed };

fn command() -> Command {
    Options::augment_args(Command::new("bench"))
        .about("Measure speed and memory of training, scoring and generation")
}

fn parsed(matches: &ArgMatches, verbosity: Verbosity) -> anyhow::Result<()> {
    let options = Options::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
    run(&options, verbosity)
}

/// Options of the verb.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
struct Options {
    /// Shape to measure (repeatable) [default: the first four of llama-1m, llama-5m, llama-28m,
    /// pythia-160m, smollm2, pythia-2.8b, llama3-1b, llama3-8b].
    #[arg(long, value_name = "NAME")]
    case: Vec<String>,
    /// Work to measure (repeatable) [default: all].
    #[arg(long, value_name = "WORK")]
    work: Vec<WorkName>,
    /// Device to measure on (repeatable); the others are compared with the first. With + between, as in
    /// flex:0+flex:1, several devices share each step of training, and the threads.
    #[arg(long, value_name = "NAME", default_value = "flex")]
    device: Vec<String>,
    /// Number format of the weights; in bf16 only a case with adapters can be trained.
    #[arg(long, value_name = "FORMAT", default_value = "f32", value_parser = format())]
    dtype: WeightFormat,
    /// Form of the PyTorch program to compare with (repeatable).
    #[arg(long, value_name = "FORM")]
    peer: Vec<FormName>,
    /// The Python that runs PyTorch. It needs torch, and for every form except lean also
    /// transformers and peft.
    #[arg(long, value_name = "FILE", default_value = "python3")]
    python: PathBuf,
    /// Number of measurements of each program, which take turns.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// Number of steps that a measurement times [default: the case's].
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Rows of a step, an even number; half of the rows of a selector step are safe rows [default:
    /// the case's].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..))]
    rows: Option<u16>,
    /// Weight of the fine-tuning rows in the selector step, at least 0 and below 1; with 0 they get
    /// no backward pass in this project and in the form lean [default: 0.1].
    #[arg(long, value_name = "GAMMA")]
    gamma: Option<f64>,
    /// Threads of each measurement [default: the number of cores].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Rows to use, of any length, instead of generated rows: a path, or a table as in a config.
    #[arg(long, value_name = "FILE", value_parser = source_parser())]
    data: Option<Source>,
    /// The tokenizer.json for the rows of --data [default: byte pairs, trained on the first 2,000
    /// rows, up to the vocabulary of the case].
    #[arg(long, value_name = "FILE", requires = "data")]
    tokenizer: Option<PathBuf>,
    /// Longest row of --data, in tokens; longer ones are left out.
    #[arg(long, value_name = "TOKENS", default_value_t = 512)]
    context: usize,
    /// Rows of --data that are used [default: 64 or twice the rows of a step, whichever is more].
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Write every measurement and the table as JSON.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Measure the work of this file, in this process.
    #[arg(long, value_name = "FILE", hide = true)]
    job: Option<PathBuf>,
}

/// `f32` or `bf16`.
fn format() -> impl TypedValueParser<Value = WeightFormat> {
    PossibleValuesParser::new(["f32", "bf16"])
        .try_map(|name| serde_json::from_value(serde_json::Value::String(name)))
}

/// Measures, and prints a table.
fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    if let Some(job) = &options.job {
        return one(options, job);
    }
    let mut inputs = Inputs::new();
    let read = [options.data.as_ref().map(|data| &data.path), options.tokenizer.as_ref()];
    read.into_iter().flatten().for_each(|path| inputs.add("the rows or their tokenizer", path));
    let outputs: Vec<_> = options.file.as_deref().map(|f| ("--file", f)).into_iter().collect();
    prepare(&inputs, &outputs)?;
    let plan = plan(options)?;
    let said = |what: &str| {
        if !verbosity.quiet {
            // Progress that cannot be shown stops nothing.
            let _ = writeln!(plain::stderr(), "{what}");
        }
    };
    let measured = seal_bench::run(&plan, &own, said).map_err(worded)?;
    let summaries = seal_bench::summaries(&measured);
    if let Some(path) = &options.file {
        let json = serde_json::json!({
            "format_version": 1,
            "threads": plan.threads,
            "rounds": plan.rounds,
            "dtype": plan.format,
            "data": options.data,
            "cases": plan.jobs.iter().map(|job| &job.case).collect::<Vec<_>>(),
            "summaries": summaries,
            "measurements": measured,
        });
        let io = |e| StudyError::io(path)(e);
        let mut out = PendingFile::named_by_user(path).map_err(io)?;
        out.write_all(&serde_json::to_vec_pretty(&json)?).map_err(io)?;
        out.commit().map_err(io)?;
    }
    let mut out = plain::stdout();
    if io::stdout().is_terminal() && !verbosity.quiet {
        writeln!(out)?;
    }
    Ok(table::write(&mut out, &summaries)?)
}

fn one(options: &Options, job: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(job).with_context(|| job.display().to_string())?;
    let job: BenchJob = serde_json::from_str(&text)?;
    let (&[work], [device]) = (options.work.as_slice(), options.device.as_slice()) else {
        bail!("--job takes one --work and one --device");
    };
    let devices: Vec<DeviceSpec> =
        device.split('+').map(str::parse).collect::<Result<_, DeviceError>>()?;
    let threads = options.threads.unwrap_or(1);
    let sample = seal_bench::measure(&job, work.into(), (&devices, threads), options.dtype)?;
    writeln!(plain::stdout(), "{}", serde_json::to_string(&sample)?)?;
    Ok(())
}

/// This program again, for one measurement.
fn own(job: &OwnJob<'_>) -> io::Result<process::Command> {
    let short = if job.format.is_f32() { "f32" } else { "bf16" };
    let mut command = process::Command::new(std::env::current_exe()?);
    command.args(["bench", "--device", job.device, "--work", &job.work.to_string()]);
    command.args(["--threads", &job.threads.to_string()]);
    command.args(["--dtype", short, "--job"]).arg(job.file);
    Ok(command)
}

/// The error with the options that it is about.
fn worded(error: RoundsError) -> anyhow::Error {
    match error {
        RoundsError::Peer(PeerError::Lacking { python, form, modules }) => anyhow::anyhow!(
            "--peer {form}: {} has no {}; in an environment of its own: \
             pip install torch==2.9.0 transformers peft",
            python.display(),
            modules.join(", ")
        ),
        RoundsError::Peer(error) => anyhow::Error::from(error).context("--python"),
        other => other.into(),
    }
}

fn plan(options: &Options) -> anyhow::Result<BenchPlan> {
    let names: Vec<&str> = match options.case.is_empty() {
        true => CASES[..4].to_vec(),
        false => options.case.iter().map(String::as_str).collect(),
    };
    let mut jobs = Vec::new();
    for name in names {
        let Some(mut case) = Case::named(name) else {
            return Err(usage(BenchError::Case { name: name.to_owned(), known: &CASES }));
        };
        if let Some(steps) = options.steps {
            case.steps = steps.max(1);
        }
        if let Some(rows) = options.rows {
            if rows % 2 == 1 {
                return Err(usage(BenchError::Rows { rows }));
            }
            case.rows = usize::from(rows);
        }
        if let Some(gamma) = options.gamma {
            if !(0.0..1.0).contains(&gamma) {
                return Err(usage(BenchError::Gamma { gamma }));
            }
            case.gamma = gamma;
        }
        jobs.push(match &options.data {
            Some(data) => real(options, case, data)?,
            None => BenchJob::drawn(case),
        });
    }
    let half = options.dtype == WeightFormat::Bf16;
    let trains = |work: &BenchWork| matches!(work, BenchWork::Selector | BenchWork::Sft);
    let works = match options.work.is_empty() {
        true => BenchWork::ALL.to_vec(),
        false => options.work.iter().map(|name| BenchWork::from(*name)).collect(),
    };
    if let Some(job) = jobs.iter().find(|job| half && job.case.lora.is_none())
        && works.iter().any(trains)
    {
        return Err(usage(BenchError::Whole { case: job.case.name.clone() }));
    }
    for device in &options.device {
        for name in device.split('+') {
            let opened = name.parse::<DeviceSpec>()?.open()?;
            if !options.dtype.is_supported(&opened) {
                return Err(usage(BenchError::Device { device: device.clone() }));
            }
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/peer/steps.py");
    let mut peers = Vec::new();
    for form in &options.peer {
        let python = options.python.clone();
        peers.push(Peer { python, script: script.clone(), form: (*form).into() });
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(BenchPlan {
        jobs,
        works,
        devices: options.device.clone(),
        peers,
        rounds: options.rounds.max(1),
        threads: options.threads.unwrap_or(cores),
        format: options.dtype,
    })
}

fn usage(error: BenchError) -> anyhow::Error {
    UsageError::OfVerb(Box::new(error)).into()
}

/// Rows that the tokenizer of a case is made from.
const TOKENIZER_ROWS: usize = 2000;

/// Rows of a file, in the published dress.
fn real(options: &Options, mut case: Case, data: &Source) -> anyhow::Result<BenchJob> {
    let loaded = load_split(Path::new(""), std::slice::from_ref(data))?;
    let vocabulary = case.model.vocab_size;
    let tokenizer = match &options.tokenizer {
        Some(path) => {
            let bytes = fs::read(path).with_context(|| path.display().to_string())?;
            TextTokenizer::from_bytes(&bytes, None, "<|endoftext|>")
                .map_err(|source| usage(BenchError::Tokenizer { path: path.clone(), source }))?
        }
        None => {
            let rows = loaded.rows.as_slice();
            let some = &rows[..rows.len().min(TOKENIZER_ROWS)];
            let failed = |source| BenchError::Training { case: case.name.clone(), source };
            TextTokenizer::train_bpe(some, vocabulary).map_err(|e| usage(failed(e)))?
        }
    };
    let template = PromptTemplate::published();
    // Positions are rotary: a longer context takes no more weights.
    let context = options.context;
    case.model.max_position_embeddings = context.max(case.model.max_position_embeddings);
    let limit = options.limit.unwrap_or(64.max(2 * case.rows));
    let mut rows: Vec<TokenRow> = Vec::new();
    for row in loaded.rows.as_slice() {
        match encode_row(row, &template, &tokenizer, context) {
            Ok(e) => rows.push(TokenRow { tokens: e.tokens, answer: e.answer }),
            // Left out of a benchmark as of a study.
            Err(
                ExampleError::TooLong { .. }
                | ExampleError::FarTooLong { .. }
                | ExampleError::EmptyAnswer { .. },
            ) => {}
            Err(other) => return Err(other.into()),
        }
        if rows.len() == limit {
            break;
        }
    }
    let largest = rows.iter().flat_map(|row| &row.tokens).max();
    if let Some(id) = largest.filter(|id| **id as usize >= vocabulary) {
        let (case, token) = (case.name.clone(), *id);
        return Err(usage(BenchError::Token { case, vocabulary, token }));
    }
    if rows.len() < 2 * case.rows {
        return Err(usage(BenchError::FewRows {
            path: data.path.clone(),
            rows: rows.len(),
            context,
            needed: 2 * case.rows,
            limit,
        }));
    }
    Ok(BenchJob::of_rows(case, rows))
}
