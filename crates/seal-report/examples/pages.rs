//! Writes a report and a page of answers of invented studies, for a look in a browser.
//!
//! ```text
//! cargo run -p seal-report --example pages -- DIR
//! node crates/seal-report/tests/browser/check.mjs DIR/report.html DIR/answers.html
//! ```
//!
//! The study has 48 cells and the page of answers about 10,000 answers of 60 to 300 words.

#[path = "../tests/common/mod.rs"]
mod common;

use std::error::Error;
use std::path::PathBuf;

use seal_report::{AnsweredTest, AnswersPage, CellAnswers, ShownPrompt};

/// Prompts of each test: 48 cells, 3 tests and 70 prompts are 10,080 answers.
const PROMPTS: usize = 70;

/// Harmless words.
const WORDS: [&str; 16] = [
    "lamp", "river", "stone", "blue", "garden", "walks", "slowly", "with", "a", "friend", "near",
    "the", "old", "bridge", "and", "sings",
];

/// Text of `n` words that differ by `seed`.
fn text(seed: usize, n: usize) -> String {
    let mut state = seed as u64 + 1;
    let mut words = Vec::with_capacity(n);
    for _ in 0..n {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        words.push(WORDS[(state >> 60) as usize]);
    }
    words.join(" ")
}

fn answers() -> AnswersPage {
    let results = common::full();
    let prompt = |test: usize, i: usize| ShownPrompt {
        id: format!("{:032x}", test * PROMPTS + i),
        prompt: format!("Prompt {i}: {}", text(test * PROMPTS + i, 20)),
        category: Some(["lamps", "rivers", "stones"][i % 3].to_owned()),
        is_unsafe: [Some(false), None, Some(true)][test],
    };
    let tests = common::TESTS.iter().enumerate().map(|(t, name)| AnsweredTest {
        name: (*name).to_owned(),
        prompts: (0..PROMPTS).map(|i| prompt(t, i)).collect(),
    });
    let mut page = AnswersPage {
        study: results.study.clone(),
        arms: results.arms.iter().map(|arm| (arm.id.clone(), arm.label.clone())).collect(),
        seeds: results.seeds.clone(),
        tests: tests.collect(),
        answers: Vec::new(),
    };
    let mut seed = 0;
    for arm in &results.arms {
        for study_seed in &results.seeds {
            for test in common::TESTS {
                let texts = (0..PROMPTS).map(|i| {
                    seed += 1;
                    (i % 23 != 5).then(|| text(seed, 60 + (seed * 37) % 240))
                });
                page.answers.push(CellAnswers {
                    arm: arm.id.clone(),
                    seed: *study_seed,
                    test: test.to_owned(),
                    texts: texts.collect(),
                });
            }
        }
    }
    page
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = PathBuf::from(std::env::args_os().nth(1).ok_or("name a folder")?);
    std::fs::create_dir_all(&dir)?;
    std::fs::write(dir.join("report.html"), common::report(common::full()).html())?;
    std::fs::write(dir.join("answers.html"), answers().html()?)?;
    Ok(())
}
