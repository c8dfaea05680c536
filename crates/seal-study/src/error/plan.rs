//! Plans that cannot be run.

use std::path::PathBuf;

use seal_model::overrides::TableError;

/// A plan that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The file cannot be read.
    #[error(
        "cannot read the plan {}: {source}; besides a path, study.plan may be \
         builtin:missing-ablations or none",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line that is no ablation of this study.
    #[error("{plan}:{line}: {fault}")]
    Line {
        /// The file, or the name of a built-in plan.
        plan: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        fault: PlanFault,
    },
    /// No line.
    #[error("the plan {plan} has no ablations")]
    Empty {
        /// The file, or the name of a built-in plan.
        plan: String,
    },
}

/// What is wrong with a line of a plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanFault {
    /// No JSON, an unknown field, or a value of another kind.
    #[error(transparent)]
    Form(#[from] TableError),
    /// An action that is not known.
    #[error("action `{action}` cannot be run; known actions: REPLACE")]
    Action {
        /// The action.
        action: String,
    },
    /// A part that no binding names.
    #[error("unknown ablated_part `{part}`; known parts: {}", known.join(", "))]
    Part {
        /// The part.
        part: String,
        /// The parts that bindings name.
        known: Vec<String>,
    },
    /// A metric that is none of the study's tests.
    #[error("unknown metric `{metric}`; known metrics: {}", known.join(", "))]
    Metric {
        /// The metric.
        metric: String,
        /// The metrics of the tests.
        known: Vec<String>,
    },
    /// Nothing to replace the part with.
    #[error("REPLACE needs a replacement")]
    NoReplacement,
    /// A replacement that a config cannot hold.
    #[error("{value}: {source}")]
    Value {
        /// The replacement, as JSON.
        value: String,
        /// Why.
        source: toml::ser::Error,
    },
    /// Two replacements that give one arm.
    #[error("`{text}` gives the arm `{id}` a second time")]
    Twice {
        /// The replacement.
        text: String,
        /// Id of the arm.
        id: String,
    },
}
