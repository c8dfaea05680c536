//! Broken answers of a cell, for the report.

use seal_judge::{Answer, Degenerate};
use seal_report::Coherence;

/// How many of an arm's answers to a test, with one seed, are broken by their text alone. A prompt
/// without an answer is none of them: its verdict is missing.
pub fn coherence(arm: &str, seed: u64, test: &str, answers: &[Answer]) -> Coherence {
    let found = Degenerate::of(answers.iter().map(|answer| answer.text.as_str()));
    Coherence {
        arm: arm.to_owned(),
        seed,
        test: test.to_owned(),
        answers: found.answers,
        empty: found.empty,
        wordless: found.wordless,
        repetitive: found.repetitive,
    }
}

#[cfg(test)]
mod tests {
    use seal_rows::RowId;

    use super::*;

    #[test]
    fn each_answer_is_counted_once() {
        let texts = ["", "...", &"on and on ".repeat(9), "A sound answer."];
        let answer = |text: &&str| Answer { id: RowId::of(text, "", 0), text: (*text).to_owned() };
        let answers: Vec<Answer> = texts.iter().map(answer).collect();
        let found = coherence("seal", 3, "hh", &answers);
        let all = (found.answers, found.empty, found.wordless, found.repetitive);
        assert_eq!((found.arm.as_str(), found.seed, found.test.as_str()), ("seal", 3, "hh"));
        assert_eq!((all, found.share()), ((4, 1, 1, 1), Some(0.75)));
        assert_eq!(coherence("seal", 3, "hh", &[]).share(), None);
    }
}
