//! Errors and notices about one model in the words of the command line: the option that puts
//! them right stands inside the sentence.

use std::error::Error;
use std::io::ErrorKind;

use seal_data::escape;
use seal_files::{is_denied, is_disk_full, is_read_only};
use seal_model::{
    AddressError, AnswersError, FolderError, ImportError, ImportOutput, KeyError, ModelError,
    Notice, template_text,
};
use seal_store::{Remedy, StoreError};
use seal_study::{ConfigError, StudyError};

use crate::verbs::judge::JudgeFailure;

/// How a user names a model.
struct ModelNaming {
    /// Its folder.
    model: &'static str,
    /// Its longest row.
    context: &'static str,
    /// What to do with an adapter, whose model may be known.
    adapter: &'static str,
}

/// By options of a verb.
const OPTIONS: ModelNaming = ModelNaming {
    model: "--model",
    context: "--context",
    adapter: "there, and the adapter by --adapter",
};

/// By keys of a study.
const STUDY: ModelNaming = ModelNaming {
    model: "model.path or proxy.model.path",
    context: "--context",
    adapter: "there, and the adapter by --adapter",
};

/// By keys of a judge's table.
const TABLE: ModelNaming = ModelNaming {
    model: "model.path",
    context: "model.context",
    adapter: "with the adapter merged into it",
};

/// The words of one error, its causes apart.
pub(crate) fn of(error: &(dyn Error + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<ModelError>() {
        let text = of_model(error, &OPTIONS);
        return with_room(text, error, "");
    }
    if let Some(error) = error.downcast_ref::<JudgeFailure>() {
        let text = match error {
            JudgeFailure::Model(model) => of_model(model, &TABLE),
            other => other.to_string(),
        };
        return with_room(text, error, ": verdicts are kept");
    }
    let boxed = || error.downcast_ref::<Box<StudyError>>().map(|error| &**error);
    match error.downcast_ref::<StudyError>().or_else(boxed) {
        Some(error) => of_study(error),
        None => error.to_string(),
    }
}

/// The words of a notice.
pub(crate) fn notice(notice: &Notice) -> String {
    match notice {
        Notice::Unplaced { with, of } => format!(
            "{with} of {of} rows have a system turn, and this template has no place for it: it is \
             left out of the text; --template chat keeps it"
        ),
        Notice::AdapterTemplate { adapter } => format!(
            "the adapter has a chat template of its own, which is not used; \
             --template '{{ chat = \"{}\" }}' uses it",
            escape(&adapter.display().to_string())
        ),
        Notice::OtherTemplate { folder, template } => format!(
            "{} was fine-tuned with another template: --template {}",
            folder.display(),
            template_text(template)
        ),
        Notice::AdapterTokenizer { .. }
        | Notice::OtherBase { .. }
        | Notice::UnknownLayers { .. }
        | Notice::Record { .. }
        | Notice::NoEnd { .. }
        | Notice::Weights { .. } => notice.to_string(),
    }
}

fn of_study(error: &StudyError) -> String {
    match error {
        StudyError::Stage { label, source } => format!("{label}: {}", of_study(source)),
        other => with_right(with_room(of_leaf(other), other, ": finished stages are kept"), other),
    }
}

/// The words of a study's error that holds no other one.
fn of_leaf(error: &StudyError) -> String {
    match error {
        StudyError::OneModel(model) => of_model(model, &STUDY),
        StudyError::Config(ConfigError::JudgeModel { section, source }) => {
            let text = of_model(source, &TABLE);
            match text {
                text if text.starts_with(section.as_str()) => text,
                text if text.starts_with("model.") => format!("{section}.{text}"),
                text => format!("{section}: {text}"),
            }
        }
        StudyError::Store(store) => of_store(store),
        StudyError::StoreIsRunFolder { store } => format!(
            "--store {}: it is the run folder; give it a folder of its own",
            store.display()
        ),
        StudyError::StoreIsFile { store } => {
            format!("--store {}: it is a file; give it a folder", store.display())
        }
        StudyError::NoThreads { reason } => format!(
            "no thread could be started ({reason}); give fewer --jobs, or raise the limit of \
             processes (ulimit -u) or of memory"
        ),
        StudyError::TraceState => "--trace-state counts steps from 1".to_owned(),
        StudyError::NoSelector { arm: Some(_), .. } => format!("--arm: {error}"),
        other => other.to_string(),
    }
}

fn of_store(error: &StoreError) -> String {
    let remedy = error.remedy().map(|remedy| match remedy {
        Remedy::WaitOrOtherFolder => "wait for it, or give --store another folder",
        Remedy::EmptyFolder => "give --store an empty or a new folder",
        Remedy::WritableFolder => {
            "give --store another folder, or get the right to write into this one"
        }
        Remedy::Compare => "compare the two, and remove the one that is wrong",
        Remedy::OtherProgramOrFolder => {
            "use the program that wrote it, or give --store another folder; if the file is \
             damaged, remove it"
        }
    });
    let is_denied =
        matches!(error, StoreError::ReadOnly { reason: ErrorKind::PermissionDenied, .. });
    match remedy {
        Some(remedy) if is_denied => format!("{}; {remedy}: {SHARED}", error.problem()),
        Some(remedy) => format!("{}; {remedy}", error.problem()),
        None => error.to_string(),
    }
}

/// The words of an error of a model that has these names.
fn of_model(error: &ModelError, names: &ModelNaming) -> String {
    let named = names.model;
    match error {
        ModelError::Key(KeyError::NoPair { text }) => {
            format!("--set takes KEY=VALUE, such as sft.epochs=4; got `{text}`")
        }
        ModelError::Folder(FolderError::Adapter { path, base }) => format!(
            "{named}: {} is an adapter; give its model ({}) {}",
            path.display(),
            base.as_deref().unwrap_or("it does not say which"),
            names.adapter
        ),
        ModelError::Folder(folder @ (FolderError::Missing { .. } | FolderError::Config { .. })) => {
            format!("{named}: {folder}")
        }
        ModelError::AdapterFile { .. } => format!("--adapter {error}"),
        ModelError::Context { context, most } => {
            format!("{} {context}: the model was made for 1 to {most} tokens", names.context)
        }
        ModelError::OutputInUse { .. } => format!("--out {error}"),
        ModelError::Address(AddressError::NoHub { .. }) => {
            format!("{error}, or build with --features hub")
        }
        ModelError::Layout { path, .. } => {
            format!("{error}: '{{ path = \"{}\", ... }}'", path.display())
        }
        ModelError::Answers(answers) => of_answers(answers),
        ModelError::Import(ImportError::NoIds { output }) => {
            let option = match output {
                ImportOutput::Selector => "--file",
                ImportOutput::KeptRows => "--kept",
            };
            format!(
                "{option}: a published selector knows rows by position only; --data gives them ids"
            )
        }
        ModelError::Import(ImportError::Rows { .. }) => {
            format!("{error} with --dropped or --tokenizer")
        }
        other => other.to_string(),
    }
}

fn of_answers(error: &AnswersError) -> String {
    let (another, new) = ("another file", "a new file");
    let text = error.to_string();
    match error {
        AnswersError::NoFile { .. } => text,
        AnswersError::InUse { .. } | AnswersError::OtherSettings { .. } => text
            .strip_suffix(another)
            .map_or(text.clone(), |start| format!("{start}another --file")),
        AnswersError::NoAnswer { .. } | AnswersError::Twice { .. } => {
            text.strip_suffix(new).map_or(text.clone(), |start| format!("{start}a new --file"))
        }
    }
}

/// With what to do where the disk is full; `kept` is what is not lost.
fn with_room(text: String, error: &(dyn Error + 'static), kept: &str) -> String {
    // What was said further down is not said again.
    match is_disk_full(error) && !text.contains("make room") {
        true => format!("{text}; make room and run the same command again{kept}"),
        false => text,
    }
}

/// What users who share a store need.
const SHARED: &str = "users who share a store or a run folder need a common group and umask 002, and \
                      `chmod -R g+rwX` gives the group what is there";

/// With what to do where the user lacks a right, or nobody can write.
fn with_right(text: String, error: &(dyn Error + 'static)) -> String {
    if text.contains("get the right") {
        return text;
    }
    // What a run only reads is shared in no folder of the program's.
    let is_input = matches!(
        error.downcast_ref(),
        Some(
            StudyError::Config(_)
                | StudyError::Plan(_)
                | StudyError::Data(_)
                | StudyError::OneModel(_)
        )
    );
    match is_denied(error) {
        true if is_input => return format!("{text}; get the right to read it from its owner"),
        true => return format!("{text}; get the right to it from its owner: {SHARED}"),
        false => {}
    }
    match is_read_only(error) {
        true => format!("{text}; give --out and --store folders that can be written"),
        false => text,
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
