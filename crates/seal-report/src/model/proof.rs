//! What canaries show of the judges of a study.

use super::judging::Proof;
use super::opinion::Opinion;
use super::results::Results;

/// A judge that is a model, and what its canaries show of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgeProof<'a> {
    /// The test that it judges.
    pub test: &'a str,
    /// Its name, where it is a further judge.
    pub name: Option<&'a str>,
    /// The names of its model.
    pub models: &'a [String],
    /// Whether it judges pairs, and not single answers.
    pub of_pairs: bool,
    /// What its canaries show.
    pub proof: Proof,
}

impl Results {
    /// Every judge that is a model, by test: those that decide, then the further ones.
    pub fn judge_proofs(&self) -> Vec<JudgeProof<'_>> {
        let pairs = self.judging.iter().map(|(test, judging)| JudgeProof {
            test,
            name: None,
            models: &judging.models,
            of_pairs: true,
            proof: judging.proof(),
        });
        let single = self.assessing.iter().map(|(test, judging)| JudgeProof {
            test,
            name: None,
            models: &judging.models,
            of_pairs: false,
            proof: judging.proof(),
        });
        let further = self.opinions.iter().flat_map(|(test, opinions)| {
            opinions.iter().filter_map(move |(name, opinion)| of_opinion(test, name, opinion))
        });
        pairs.chain(single).chain(further).collect()
    }
}

fn of_opinion<'a>(test: &'a str, name: &'a str, opinion: &'a Opinion) -> Option<JudgeProof<'a>> {
    let (models, of_pairs, proof) = match (&opinion.judging, &opinion.assessing) {
        (Some(judging), _) => (&judging.models, true, judging.proof()),
        (None, Some(judging)) => (&judging.models, false, judging.proof()),
        (None, None) => return None,
    };
    Some(JudgeProof { test, name: Some(name), models, of_pairs, proof })
}
