//! Values that types do not rule out.

use std::collections::BTreeSet;

use seal_judge::GuardKind;
use seal_model::overrides::most_like;
use seal_model::{TokenizerKind, adapters_only, rank_fits};

use super::arms::ArmRole;
use super::types::{Append, Config, Method};
use crate::error::{ConfigError, ConfigPart, SectionError, ValueError};

impl Config {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`ConfigError`], naming key, value and remedy.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_settings()?;
        self.metrics_fit()?;
        Ok(self.arms_fit()?)
    }

    /// As [`Config::validate`], without the lists that arms share.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn validate_settings(&self) -> Result<(), ConfigError> {
        self.names_fit()?;
        if self.world.is_some() == self.data.is_some() {
            return Err(ValueError::Sources.into());
        }
        let seeds: BTreeSet<u64> = self.study.seeds.iter().copied().collect();
        if seeds.is_empty() || seeds.len() != self.study.seeds.len() {
            return Err(ValueError::Seeds { seeds: self.study.seeds.clone() }.into());
        }
        if self.study.limit == Some(0) {
            return Err(ValueError::NoRows.into());
        }
        if let Some(world) = &self.world {
            world.validate()?;
        }
        self.tokenizer_fits()?;
        section("model", self.model.validate())?;
        let proxy = self.proxy.as_ref().map(|_| self.of_selector());
        if let Some(proxy) = &proxy {
            proxy.tokenizer_fits().map_err(|e| ConfigError::within(ConfigPart::Proxy)(e.into()))?;
            section("proxy.model", proxy.model.validate())?;
        }
        self.base_fits(proxy.as_ref())?;
        let of = if self.proxy.is_some() { "proxy.model.dtype" } else { "model.dtype" };
        let trained = self.of_selector().model.dtype();
        section(of, adapters_only(trained, "[bilevel.lora]", self.bilevel.lora.as_ref()))?;
        let tuned = self.model.dtype();
        section("model.dtype", adapters_only(tuned, "[sft.lora]", self.sft.lora.as_ref()))?;
        rank_fits("bilevel.lora", self.bilevel.lora.as_ref())?;
        rank_fits("sft.lora", self.sft.lora.as_ref())?;
        section("bilevel", self.bilevel.validate())?;
        section("sft", self.sft.validate())?;
        section("generate", self.generate.validate())?;
        let keep = self.selection.keep;
        if !(keep > 0.0 && keep <= 1.0) {
            return Err(ValueError::Keep { keep }.into());
        }
        if !(0.0..=1.0).contains(&self.selection.unsafe_dose) {
            let dose = self.selection.unsafe_dose;
            return Err(ValueError::Dose { dose }.into());
        }
        if self.selection.unsafe_dose > 0.0 && self.selection.method != Method::Labels {
            return Err(ValueError::DoseOfOtherMethod.into());
        }
        self.selection_fits()?;
        if self.devices_per_stage == 0 {
            return Err(ValueError::DevicesPerStage.into());
        }
        self.device.set()?.check_shares(self.devices_per_stage)?;
        if let Some(gib) = self.device_memory.filter(|gib| *gib <= 0.0) {
            return Err(ValueError::DeviceMemory { gib }.into());
        }
        self.judges_fit()
    }

    /// Refuses a base without training or rows, and adapters where none can be.
    fn base_fits(&self, proxy: Option<&Self>) -> Result<(), ConfigError> {
        let Some(base) = &self.base else {
            return match (self.model.folder(), proxy) {
                (None, _) => Err(ValueError::NoBase.into()),
                (Some(_), Some(proxy)) if proxy.model.folder().is_none() => {
                    Err(ValueError::NoProxyBase.into())
                }
                (Some(_), _) => Ok(()),
            };
        };
        section("base", base.validate())?;
        rank_fits("base.lora", base.lora.as_ref())?;
        if self.data.as_ref().is_some_and(|data| data.base.is_empty()) {
            return Err(ValueError::NoBaseRows.into());
        }
        if self.model.folder().is_none() {
            return match base.lora {
                Some(_) => Err(ValueError::BaseAdapters.into()),
                None => Ok(()),
            };
        }
        for (key, of) in [("model.dtype", Some(self)), ("proxy.model.dtype", proxy)] {
            if let Some(of) = of {
                section(key, adapters_only(of.model.dtype(), "[base.lora]", base.lora.as_ref()))?;
            }
        }
        match proxy.is_some_and(|proxy| proxy.model.folder().is_none()) {
            true => Err(ValueError::NoProxyBase.into()),
            false => Ok(()),
        }
    }

    fn selection_fits(&self) -> Result<(), ConfigError> {
        let selection = &self.selection;
        if selection.append == Append::Safety
            && self.data.as_ref().is_some_and(|data| data.safety.is_empty())
        {
            return Err(ValueError::NoSafetyRows.into());
        }
        match (selection.method, &selection.guard) {
            (Method::Guard, None) => Err(ValueError::NoGuard.into()),
            (_, Some(guard)) if guard.kind == GuardKind::Oracle && self.world.is_none() => {
                Err(ValueError::Oracle { key: "selection.guard".to_owned() }.into())
            }
            (_, Some(guard)) => section("selection.guard", guard.guard().map(|_| ())),
            _ => Ok(()),
        }
    }

    fn tokenizer_fits(&self) -> Result<(), ValueError> {
        match (self.tokenizer.kind, self.tokenizer.vocab_size) {
            (TokenizerKind::Model, _) if self.model.folder().is_none() => Err(ValueError::NoFolder),
            (TokenizerKind::World | TokenizerKind::Bpe, _) if self.model.folder().is_some() => {
                Err(ValueError::FolderTokenizer)
            }
            (TokenizerKind::Model, Some(_)) => Err(ValueError::FolderVocabulary),
            (TokenizerKind::Model, None) => Ok(()),
            (TokenizerKind::World, _) if self.world.is_none() => Err(ValueError::WorldTokenizer),
            (TokenizerKind::World, Some(_)) => Err(ValueError::WorldVocabulary),
            (TokenizerKind::Bpe, None | Some(..=256)) => Err(ValueError::SmallVocabulary),
            _ if self.model.shape().is_ok_and(|shape| shape.vocab_size != 0) => {
                Err(ValueError::ModelVocabulary)
            }
            _ => Ok(()),
        }
    }

    fn judges_fit(&self) -> Result<(), ConfigError> {
        let tests = self.tests();
        if tests.is_empty() {
            return Err(ValueError::NoTest.into());
        }
        for test in &tests {
            self.judges_of_test_fit(test)?;
        }
        if let Some(trade_off) = &self.trade_off {
            section("trade_off", trade_off.check(&tests))?;
        }
        Ok(of_tests("judge", self.judge.keys(), &tests)?)
    }

    fn metrics_fit(&self) -> Result<(), ValueError> {
        of_tests("metrics", self.metrics.keys(), &self.tests())
    }

    fn arms_fit(&self) -> Result<(), ValueError> {
        let count = |role: ArmRole| self.arms.iter().filter(|arm| arm.role == role).count();
        for (arms, role) in [(ArmRole::Reference, "reference"), (ArmRole::Seal, "seal")] {
            let count = count(arms);
            if count != 1 {
                return Err(ValueError::OneArm { role, count });
            }
        }
        for (arms, role) in [(ArmRole::Ceiling, "ceiling"), (ArmRole::Random, "random")] {
            let count = count(arms);
            if count > 1 {
                return Err(ValueError::MostOneArm { role, count });
            }
        }
        Ok(())
    }
}

/// Refuses a name of `names`, the keys of the section `section`, that no test has.
pub(super) fn of_tests<'a>(
    section: &'static str,
    mut names: impl Iterator<Item = &'a String>,
    tests: &[&str],
) -> Result<(), ValueError> {
    match names.find(|name| !tests.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(ValueError::NoSuchTest {
            section,
            name: name.clone(),
            tests: tests.iter().map(|test| (*test).to_owned()).collect(),
            nearest: most_like(name, tests).map(str::to_owned),
        }),
    }
}

/// An error of the section `name`.
fn section<E: Into<SectionError>>(name: &str, checked: Result<(), E>) -> Result<(), ConfigError> {
    checked.map_err(|e| ConfigError::Section { section: name.to_owned(), source: e.into() })
}
