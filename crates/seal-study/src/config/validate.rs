//! Values that types do not rule out.

use std::collections::BTreeSet;

use seal_judge::{GuardKind, JudgeKind};
use seal_model::overrides::nearest;
use seal_model::{RankTooLarge, TokenizerKind, adapters_only, rank_fits};

use super::types::{Append, ArmRole, Config, Method};
use crate::StudyError;

impl Config {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`StudyError::Config`], naming key, value and remedy.
    pub fn validate(&self) -> Result<(), StudyError> {
        self.validate_settings()?;
        self.metrics_fit()?;
        self.arms_fit()
    }

    /// As [`Config::validate`], without the lists that arms share.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn validate_settings(&self) -> Result<(), StudyError> {
        let bad = |text: String| Err(StudyError::Config(text));
        self.names_fit()?;
        if self.world.is_some() == self.data.is_some() {
            return bad("a config has either [world] or [data], not both and not neither".into());
        }
        let seeds: BTreeSet<u64> = self.study.seeds.iter().copied().collect();
        if seeds.is_empty() || seeds.len() != self.study.seeds.len() {
            return bad(format!(
                "study.seeds = {:?}: give at least one seed, each once",
                self.study.seeds
            ));
        }
        if self.study.limit == Some(0) {
            return bad("study.limit: 0 rows leave nothing to train on".into());
        }
        if let Some(world) = &self.world {
            world.validate()?;
        }
        self.tokenizer_fits()?;
        section("model", self.model.validate())?;
        if self.proxy.is_some() {
            let proxy = self.of_selector();
            let of_proxy = |e| StudyError::Config(format!("proxy: {e}"));
            proxy.tokenizer_fits().map_err(of_proxy)?;
            section("proxy.model", proxy.model.validate())?;
        }
        match (&self.base, self.model.folder()) {
            (Some(base), None) => section("base", base.validate().map_err(|e| e.to_string()))?,
            (None, Some(_)) => {}
            (None, None) => return bad("[base] is missing: how the model is trained".into()),
            (Some(_), Some(_)) => {
                return bad("[base]: the model of model.path is used as it is; remove it".into());
            }
        }
        if self.base.as_ref().is_some_and(|base| base.lora.is_some()) {
            return bad("base.lora: the base is trained whole; remove it".into());
        }
        let of = if self.proxy.is_some() { "proxy.model.dtype" } else { "model.dtype" };
        let trained = self.of_selector().model.dtype();
        section(of, adapters_only(trained, "[bilevel.lora]", self.bilevel.lora.as_ref()))?;
        let tuned = self.model.dtype();
        section("model.dtype", adapters_only(tuned, "[sft.lora]", self.sft.lora.as_ref()))?;
        let rank = |e: RankTooLarge| StudyError::Config(e.to_string());
        rank_fits("bilevel.lora", self.bilevel.lora.as_ref()).map_err(rank)?;
        rank_fits("sft.lora", self.sft.lora.as_ref()).map_err(rank)?;
        section("bilevel", self.bilevel.validate().map_err(|e| e.to_string()))?;
        section("sft", self.sft.validate().map_err(|e| e.to_string()))?;
        section("generate", self.generate.validate().map_err(|e| e.to_string()))?;
        let keep = self.selection.keep;
        if !(keep > 0.0 && keep <= 1.0) {
            return bad(format!("selection.keep = {keep}: the share kept is in (0, 1]"));
        }
        if !(0.0..=1.0).contains(&self.selection.unsafe_dose) {
            let dose = self.selection.unsafe_dose;
            return bad(format!("selection.unsafe_dose = {dose}: a share is in [0, 1]"));
        }
        if self.selection.unsafe_dose > 0.0 && self.selection.method != Method::Labels {
            return bad("selection.unsafe_dose is of selection.method = \"labels\"".into());
        }
        self.selection_fits()?;
        self.device.parse::<seal_device::DeviceSpec>()?;
        self.judges_fit()
    }

    fn selection_fits(&self) -> Result<(), StudyError> {
        let bad = |text: String| Err(StudyError::Config(text));
        let selection = &self.selection;
        if selection.append == Append::Safety
            && self.data.as_ref().is_some_and(|data| data.safety.is_empty())
        {
            return bad("selection.append = \"safety\" needs rows: name them in data.safety".into());
        }
        match (selection.method, &selection.guard) {
            (Method::Guard, None) => {
                bad("selection.method = \"guard\" needs a guard: set selection.guard".into())
            }
            (_, Some(guard)) if guard.kind == GuardKind::Oracle && self.world.is_none() => {
                bad("selection.guard: the oracle knows the answers of [world] only".into())
            }
            (_, Some(guard)) => match guard.guard() {
                Ok(_) => Ok(()),
                Err(e) => bad(format!("selection.guard: {e}")),
            },
            _ => Ok(()),
        }
    }

    fn tokenizer_fits(&self) -> Result<(), StudyError> {
        let bad = |text: &str| Err(StudyError::Config(text.to_owned()));
        match (self.tokenizer.kind, self.tokenizer.vocab_size) {
            (TokenizerKind::Model, _) if self.model.folder().is_none() => {
                bad("tokenizer.kind = \"model\" is that of a model folder; set model.path")
            }
            (TokenizerKind::World | TokenizerKind::Bpe, _) if self.model.folder().is_some() => {
                bad("tokenizer.kind: a model folder has its own; set it to \"model\"")
            }
            (TokenizerKind::Model, Some(_)) => {
                bad("tokenizer.vocab_size: the model's is fixed; remove it")
            }
            (TokenizerKind::Model, None) => Ok(()),
            (TokenizerKind::World, _) if self.world.is_none() => {
                bad("tokenizer.kind = \"world\" knows the words of [world] only; use \"bpe\"")
            }
            (TokenizerKind::World, Some(_)) => {
                bad("tokenizer.vocab_size: the world's vocabulary is fixed; remove it")
            }
            (TokenizerKind::Bpe, None | Some(..=256)) => {
                bad("tokenizer.vocab_size: byte-level BPE needs more than 256 entries")
            }
            _ if self.model.shape().is_ok_and(|shape| shape.vocab_size != 0) => {
                bad("model.vocab_size: the tokenizer decides; remove it")
            }
            _ => Ok(()),
        }
    }

    fn judges_fit(&self) -> Result<(), StudyError> {
        let tests = self.tests();
        if tests.is_empty() {
            return Err(StudyError::Config("data.test: name at least one test".into()));
        }
        for test in &tests {
            let Some(judge) = self.judge.get(*test) else {
                return Err(StudyError::Config(format!(
                    "test `{test}` has no judge: add [judge.{test}]"
                )));
            };
            judge.judge().map_err(|e| StudyError::Config(format!("judge.{test}: {e}")))?;
            if judge.kind == JudgeKind::Oracle && self.world.is_none() {
                return Err(StudyError::Config(format!(
                    "judge.{test}: the oracle knows the answers of [world] only"
                )));
            }
        }
        match self.judge.keys().find(|name| !tests.contains(&name.as_str())) {
            Some(name) => Err(StudyError::Config(format!(
                "judge.{name}: there is no test of that name; tests are {}{}",
                tests.join(", "),
                nearest(name, &tests)
            ))),
            None => Ok(()),
        }
    }

    fn metrics_fit(&self) -> Result<(), StudyError> {
        let tests = self.tests();
        match self.metrics.keys().find(|name| !tests.contains(&name.as_str())) {
            Some(name) => Err(StudyError::Config(format!(
                "metrics.{name}: there is no test of that name; tests are {}{}",
                tests.join(", "),
                nearest(name, &tests)
            ))),
            None => Ok(()),
        }
    }

    fn arms_fit(&self) -> Result<(), StudyError> {
        for (role, name) in [(ArmRole::Reference, "reference"), (ArmRole::Seal, "seal")] {
            let n = self.arms.iter().filter(|a| a.role == role).count();
            if n != 1 {
                return Err(StudyError::Config(format!(
                    "exactly one arm has role = \"{name}\"; there are {n}"
                )));
            }
        }
        for (role, name) in [(ArmRole::Ceiling, "ceiling"), (ArmRole::Random, "random")] {
            let n = self.arms.iter().filter(|a| a.role == role).count();
            if n > 1 {
                return Err(StudyError::Config(format!(
                    "at most one arm has role = \"{name}\"; there are {n}"
                )));
            }
        }
        Ok(())
    }
}

/// An error of the section `name`.
fn section<E: std::fmt::Display>(name: &str, checked: Result<(), E>) -> Result<(), StudyError> {
    checked.map_err(|e| StudyError::Config(format!("{name}: {e}")))
}
