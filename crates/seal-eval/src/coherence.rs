//! Broken and cut answers of cells and arms, for results and report.

use seal_judge::{Answer, Degenerate};
use seal_report::{Coherence, CoherenceShares, PerTest, Results};

/// How many of an arm's answers to a test, with one seed, are broken by their text alone, and how many
/// a limit cut. A prompt without an answer is none of them: its verdict is missing.
pub fn coherence(arm: &str, seed: u64, test: &str, answers: &[Answer]) -> Coherence {
    let found = Degenerate::of(answers.iter().map(|answer| answer.text.as_str()));
    let ends: Option<Vec<bool>> =
        answers.iter().map(|answer| answer.end.map(|end| end.is_cut())).collect();
    Coherence {
        arm: arm.to_owned(),
        seed,
        test: test.to_owned(),
        answers: found.answers,
        empty: found.empty,
        wordless: found.wordless,
        repetitive: found.repetitive,
        cut: ends.map(|ends| ends.iter().filter(|is_cut| **is_cut).count() as u64),
    }
}

/// Shares over the seeds of each arm, into the results. An arm gets none where a seed is not there, so
/// that a share is never of other seeds than the arm's other figures.
pub fn fill_coherence(results: &mut Results, cells: &[Coherence]) {
    let seeds = results.seeds.len();
    for arm in &mut results.arms {
        let of_arm: Vec<&Coherence> = cells.iter().filter(|cell| cell.arm == arm.id).collect();
        let mut shares = PerTest::new();
        for cell in &of_arm {
            let of_test: Vec<&Coherence> =
                of_arm.iter().copied().filter(|other| other.test == cell.test).collect();
            if of_test.len() == seeds {
                shares.insert(cell.test.clone(), shares_of(&of_test));
            }
        }
        arm.coherence = shares;
    }
}

fn shares_of(cells: &[&Coherence]) -> CoherenceShares {
    let mean = |share: fn(&Coherence) -> Option<f64>| -> Option<f64> {
        let shares: Option<Vec<f64>> = cells.iter().map(|cell| share(cell)).collect();
        shares.map(|shares| shares.iter().sum::<f64>() / shares.len() as f64)
    };
    CoherenceShares { broken: mean(Coherence::share), cut: mean(Coherence::cut_share) }
}

#[cfg(test)]
mod tests {
    use seal_judge::AnswerEnd;
    use seal_report::{Arm, Role};
    use seal_rows::RowId;

    use super::*;

    fn answer(text: &str, end: Option<AnswerEnd>) -> Answer {
        Answer { end, ..Answer::new(RowId::of(text, "", 0), text) }
    }

    #[test]
    fn each_answer_is_counted_once() {
        use AnswerEnd::{Context, Length, Stop};
        let texts = ["", "...", &"on and on ".repeat(9), "A sound answer."];
        let ends = [Stop, Context, Length, Stop].map(Some);
        let mut answers: Vec<Answer> =
            texts.iter().zip(ends).map(|(text, end)| answer(text, end)).collect();
        let found = coherence("seal", 3, "hh", &answers);
        let all = (found.answers, found.empty, found.wordless, found.repetitive, found.cut);
        assert_eq!((found.arm.as_str(), found.seed, found.test.as_str()), ("seal", 3, "hh"));
        assert_eq!((all, found.share()), ((4, 1, 1, 1, Some(2)), Some(0.75)));
        assert_eq!(found.cut_share(), Some(0.5));
        assert_eq!(coherence("seal", 3, "hh", &[]).share(), None);
        // One answer of an older program, and nobody knows how many were cut.
        answers[0].end = None;
        assert_eq!(coherence("seal", 3, "hh", &answers).cut, None);
    }

    #[test]
    fn shares_are_of_all_seeds_or_not_there() {
        let mut results = Results {
            seeds: vec![1, 2],
            arms: ["a", "b"].map(|id| Arm::new(id, id, Role::Control)).into(),
            ..Results::default()
        };
        let cell = |arm: &str, seed, empty, cut| Coherence {
            arm: arm.into(),
            seed,
            test: "hh".into(),
            answers: 4,
            empty,
            cut,
            ..Coherence::default()
        };
        let mut cells =
            vec![cell("a", 1, 1, Some(4)), cell("a", 2, 2, Some(2)), cell("b", 1, 1, Some(0))];
        fill_coherence(&mut results, &cells);
        let shares = CoherenceShares { broken: Some(0.375), cut: Some(0.75) };
        assert_eq!(results.arms[0].coherence, PerTest::from([("hh".to_owned(), shares)]));
        assert!(results.arms[1].coherence.is_empty());
        cells.push(cell("b", 2, 0, None));
        fill_coherence(&mut results, &cells);
        let shares = CoherenceShares { broken: Some(0.125), cut: None };
        assert_eq!(results.arms[1].coherence["hh"], shares);
    }
}
