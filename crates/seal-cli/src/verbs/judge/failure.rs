//! Why there are no figures of a judge.

use std::io;
use std::path::PathBuf;

use seal_eval::AnnotatedError;
use seal_judge::FormatError;
use seal_judging::JudgingError;
use seal_model::ModelError;

/// Why there are no figures, or why they are not to be trusted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JudgeFailure {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no list of rows.
    #[error("{}: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: FormatError,
    },
    /// The rows of the file give no figures.
    #[error("{}: {source}", path.display())]
    Figures {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: AnnotatedError,
    },
    /// An option is missing that goes with the others.
    #[error("--candidate, --reference, --judge and --file go together")]
    NotTogether,
    /// Candidate and reference are one file.
    #[error(
        "--candidate {} and --reference {} are the same file: each pair would tie, and the win rate \
         would be 50 by definition; name the answers of another model",
        candidate.display(), reference.display()
    )]
    OneFile {
        /// One file.
        candidate: PathBuf,
        /// The other.
        reference: PathBuf,
    },
    /// An option is missing that goes with `--answers`.
    #[error("--answers goes with --judge and --file")]
    NotWithAnswers,
    /// The table is of a judge that does not work on one answer.
    #[error("{}: kind = {kind:?}: {known}", path.display())]
    Kind {
        /// The table.
        path: PathBuf,
        /// What it says.
        kind: String,
        /// What is known here, with what to do.
        known: &'static str,
    },
    /// The file has no answer that can be used.
    #[error("{}: no answer can be used; a row has the texts instruction and output", path.display())]
    NoAnswers {
        /// The file.
        path: PathBuf,
    },
    /// More answers are without a verdict than the table allows.
    #[error(
        "{missing} of {answers} answers have no verdict, and the table allows a share of {share} \
         (max_missing): {unparsed} replies are not of the form that verdict.reply names, {left_out} \
         answers cannot be shown to the judge"
    )]
    MissingVerdicts {
        /// Answers without a verdict.
        missing: usize,
        /// All answers.
        answers: usize,
        /// Replies that could not be read.
        unparsed: usize,
        /// Answers that were left out.
        left_out: usize,
        /// The largest share.
        share: f64,
    },
    /// More verdicts have almost no probability than the table allows.
    #[error(
        "{low_mass} of {answers} verdicts have less than verdict.least_mass on the verdict tokens, \
         and the table allows a share of {share} (max_missing): this model was made for \
         another prompt, another verdict.before or other tokens; mend them in the table"
    )]
    LowMass {
        /// Verdicts below the least mass.
        low_mass: usize,
        /// All answers.
        answers: usize,
        /// The largest share.
        share: f64,
    },
    /// A file cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// More answers are without a rating than the table allows.
    #[error(
        "{missing} of {answers} answers have no rating, and the table allows a share of {share} \
         (max_missing){reason}"
    )]
    MissingRatings {
        /// Answers without a rating.
        missing: usize,
        /// All answers.
        answers: usize,
        /// The largest share.
        share: f64,
        /// What is known of the reason, with what to do.
        reason: String,
        /// Whether the same command may succeed later.
        may_pass: bool,
    },
    /// An option of judges behind an endpoint with a judge that is a model here.
    #[error("{option} is for judges behind an endpoint, and the table is of kind {kind:?}")]
    NotOfThisKind {
        /// The option.
        option: &'static str,
        /// The kind.
        kind: String,
    },
    /// The judge is a model that cannot be used, or that failed.
    #[error(transparent)]
    Model(ModelError),
    /// The run folder is one of results of another judge.
    #[error(
        "--out {}: these are results of another judge of the run {}; give --out {}",
        out.display(), run.display(), run.display()
    )]
    OutIsAgain {
        /// The folder.
        out: PathBuf,
        /// The run's own folder.
        run: PathBuf,
    },
    /// There is no store.
    #[error(
        "{}: this store does not exist; name the run's store with --store",
        path.display()
    )]
    NoStore {
        /// Where it would be.
        path: PathBuf,
    },
    /// The store that is named is none.
    #[error(
        "--store {}: there is no such folder; name the store that the run used, which has its answers",
        path.display()
    )]
    NoSuchStore {
        /// The name.
        path: PathBuf,
    },
    /// An option of judges behind an endpoint with a judge that is a model here.
    #[error(
        "{option} is for judges behind an endpoint, and the table names a model here ([model])"
    )]
    OnlyEndpoint {
        /// The option.
        option: &'static str,
    },
    /// An option of judges that are models here with one behind an endpoint.
    #[error("{option} is for judges that are models here, and the table names an [endpoint]")]
    OnlyModel {
        /// The option.
        option: &'static str,
    },
    /// The pairs cannot be judged.
    #[error(transparent)]
    Judging(#[from] JudgingError),
    /// More pairs are without a verdict than the table allows.
    #[error(
        "{missing} of {pairs} pairs have no verdict, and the table allows a share of {share} \
         (max_missing){reason}"
    )]
    Missing {
        /// Pairs without a verdict.
        missing: usize,
        /// All pairs.
        pairs: usize,
        /// The largest share.
        share: f64,
        /// What is known of the reason, with what to do.
        reason: String,
        /// Whether the same command may succeed later.
        may_pass: bool,
    },
}
