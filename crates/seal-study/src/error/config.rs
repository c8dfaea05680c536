//! Configs that cannot be used.

use std::fmt;
use std::path::PathBuf;

use seal_bilevel::SettingsError;
use seal_device::DeviceSetError;
use seal_eval::TradeOffError;
use seal_files::NameError;
use seal_judge::JudgeError;
use seal_judging::JudgingError;
use seal_lm::SettingError;
use seal_model::overrides::TableError;
use seal_model::{HalfPrecision, KeyError, ModelError, RankTooLarge, ShapeError};
use seal_world::WorldError;

use super::value::ValueError;

/// A config that cannot be used: what is wrong, and where it stands.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the config {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is no TOML.
    #[error(transparent)]
    Syntax(#[from] toml::de::Error),
    /// A key that is unknown, or a value of another kind.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A key that cannot be set.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A number that no study can have.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// A value that its type allows and a study does not.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// What the crate that a section belongs to says of it.
    #[error("{section}{}{source}", source.separator())]
    Section {
        /// The section or key.
        section: String,
        /// What is wrong with it.
        source: SectionError,
    },
    /// What the judge behind an endpoint says of its settings.
    #[error("{}", of_judge(section, &source.to_string()))]
    Judge {
        /// The judge's section.
        section: String,
        /// What is wrong with it.
        source: Box<JudgingError>,
    },
    /// What the judge that is a model folder says of its settings, or of its files.
    #[error("{}", of_judge(section, &source.to_string()))]
    JudgeModel {
        /// The judge's section.
        section: String,
        /// What is wrong with it.
        source: Box<ModelError>,
    },
    /// Adapters of a rank that no machine holds.
    #[error(transparent)]
    Rank(#[from] RankTooLarge),
    /// A world that cannot be drawn.
    #[error("world: {0}")]
    World(#[from] WorldError),
    /// No device, or devices that do not go together.
    #[error(transparent)]
    Device(#[from] DeviceSetError),
    /// A name that becomes a file or folder.
    #[error("{key}: {source}")]
    Name {
        /// What is named.
        key: &'static str,
        /// What is wrong with the name.
        source: FileError,
    },
    /// An arm that cannot be.
    #[error(transparent)]
    Arm(#[from] ArmError),
    /// An error in a part of the config.
    #[error("{place}: {source}")]
    In {
        /// The part.
        place: ConfigPart,
        /// What is wrong there.
        source: Box<ConfigError>,
    },
}

/// What is said of a judge, with its section in front once.
pub(super) fn of_judge(section: &str, said: &str) -> String {
    match said.starts_with(section) {
        true => said.to_owned(),
        false => format!("{section}: {said}"),
    }
}

impl ConfigError {
    /// The error in a part of the config.
    pub(crate) fn within(place: ConfigPart) -> impl FnOnce(Self) -> Self {
        move |source| Self::In { place, source: Box::new(source) }
    }
}

/// A part of a config that has parts of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigPart {
    /// A file, or the built-in config.
    File(PathBuf),
    /// A binding.
    Binding(String),
    /// The section `quick`.
    Quick,
    /// The section `proxy`.
    Proxy,
    /// An arm, by its id.
    Arm(String),
    /// An arm of the plan.
    Planned {
        /// The part that it varies.
        part: String,
        /// The part's value, as in the plan.
        text: String,
    },
}

impl fmt::Display for ConfigPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Binding(part) => write!(f, "bindings.\"{part}\""),
            Self::Quick => f.write_str("quick"),
            Self::Proxy => f.write_str("proxy"),
            Self::Arm(id) => write!(f, "arm `{id}`"),
            Self::Planned { part, text } => write!(f, "plan: {part} `{text}`"),
        }
    }
}

/// A number that no study can have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NumberError {
    /// A whole number that is too large.
    #[error("{key} = {value}: at most {most}")]
    Whole {
        /// The key.
        key: String,
        /// Its number.
        value: i64,
        /// The largest number of the key.
        most: i64,
    },
    /// An infinite number, or none.
    #[error("{key} = {value}: give a finite number")]
    NotFinite {
        /// The key.
        key: String,
        /// Its number.
        value: f64,
    },
    /// Another number that is too large.
    #[error("{key} = {value:e}: at most {most:e}")]
    Large {
        /// The key.
        key: String,
        /// Its number.
        value: f64,
        /// The largest size of a number.
        most: f64,
    },
}

/// What the crate that a section belongs to says of it.
#[derive(Debug, thiserror::Error)]
pub enum SectionError {
    /// Of a model.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Of the format of weights.
    #[error(transparent)]
    HalfPrecision(#[from] HalfPrecision),
    /// Of a training.
    #[error(transparent)]
    Training(#[from] SettingsError),
    /// Of the generation of answers.
    #[error(transparent)]
    Generation(#[from] SettingError),
    /// Of a judge or a guard.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// Of the tests of safety and of usefulness.
    #[error(transparent)]
    TradeOff(#[from] TradeOffError),
}

impl SectionError {
    /// What stands between the section and the message. A message that begins with a setting makes one
    /// key with the section.
    fn separator(&self) -> &'static str {
        let is_key = match self {
            Self::Training(_) | Self::Shape(ShapeError::Longest { .. } | ShapeError::NoContext) => {
                true
            }
            Self::Generation(error) | Self::Shape(ShapeError::Architecture(error)) => {
                error.begins_with_setting()
            }
            Self::Shape(_) | Self::HalfPrecision(_) | Self::Judge(_) | Self::TradeOff(_) => false,
        };
        if is_key { "." } else { ": " }
    }
}

/// A name that cannot be a file of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// No name of a file.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A name that is there already.
    #[error("`{name}` is there twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// A name that differs from another in case alone.
    #[error(
        "`{first}` and `{name}` differ in case alone, and would be one file on some systems; \
         rename one"
    )]
    Case {
        /// The name.
        name: String,
        /// The other one.
        first: String,
    },
}

/// An arm that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ArmError {
    /// It changes a key that is the same for all arms.
    #[error("{key}: an arm cannot change it; it is the same for the whole study")]
    FixedKey {
        /// The key.
        key: String,
    },
    /// An arm of the plan has the id of another arm.
    #[error("the plan's arm `{id}` has the id of the arm \"{label}\"")]
    SameId {
        /// The id.
        id: String,
        /// Label of the other arm.
        label: String,
    },
    /// A control of the config is another arm of the plan.
    #[error(
        "the plan and the config both have an arm `{id}`, with different settings; rename the \
         control"
    )]
    SameControl {
        /// The id.
        id: String,
    },
    /// `study.only` names no arm.
    #[error("study.only: no arm `{id}`; arms are {}", known.join(", "))]
    Unknown {
        /// The id.
        id: String,
        /// Ids of the arms.
        known: Vec<String>,
    },
    /// It has other tests than the reference.
    #[error(
        "arm `{id}` has other tests than the reference `{reference}`: arms are compared prompt by \
         prompt; take what draws or names the tests out of its settings"
    )]
    OtherTests {
        /// The id.
        id: String,
        /// Id of the reference.
        reference: String,
    },
    /// Answers as long as the context.
    #[error(
        "generate.max_new_tokens = {asked} leaves no room for a prompt in a context of {context} \
         tokens, and the judge of `{test}` reads answers; lower it"
    )]
    NoRoom {
        /// Tokens of an answer.
        asked: usize,
        /// Tokens of the context.
        context: usize,
        /// The test.
        test: String,
    },
    /// No batch is whole.
    #[error(
        "bilevel.batch = {batch}, but the fine-tuning set has {data} rows and the safe set \
         {safe}: algorithm released drops batches that are not whole; lower the batch or add rows"
    )]
    NoWholeBatch {
        /// Rows of a batch.
        batch: usize,
        /// Rows of the fine-tuning set.
        data: usize,
        /// Rows of the safe set.
        safe: usize,
    },
    /// A penalty strength that leaves its range.
    #[error("bilevel.{source} within {epochs} epochs ({steps} steps)")]
    Gamma {
        /// The strength.
        source: SettingsError,
        /// Epochs of the selector.
        epochs: usize,
        /// Steps of all epochs.
        steps: usize,
    },
    /// A guard that cannot be made.
    #[error(transparent)]
    Guard(#[from] JudgeError),
    /// A guard that removes every row.
    #[error(
        "selection.guard.words are in all {rows} rows: none would be left to train on; name rarer \
         words"
    )]
    NothingKept {
        /// Rows of the fine-tuning set.
        rows: usize,
    },
}
