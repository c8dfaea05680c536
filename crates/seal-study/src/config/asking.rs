//! What a model is asked for the judges of a test. Judges that read answers share them.

use seal_judge::{Judge, JudgeError, JudgeSettings, LikelihoodJudge};

use super::judge::OneJudge;
use super::types::Config;

/// One file of what a model says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OutputFile<'a> {
    /// The test.
    pub(crate) test: &'a str,
    /// The judge that asks for likelihoods; `None` where answers are generated, for any judge.
    pub(crate) of: Option<&'a JudgeSettings>,
    /// Name of the file, without its ending.
    pub(crate) name: String,
}

/// The name of what belongs to a judge of a test. No test has a `+` in its name.
pub(crate) fn name_of(test: &str, judge: Option<&str>) -> String {
    match judge {
        None => test.to_owned(),
        Some(judge) => format!("{test}+{judge}"),
    }
}

impl OutputFile<'_> {
    /// The judge that asks for likelihoods.
    ///
    /// # Errors
    /// Settings that give no judge.
    pub(crate) fn likelihood(&self) -> Result<Option<LikelihoodJudge>, JudgeError> {
        match self.of.map(JudgeSettings::judge).transpose()? {
            Some(Judge::Likelihood(judge)) => Ok(Some(judge)),
            Some(Judge::Answers(_)) | None => Ok(None),
        }
    }
}

impl Config {
    /// What a model is asked for the judges of `test`. The first file is of the test's own name.
    pub(crate) fn output_files_of<'a>(&'a self, test: &'a str) -> Vec<OutputFile<'a>> {
        // A test without a judge is refused when the config is read.
        let answers = || OutputFile { test, of: None, name: test.to_owned() };
        let Some(judges) = self.judge.get(test) else { return vec![answers()] };
        let mut all: Vec<OutputFile<'_>> = Vec::new();
        for (judge, settings) in judges.all() {
            let of = match settings {
                OneJudge::Majority(_) => continue,
                OneJudge::Pairs(_)
                | OneJudge::Guard(_)
                | OneJudge::Reward(_)
                | OneJudge::Rubric(_) => None,
                OneJudge::Single(settings) => Some(settings).filter(|s| s.kind.is_likelihood()),
            };
            if of.is_some() || all.iter().all(|asking| asking.of.is_some()) {
                let judge = judge.filter(|_| !all.is_empty());
                all.push(OutputFile { test, of, name: name_of(test, judge) });
            }
        }
        all
    }

    /// The same of several tests, in their order.
    pub(crate) fn askings<'a>(
        &'a self,
        tests: impl IntoIterator<Item = &'a String>,
    ) -> Vec<OutputFile<'a>> {
        tests.into_iter().flat_map(|test| self.output_files_of(test)).collect()
    }

    /// The name of the file of answers or likelihoods that a judge of `test` reads.
    pub(crate) fn asked_for(&self, test: &str, judge: Option<&str>) -> String {
        let settings = self.judge.get(test).and_then(|judges| {
            judges.all().find(|(name, _)| *name == judge).map(|(_, settings)| settings)
        });
        let own = settings.and_then(OneJudge::single).filter(|s| s.kind.is_likelihood());
        let askings = self.output_files_of(test);
        let found = askings.iter().find(|asking| asking.of == own);
        found.map_or_else(|| test.to_owned(), |asking| asking.name.clone())
    }
}
