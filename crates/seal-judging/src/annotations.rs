//! Judged pairs as AlpacaEval's annotations, and what the two orders say of them.

use seal_judge::{
    Annotation, BothOrders, Verdict, mean_soft_worth, mean_worth, preference_of, sampled_verdict,
};
use seal_stats::{StatsError, TwoOrders, two_orders};

use crate::judge::PairJudge;
use crate::judged::Judged;
use crate::pairs::{Pair, PairSet};

/// The judged pairs as annotations: the reference is number 1, the arm number 2.
///
/// The preference is soft where both orders have probabilities: the mean over them of the
/// probability that the arm's answer is better. Otherwise it is that of the verdict: 2 for a win,
/// 1.5 for a tie, 1 for a loss. Of several samples it is the mean. A pair without a verdict has none.
pub fn annotations(judge: &PairJudge, set: &PairSet, judged: &Judged) -> Vec<Annotation> {
    let annotator = match judged.served.as_slice() {
        [one] if judge.table().model.is_none() => one.clone(),
        _ => judge.name(),
    };
    let annotation = |(pair, samples): (&Pair, &Vec<BothOrders>)| Annotation {
        instruction: pair.instruction.clone(),
        output_1: pair.reference.clone(),
        output_2: pair.arm.clone(),
        generator_1: set.reference.clone(),
        generator_2: set.arm.clone(),
        annotator: Some(annotator.clone()),
        preference: mean_soft_worth(samples).map(preference_of),
        ..Annotation::default()
    };
    set.pairs.iter().zip(&judged.pairs).map(annotation).collect()
}

/// Wins, losses, ties, flips and the first place's share of judged pairs. Equal answers tie; the judge
/// was not asked about them, so they count in neither the flip rate nor the first place's share. Of a
/// pair that was judged several times the verdict is that of its mean worth; flips and the first place's
/// share are of all samples.
///
/// # Errors
/// Never for outcomes of a judge: worths are in [0, 1].
pub fn orders(set: &PairSet, judged: &Judged) -> Result<TwoOrders, StatsError> {
    let asked = set.pairs.iter().zip(&judged.pairs).filter(|(pair, _)| pair.arm != pair.reference);
    let of_samples = asked.flat_map(|(_, samples)| samples).map(|sample| sample.order_worths());
    let verdicts: Vec<Verdict> =
        judged.pairs.iter().map(|samples| sampled_verdict(samples)).collect();
    let count = |wanted: Verdict| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    let worths: Vec<f64> = judged.pairs.iter().filter_map(|samples| mean_worth(samples)).collect();
    let of_orders = |samples: &Vec<BothOrders>| {
        let both = samples.iter().filter_map(|sample| match sample.order_worths() {
            [Some(first), Some(second)] => Some((first + second) / 2.0),
            _ => None,
        });
        seal_stats::mean(&both.collect::<Vec<f64>>())
    };
    let mean_worths: Vec<f64> = judged.pairs.iter().filter_map(of_orders).collect();
    Ok(TwoOrders {
        wins: count(Verdict::Win),
        losses: count(Verdict::Loss),
        ties: count(Verdict::Tie),
        missing: judged.missing(),
        win_rate: seal_stats::mean(&worths),
        mean_worth: seal_stats::mean(&mean_worths),
        ..two_orders(&of_samples.collect::<Vec<_>>())?
    })
}

#[cfg(test)]
mod tests {
    use seal_judge::{BothOrders, Judgement, Outcome};

    #[test]
    fn hard_verdicts_are_counted_and_probabilities_averaged() {
        use Outcome::{First, Second, Tie, Unparsed};
        let of = Judgement::of;
        let both = |first, second| BothOrders { arm_first: first, arm_second: second }.soft_worth();
        assert_eq!(both(of(First), of(Second)), Some(1.0));
        assert_eq!(both(of(First), of(First)), Some(0.5));
        // One order ties: the pair ties.
        assert_eq!(both(of(First), of(Tie)), Some(0.5));
        assert_eq!(both(of(Unparsed), of(Second)), None);
        let p = Judgement::by_probability;
        assert!((both(p(0.9), p(0.3)).unwrap() - 0.8).abs() < 1e-15);
        // One probability beside a verdict of words: the verdict counts.
        assert_eq!(both(p(0.9), of(Second)), Some(1.0));
    }
}
