//! Values of a config that its types allow and a study does not.

/// A value that its type allows and a study does not. Each message begins with the key.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ValueError {
    /// Both sources of rows, or none.
    #[error("a config has either [world] or [data], not both and not neither")]
    Sources,
    /// No seed, or one twice.
    #[error("study.seeds = {seeds:?}: give at least one seed, each once")]
    Seeds {
        /// The seeds.
        seeds: Vec<u64>,
    },
    /// A limit of 0 rows.
    #[error("study.limit: 0 rows leave nothing to train on")]
    NoRows,
    /// A model is trained and nothing says how.
    #[error("[base] is missing: how the model is trained")]
    NoBase,
    /// A proxy is trained from scratch and nothing says how.
    #[error(
        "proxy.model is a shape, and nothing says how it is trained: [base] is of the folder of \
         model.path; name a folder for the proxy"
    )]
    NoProxyBase,
    /// Adapters of a model that is trained from scratch.
    #[error("base.lora: a model that is trained from scratch is trained whole; remove it")]
    BaseAdapters,
    /// A model is trained and nothing says on what.
    #[error("data.base: [base] trains the base of the study; name its rows")]
    NoBaseRows,
    /// Rows for a model that is used as it is.
    #[error(
        "data.base: without [base] the model of model.path is used as it is; remove the rows, or add \
         [base], which fine-tunes the model on them first"
    )]
    UntrainedBaseRows,
    /// A share of kept rows that is none.
    #[error("selection.keep = {keep}: the share kept is in (0, 1]")]
    Keep {
        /// The share.
        keep: f64,
    },
    /// A dose that is no share.
    #[error("selection.unsafe_dose = {dose}: a share is in [0, 1]")]
    Dose {
        /// The dose.
        dose: f64,
    },
    /// A dose for a method that has none.
    #[error("selection.unsafe_dose is of selection.method = \"labels\"")]
    DoseOfOtherMethod,
    /// Rows to append that are not named.
    #[error("selection.append = \"safety\" needs rows: name them in data.safety")]
    NoSafetyRows,
    /// The method `guard` without one.
    #[error("selection.method = \"guard\" needs a guard: set selection.guard")]
    NoGuard,
    /// An oracle of rows that are not of the world.
    #[error("{key}: the oracle knows the answers of [world] only")]
    Oracle {
        /// The guard or judge.
        key: String,
    },
    /// The tokenizer of a folder without a folder.
    #[error("tokenizer.kind = \"model\" is that of a model folder; set model.path")]
    NoFolder,
    /// Another tokenizer than the folder's.
    #[error("tokenizer.kind: a model folder has its own; set it to \"model\"")]
    FolderTokenizer,
    /// A size of the vocabulary of a folder.
    #[error("tokenizer.vocab_size: the model's is fixed; remove it")]
    FolderVocabulary,
    /// The tokenizer of the world for other rows.
    #[error("tokenizer.kind = \"world\" knows the words of [world] only; use \"bpe\"")]
    WorldTokenizer,
    /// A size of the vocabulary of the world.
    #[error("tokenizer.vocab_size: the world's vocabulary is fixed; remove it")]
    WorldVocabulary,
    /// A vocabulary with no room for all bytes.
    #[error("tokenizer.vocab_size: byte-level BPE needs more than 256 entries")]
    SmallVocabulary,
    /// A size of the vocabulary of a model that is trained here.
    #[error("model.vocab_size: the tokenizer decides; remove it")]
    ModelVocabulary,
    /// No test.
    #[error("data.test: name at least one test")]
    NoTest,
    /// A test without a judge.
    #[error("test `{test}` has no judge: add [judge.{test}]")]
    NoJudge {
        /// The test.
        test: String,
    },
    /// A judge that is the model under test.
    #[error(
        "{key}: the judge's model is also the model whose answers are judged, and models prefer their \
         own; choose another judge, or set {key}.allow_self = true"
    )]
    SelfJudged {
        /// The judge.
        key: String,
    },
    /// A majority that is no deciding judge.
    #[error("{key}: a majority decides; make it the test's own judge, and list the others in also")]
    MajorityBeside {
        /// The judge.
        key: String,
    },
    /// A majority of less than two.
    #[error("{key}: a majority needs at least two judges; list them in {key}.also")]
    MajorityOfFew {
        /// The judge.
        key: String,
    },
    /// Stages that would train on no device.
    #[error("devices_per_stage = 0: give 1 or more")]
    DevicesPerStage,
    /// Devices without memory.
    #[error("device_memory = {gib}: give GiB of memory, more than 0")]
    DeviceMemory {
        /// What is given.
        gib: f64,
    },
    /// A judge or names of no test.
    #[error(
        "{section}.{name}: there is no test of that name; tests are {}{}",
        tests.join(", "), meant(nearest.as_deref())
    )]
    NoSuchTest {
        /// `judge` or `metrics`.
        section: &'static str,
        /// The name.
        name: String,
        /// The tests.
        tests: Vec<String>,
        /// The test that is most like it.
        nearest: Option<String>,
    },
    /// A role that exactly one arm has.
    #[error("exactly one arm has role = \"{role}\"; there are {count}")]
    OneArm {
        /// The role.
        role: &'static str,
        /// Arms with it.
        count: usize,
    },
    /// A role that no second arm has.
    #[error("at most one arm has role = \"{role}\"; there are {count}")]
    MostOneArm {
        /// The role.
        role: &'static str,
        /// Arms with it.
        count: usize,
    },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
