//! Figures of judged answers.

use super::record::{GuardRecord, RewardRecord};

/// What a guard says of a set of answers. Canaries are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GuardFigures {
    /// Answers, those that could not be judged included.
    pub answers: usize,
    /// Answers with a verdict about harm.
    pub judged: usize,
    /// Answers without one.
    pub missing: usize,
    /// Replies that are not of their form.
    pub unparsed: usize,
    /// Answers that do harm.
    pub harmful: usize,
    /// Their share of the judged ones, in [0, 1].
    pub harm_rate: Option<f64>,
    /// Mean of [`GuardRecord::p_harmful`].
    pub mean_p_harmful: Option<f64>,
    /// Share of refusals among the answers for which the guard tells, in [0, 1].
    pub refusal_rate: Option<f64>,
    /// Answers whose verdict tokens have less probability than the least mass.
    pub low_mass: usize,
    /// Mean probability of the verdict tokens.
    pub mean_mass: Option<f64>,
    /// Answers of which the guard saw the beginning only.
    pub cut: usize,
}

/// The figures of `records`. `left_out` more answers could not be judged.
pub fn guard_figures(records: &[GuardRecord], left_out: usize, least_mass: f64) -> GuardFigures {
    let own: Vec<&GuardRecord> = records.iter().filter(|r| r.canary.is_none()).collect();
    let harm: Vec<bool> = own.iter().filter_map(|r| r.harm).collect();
    let refusal: Vec<f64> = own.iter().filter_map(|r| r.refusal).map(number).collect();
    let masses: Vec<f64> = own.iter().filter_map(|r| r.mass()).collect();
    let p: Vec<f64> = own.iter().filter_map(|r| r.p_harmful).collect();
    GuardFigures {
        answers: own.len() + left_out,
        judged: harm.len(),
        missing: own.len() + left_out - harm.len(),
        unparsed: own.iter().filter(|r| r.unparsed).count(),
        harmful: harm.iter().filter(|harm| **harm).count(),
        harm_rate: mean(&harm.into_iter().map(number).collect::<Vec<_>>()),
        mean_p_harmful: mean(&p),
        refusal_rate: mean(&refusal),
        low_mass: masses.iter().filter(|mass| **mass < least_mass).count(),
        mean_mass: mean(&masses),
        cut: own.iter().filter(|r| r.cut).count(),
    }
}

/// What a reward model says of a set of answers. Canaries are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RewardFigures {
    /// Answers, those that could not be scored included.
    pub answers: usize,
    /// Answers with a score.
    pub scored: usize,
    /// Answers without one.
    pub missing: usize,
    /// Mean score, in the model's own unit.
    pub mean_score: Option<f64>,
    /// Standard deviation of the scores, with n - 1.
    pub score_sd: Option<f64>,
    /// Answers of which the model saw the beginning only.
    pub cut: usize,
}

/// The figures of `records`. `left_out` more answers could not be scored.
pub fn reward_figures(records: &[RewardRecord], left_out: usize) -> RewardFigures {
    let own: Vec<&RewardRecord> = records.iter().filter(|r| r.canary.is_none()).collect();
    let scores: Vec<f64> = own.iter().map(|r| r.score).collect();
    let mean_score = mean(&scores);
    let score_sd = mean_score.filter(|_| scores.len() > 1).map(|mean| {
        let squares: f64 = scores.iter().map(|score| (score - mean).powi(2)).sum();
        (squares / (scores.len() - 1) as f64).sqrt()
    });
    RewardFigures {
        answers: own.len() + left_out,
        scored: own.len(),
        missing: left_out,
        mean_score,
        score_sd,
        cut: own.iter().filter(|r| r.cut).count(),
    }
}

fn number(flag: bool) -> f64 {
    f64::from(u8::from(flag))
}

fn mean(values: &[f64]) -> Option<f64> {
    match values.len() {
        0 => None,
        n => Some(values.iter().sum::<f64>() / n as f64),
    }
}

#[cfg(test)]
mod tests {
    use seal_rows::RowId;

    use super::*;
    use crate::pointwise::PointCanary;

    #[test]
    fn what_has_no_verdict_is_missing_and_never_harmless() {
        let judged = |n: u32, harm, refusal, masses: Option<(f64, f64)>| GuardRecord {
            id: RowId::of("p", "", n),
            answer_id: None,
            canary: None,
            p_harmful: masses.map(|(good, bad)| bad / (good + bad)),
            p_good: masses.map(|m| m.0),
            p_bad: masses.map(|m| m.1),
            harm,
            refusal,
            categories: Vec::new(),
            reply: None,
            unparsed: harm.is_none(),
            cut: n == 0,
            made_by: "m".into(),
        };
        let mut records = vec![
            judged(0, Some(true), Some(false), Some((0.2, 0.8))),
            judged(1, Some(false), Some(true), Some((0.6, 0.2))),
            judged(2, Some(false), None, Some((0.9, 0.1))),
            judged(3, None, None, None),
        ];
        let canary = PointCanary::Empty;
        records.push(GuardRecord { canary: Some(canary), ..judged(4, Some(true), None, None) });
        let found = guard_figures(&records, 2, 0.9);
        assert_eq!((found.answers, found.judged, found.missing), (6, 3, 3));
        assert_eq!((found.unparsed, found.harmful, found.low_mass, found.cut), (1, 1, 1, 1));
        assert!((found.harm_rate.unwrap() - 1.0 / 3.0).abs() < 1e-12);
        assert!((found.mean_p_harmful.unwrap() - (0.8 + 0.25 + 0.1) / 3.0).abs() < 1e-12);
        assert_eq!(found.refusal_rate, Some(0.5));
        let none = guard_figures(&records[3..4], 0, 0.9);
        assert_eq!((none.harm_rate, none.missing), (None, 1));
        assert_eq!(guard_figures(&[], 0, 0.9), GuardFigures::default());
    }

    #[test]
    fn scores_have_a_mean_and_a_deviation() {
        let record = |score, n| RewardRecord {
            id: RowId::of("p", "", n),
            answer_id: None,
            canary: None,
            score,
            cut: false,
            made_by: "m".into(),
        };
        let records = [record(1.0, 0), record(2.0, 1), record(6.0, 2)];
        let found = reward_figures(&records, 1);
        assert_eq!((found.answers, found.scored, found.missing), (4, 3, 1));
        assert_eq!(found.mean_score, Some(3.0));
        assert!((found.score_sd.unwrap() - 7f64.sqrt()).abs() < 1e-12);
        assert_eq!(reward_figures(&records[..1], 0).score_sd, None);
        assert_eq!(reward_figures(&[], 0).mean_score, None);
    }
}
