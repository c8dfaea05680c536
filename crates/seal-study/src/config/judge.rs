//! The judges of a test: one that decides, and further ones.
//!
//! Further judges have names, so that one key can be set without the others, and reports can
//! name them. A list would have neither.

use std::collections::BTreeMap;

use seal_eval::TestJudge;
use seal_judge::{JudgeKind, JudgeSettings};
use seal_judging::JudgeTable;
use seal_judging::rubric::{RATING_TIE, RubricTable};
use seal_model::{GuardTable, RewardTable};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::{Table, Value};

/// Kinds of judges that are models.
pub(super) const MODELS: [&str; 4] = ["guard", "reward", "rubric", "pairwise"];

/// One judge of a test.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum OneJudge {
    /// Reads one answer at a time, or asks for likelihoods.
    Single(JudgeSettings),
    /// Compares an arm's answer with the reference's: an endpoint, or a chat model here.
    Pairs(Box<JudgeTable>),
    /// A model folder that says whether an answer does harm.
    Guard(Box<GuardTable>),
    /// A model folder that scores an answer.
    Reward(Box<RewardTable>),
    /// Rates one answer at a time: an endpoint, or a chat model here.
    Rubric(Box<RubricTable>),
    /// Says what most of the further judges say.
    Majority(MajoritySettings),
}

/// A judge that says what most of the further judges say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MajoritySettings {
    /// Always `majority`.
    pub kind: MajorityKind,
}

/// The kind of [`MajoritySettings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MajorityKind {
    /// What most say.
    Majority,
}

/// The judges of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct TestJudges {
    /// The judge whose verdicts are the test's.
    pub first: OneJudge,
    /// Further judges by name. They decide nothing, unless the first is a majority.
    pub also: BTreeMap<String, OneJudge>,
}

impl From<JudgeSettings> for TestJudges {
    fn from(settings: JudgeSettings) -> Self {
        Self { first: OneJudge::Single(settings), also: BTreeMap::new() }
    }
}

impl OneJudge {
    /// How it judges.
    pub(crate) fn kind(&self) -> TestJudge {
        match self {
            Self::Single(settings) => TestJudge::Single(settings.kind),
            Self::Pairs(_) => TestJudge::Pairs,
            Self::Guard(_) => TestJudge::Guard,
            Self::Reward(_) => TestJudge::Reward,
            Self::Rubric(_) => TestJudge::Rubric,
            Self::Majority(_) => TestJudge::Majority,
        }
    }

    /// Difference of scores up to which two answers tie, in the unit of the score.
    pub(crate) fn tie(&self) -> f64 {
        match self {
            Self::Single(settings) => settings.tie(),
            Self::Reward(table) => table.tie,
            Self::Rubric(_) => RATING_TIE,
            Self::Pairs(_) | Self::Guard(_) | Self::Majority(_) => 0.0,
        }
    }

    /// The settings of a judge of single answers.
    pub(crate) fn single(&self) -> Option<&JudgeSettings> {
        match self {
            Self::Single(settings) => Some(settings),
            Self::Pairs(_)
            | Self::Guard(_)
            | Self::Reward(_)
            | Self::Rubric(_)
            | Self::Majority(_) => None,
        }
    }

    /// A judge of its keys in a config.
    /// `beside` are keys that stand beside its own, as a message lists them.
    fn of<E: serde::de::Error>(table: Table, beside: &str) -> Result<Self, E> {
        let said = |e: toml::de::Error| {
            let said = e.to_string();
            // A key of another place comes with the place.
            E::custom(match said.contains("\nin `") {
                true => said,
                false => {
                    said.replacen("expected one of ", &format!("expected one of {beside}, "), 1)
                }
            })
        };
        let kind = table.get("kind").and_then(Value::as_str);
        match kind {
            Some("pairwise") => JudgeTable::deserialize(table)
                .map_err(said)
                .map(|table| Self::Pairs(Box::new(table))),
            Some("guard") => GuardTable::deserialize(table)
                .map_err(said)
                .map(|table| Self::Guard(Box::new(table))),
            Some("reward") => RewardTable::deserialize(table)
                .map_err(said)
                .map(|table| Self::Reward(Box::new(table))),
            Some("rubric") => RubricTable::deserialize(table)
                .map_err(said)
                .map(|table| Self::Rubric(Box::new(table))),
            Some("majority") => {
                MajoritySettings::deserialize(table).map_err(said).map(Self::Majority)
            }
            Some(kind) if kind.parse::<JudgeKind>().is_err() => {
                let known = JudgeKind::ALL.map(JudgeKind::name);
                let known = known.iter().chain(&MODELS).chain(&["majority"]);
                let known: Vec<String> = known.map(|name| format!("`{name}`")).collect();
                let known = known.join(", ");
                Err(E::custom(format!("unknown variant `{kind}`, expected one of {known}")))
            }
            None if !table.contains_key("kind") => {
                let keys: Vec<String> = table.keys().map(|key| format!("`{key}`")).collect();
                let has = match keys.is_empty() {
                    true => "it has no key".to_owned(),
                    false => format!("its keys are {}", keys.join(", ")),
                };
                Err(E::custom(format!("the judge has neither `kind` nor `table`; {has}")))
            }
            _ => JudgeSettings::deserialize(table).map_err(said).map(Self::Single),
        }
    }
}

impl TestJudges {
    /// Every judge; the first, which decides, has no name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Option<&str>, &OneJudge)> {
        let also = self.also.iter().map(|(name, judge)| (Some(name.as_str()), judge));
        std::iter::once((None, &self.first)).chain(also)
    }
}

impl<'de> Deserialize<'de> for TestJudges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = Table::deserialize(deserializer)?;
        let also = match table.remove("also") {
            None => BTreeMap::new(),
            Some(Value::Table(also)) => {
                let one = |(name, value): (String, Value)| match value {
                    Value::Table(table) => {
                        let judge = OneJudge::of::<D::Error>(table, "`table`").map_err(|e| {
                            D::Error::custom(format!("{e}\nin `{name}`\nin `also`"))
                        })?;
                        Ok((name, judge))
                    }
                    _ => Err(D::Error::custom(format!("also.{name} is no table of a judge"))),
                };
                also.into_iter().map(one).collect::<Result<_, D::Error>>()?
            }
            Some(_) => return Err(D::Error::custom("also is a table of further judges by name")),
        };
        Ok(Self { first: OneJudge::of(table, "`table`, `also`")?, also })
    }
}

impl Serialize for TestJudges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct WithOthers<'a> {
            #[serde(flatten)]
            first: &'a OneJudge,
            also: &'a BTreeMap<String, OneJudge>,
        }
        match self.also.is_empty() {
            true => self.first.serialize(serializer),
            false => WithOthers { first: &self.first, also: &self.also }.serialize(serializer),
        }
    }
}
