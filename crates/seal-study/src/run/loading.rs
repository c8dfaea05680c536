//! Reads a study: its config, plan, data and judges.

use std::path::{Path, PathBuf};

use seal_data::TemplateSetting;

use super::{Study, checks};
use crate::arm::{Arm, arms, find_models};
use crate::config::{ConfigSource, load};
use crate::error::StudyError;
use crate::graph::ArmSets;
use crate::judging::{Judges, RememberedJudges};

impl Study {
    /// The files that the study reads, each with a name for it: rows, plan, model folders and
    /// templates.
    pub fn input_files(&self) -> Vec<(&'static str, PathBuf)> {
        let mut files = Vec::new();
        if let Some(data) = &self.config.data {
            let tests = data.test.values().flatten();
            let sets = [&data.base, &data.fine_tuning, &data.safe, &data.safety];
            let sources = sets.into_iter().flatten().chain(tests);
            files.extend(sources.map(|source| ("the rows", data.root.join(&source.path))));
        }
        files.extend(self.judges.input_files());
        files.push(("the plan", PathBuf::from(&self.config.study.plan)));
        for arm in &self.arms {
            for config in [Some(&arm.config), arm.proxy.as_ref()].into_iter().flatten() {
                if let Some(Ok(found)) = config.model.folder().map(|folder| folder.found()) {
                    files.push(("the model", found.dir.clone()));
                }
                if let TemplateSetting::Chat { chat: Some(file), .. } = &config.tokenizer.template {
                    files.push(("the template", file.clone()));
                }
            }
        }
        files.sort();
        files.dedup();
        files
    }

    /// Reads config, plan and data, and checks them. Nothing is written.
    ///
    /// # Errors
    /// [`StudyError::Config`], [`StudyError::Data`] and their kin, each naming
    /// place and remedy.
    pub fn load(source: &ConfigSource) -> Result<Self, StudyError> {
        Self::load_with(source, &RememberedJudges::default())
    }

    /// As [`Study::load`], for a look at the run in the folder `out`: what that run found of its judges'
    /// models is not looked for, so they may be gone.
    ///
    /// # Errors
    /// As there.
    pub fn load_of_run(source: &ConfigSource, out: &Path) -> Result<Self, StudyError> {
        Self::load_with(source, &RememberedJudges::read(out))
    }

    /// As [`Study::load`], without looking for the judges that are `known`.
    ///
    /// # Errors
    /// As there.
    pub(super) fn load_with(
        source: &ConfigSource,
        known: &RememberedJudges,
    ) -> Result<Self, StudyError> {
        let mut study = Self::load_unjudged(source)?;
        study.judges = Judges::of(&study.config, known)?;
        study.judges.refuse_self(study.arms.iter().map(|arm| &arm.config))?;
        Ok(study)
    }

    /// As [`Study::load`], without its judges that are models, for work that comes before them: a
    /// guard of many gigabytes need not be there to choose rows. Such a study is not to be run.
    ///
    /// # Errors
    /// As there.
    pub fn load_unjudged(source: &ConfigSource) -> Result<Self, StudyError> {
        let mut loaded = load(source)?;
        let mut all = arms(&loaded)?;
        find_models(&mut all)?;
        loaded.config.find_models()?;
        let sets = ArmSets::of(&all)?;
        // Without labels, arms that need them cannot be had; the others can.
        let labelled = |i: usize| sets.of_arm(i).is_labelled();
        let out = |(i, a): &(usize, &Arm)| a.needs_labels && !labelled(*i);
        let indices: Vec<usize> = all.iter().enumerate().filter(out).map(|(i, _)| i).collect();
        let left_out: Vec<String> = indices.iter().map(|i| all[*i].id.clone()).collect();
        if !left_out.is_empty() {
            tracing::warn!(arms = ?left_out, "left out: not every row says whether it is unsafe");
        }
        let kept: Vec<Arm> = all.into_iter().filter(|a| !left_out.contains(&a.id)).collect();
        let sets = sets.without(&indices);
        checks::check(&loaded.config, &kept, &sets)?;
        let judges = Judges::default();
        Ok(Self { config: loaded.config, arms: kept, sets, left_out, judges })
    }
}
