//! Why a stage of a stored plan cannot be made by itself.

use std::path::PathBuf;

/// Why a stage of a stored plan cannot be made by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlannedError {
    /// No stage of the plan has this key.
    #[error(
        "`{key}` is the key of no stage of the plan, nor the beginning of one; it has {stages} stages"
    )]
    UnknownKey {
        /// What was asked for.
        key: String,
        /// Stages of the plan.
        stages: usize,
    },
    /// Several stages of the plan have keys that begin so.
    #[error("`{key}` is the beginning of the keys of several stages: give more of it")]
    Ambiguous {
        /// What was asked for.
        key: String,
    },
    /// The study is not the planned one any more: other data, another model, another program.
    #[error(
        "{name} has another key now than in the plan, because of {stage}: {}; launch the study again",
        differences.join("; ")
    )]
    Changed {
        /// The stage that was asked for.
        name: String,
        /// The first stage that differs: this one, or one that it rests on.
        stage: String,
        /// How it differs.
        differences: Vec<String>,
    },
    /// Stages whose outputs the store lacks.
    #[error("the store lacks {} stages that are to be read: {}", stages.len(), first_of(stages))]
    Lacking {
        /// Their names.
        stages: Vec<String>,
    },
    /// The run folder was moved or copied after the launch.
    #[error(
        "{}: this run folder was launched as {}, and was moved or copied since",
        now.display(),
        planned.display()
    )]
    Moved {
        /// The run folder of the plan.
        planned: PathBuf,
        /// Where the plan is now.
        now: PathBuf,
    },
    /// The config beside the plan is another one.
    #[error("{}: it is not the config that the plan was made from", path.display())]
    Config {
        /// The config.
        path: PathBuf,
    },
}

fn first_of(stages: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = stages.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if let Some(more) = stages.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
