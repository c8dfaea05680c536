//! Options that cannot be used.

use std::error::Error;
use std::path::PathBuf;

use seal_files::Clash;

/// An option that cannot be used: which, why, and what to give instead. The exit code is that
/// of a usage error.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// It would be ignored.
    #[error("--{option} has no effect {way}; leave it out")]
    NoEffect {
        /// The option, without dashes.
        option: String,
        /// In which way of working.
        way: &'static str,
    },
    /// A run folder that is not there, or is empty.
    #[error("--out {}: there is no run folder; `ablate` with the same options makes it", path.display())]
    NoRunFolder {
        /// The folder.
        path: PathBuf,
    },
    /// It goes with one of some others, of which none is given.
    #[error("{option} goes with {others}")]
    GoesWith {
        /// The option.
        option: &'static str,
        /// The others.
        others: &'static str,
    },
    /// Several values where one is taken.
    #[error("{option}: {way} give one")]
    One {
        /// The option.
        option: &'static str,
        /// In which way of working.
        way: &'static str,
    },
    /// A share that is none.
    #[error("{option} {share}: the share kept is in (0, 1]")]
    Share {
        /// The option.
        option: &'static str,
        /// The share.
        share: f64,
    },
    /// A file to write that is read.
    #[error("{option}: {source}")]
    Input {
        /// The option.
        option: String,
        /// The file, and what it is read as.
        source: Clash,
    },
    /// A folder where a file is to be written.
    #[error("{option} {}: this is a folder; name a file", path.display())]
    Folder {
        /// The option.
        option: String,
        /// The folder.
        path: PathBuf,
    },
    /// A file where a folder is to be written.
    #[error("{option} {}: this is a file; name a folder", path.display())]
    File {
        /// The option.
        option: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Two files to write that are one.
    #[error("{option} and {other} name one file, {}", path.display())]
    OneFile {
        /// The option.
        option: String,
        /// The other one.
        other: String,
        /// The file.
        path: PathBuf,
    },
    /// A file of JSON lines with the ending of another format.
    #[error("{option} {}: it is JSON lines; call it .jsonl", path.display())]
    NotJsonLines {
        /// The option.
        option: String,
        /// The file.
        path: PathBuf,
    },
    /// A file that would be written over though nobody named it.
    #[error("{file} exists; {option} says where this selector goes")]
    DefaultExists {
        /// The file.
        file: &'static str,
        /// The option that names another.
        option: &'static str,
    },
    /// Ids of no row.
    #[error("--ids: no row of {} has such an id", path.display())]
    NoRow {
        /// The file of rows.
        path: PathBuf,
    },
    /// A part of the name of no check.
    #[error("--only: no check has {} in its name; there are {}", only.join(" or "), all.join(", "))]
    NoCheck {
        /// The parts.
        only: Vec<String>,
        /// The names of all checks.
        all: Vec<String>,
    },
    /// A drawing of a run without an ablation.
    #[error("--picture: the run has no ablation to draw; leave it out")]
    NothingToDraw,
    /// A folder that is no store.
    #[error("{option} {}: there is no store", path.display())]
    NoStore {
        /// The option that names it.
        option: &'static str,
        /// The folder.
        path: PathBuf,
    },
    /// The store of the last run is gone.
    #[error(
        "{}: the last run into {} had this store, and it is not there; mount it, or name a store: \
         --store {} makes what it lacks anew",
        store.display(), out.display(), own.display()
    )]
    StoreGone {
        /// The run folder.
        out: PathBuf,
        /// The store.
        store: PathBuf,
        /// The store in the run folder.
        own: PathBuf,
    },
    /// A store that other runs may share, which is to be cleaned.
    #[error(
        "--out {}: its last run had the store {}, which other runs may share; give --store {} and \
         name each run whose outputs are to stay by --out",
        out.display(), store.display(), store.display()
    )]
    SharedStore {
        /// The run folder.
        out: PathBuf,
        /// The store.
        store: PathBuf,
    },
    /// A folder that is no run folder.
    #[error("--out {}: it has no config.toml, so nobody knows which stages it needs", path.display())]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// The answers of a run that has none.
    #[error(
        "--answers: there is none; either no test's judge reads answers, or the store lacks them: \
         name it with --store"
    )]
    NoAnswers,
    /// A tracker that is none.
    #[error("--track: write mlflow or mlflow=URL")]
    Tracker,
    /// A tracker without an address.
    #[error("--track mlflow: nothing names the server; write mlflow=URL, or set {variable}")]
    NoTracker {
        /// The variable that names it.
        variable: &'static str,
    },
    /// No file that comes with the program.
    #[error("no file `{name}`; there are {}", known.join(", "))]
    NoFile {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// The options of a verb that another crate adds.
    #[error(transparent)]
    OfVerb(Box<dyn Error + Send + Sync>),
}
