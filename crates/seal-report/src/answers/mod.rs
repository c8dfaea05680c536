//! `answers.html`: the answers of two arms side by side.
//!
//! The page is apart from the report for two reasons. It holds texts, which may be harmful, and a
//! report is mailed around. And it needs a script to search and to turn pages, which a report has not.
//! It works from a file and asks for nothing from outside.
//!
//! The texts stand in the page as JSON, one block for each cell and test. The script reads the blocks
//! of the two arms that are shown and draws one page of rows. So the size of the study costs bytes and
//! no time. Texts become text nodes only, so nothing in them acts.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;

use crate::text::visible;
use crate::{Error, Result, plot, view};

const STYLE: &str = include_str!("answers.css");
const SCRIPT: &str = include_str!("answers.js");

/// The name of the page, in errors.
const FILE: &str = "answers.html";

/// The answers of a study's arms, as texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnswersPage {
    /// The study's name.
    pub study: String,
    /// Id and label of each arm. The first two are shown first.
    pub arms: Vec<(String, String)>,
    /// The study seeds.
    pub seeds: Vec<u64>,
    /// The tests whose judges read answers.
    pub tests: Vec<AnsweredTest>,
    /// The answers of each arm, seed and test; one that is not there is shown as missing.
    pub answers: Vec<CellAnswers>,
}

/// A test with its prompts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnsweredTest {
    /// Its name.
    pub name: String,
    /// Its prompts.
    pub prompts: Vec<ShownPrompt>,
}

/// A prompt of a test.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ShownPrompt {
    /// Id of the row.
    pub id: String,
    /// The prompt.
    pub prompt: String,
    /// Its category.
    pub category: Option<String>,
    /// Whether it asks for harm; `None` where nobody says. Unless it is known to be harmless, the
    /// answers to it are folded.
    #[serde(rename = "unsafe")]
    pub is_unsafe: Option<bool>,
}

/// The answers of one arm with one seed to one test.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CellAnswers {
    /// Id of the arm.
    pub arm: String,
    /// The study seed.
    pub seed: u64,
    /// Name of the test.
    pub test: String,
    /// The answers in the order of the test's prompts; `None` where the model gave none.
    pub texts: Vec<Option<String>>,
}

/// What the script knows before it reads a block.
#[derive(Serialize)]
struct AnswersIndex<'a> {
    arms: Vec<&'a str>,
    seeds: Vec<String>,
    tests: Vec<&'a str>,
}

impl AnswersPage {
    /// The page. Equal answers give equal bytes.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] for answers of an arm, seed or test that the page does not have, for
    /// two blocks of one cell and test, and for a block with another number of answers than prompts.
    pub fn html(&self) -> Result<String> {
        let mut blocks: Vec<(String, String)> = Vec::new();
        for (t, test) in self.tests.iter().enumerate() {
            blocks.push((format!("prompts-{t}"), json(&test.prompts)?));
        }
        for (i, cell) in self.answers.iter().enumerate() {
            let id = self.block_id(cell, &format!("answers[{i}]"))?;
            if blocks.iter().any(|(known, _)| *known == id) {
                return Err(wrong(format!("answers[{i}]"), "this cell and test is there twice"));
            }
            blocks.push((id, json(&cell.texts)?));
        }
        let index = AnswersIndex {
            arms: self.arms.iter().map(|(_, label)| label.as_str()).collect(),
            seeds: self.seeds.iter().map(u64::to_string).collect(),
            tests: self.tests.iter().map(|test| view::test_label(&test.name)).collect(),
        };
        blocks.push(("index".to_owned(), json(&index)?));
        Ok(visible(self.page(&blocks).into_string()))
    }

    /// The id of a block of answers: the places of its test, arm and seed.
    fn block_id(&self, cell: &CellAnswers, place: &str) -> Result<String> {
        let at = |field: &str| format!("{place}.{field}");
        let test = self.tests.iter().position(|test| test.name == cell.test);
        let test = test.ok_or_else(|| wrong(at("test"), "the page has no such test"))?;
        let arm = self.arms.iter().position(|(id, _)| *id == cell.arm);
        let arm = arm.ok_or_else(|| wrong(at("arm"), "the page has no such arm"))?;
        let seed = self.seeds.iter().position(|seed| *seed == cell.seed);
        let seed = seed.ok_or_else(|| wrong(at("seed"), "the page has no such seed"))?;
        let (prompts, texts) = (self.tests[test].prompts.len(), cell.texts.len());
        match prompts == texts {
            true => Ok(format!("answers-{test}-{arm}-{seed}")),
            false => {
                let problem = format!("{texts} answers to {prompts} prompts");
                Err(wrong(at("texts"), &problem))
            }
        }
    }

    fn page(&self, blocks: &[(String, String)]) -> Markup {
        let title = format!("Answers: {}", self.study);
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    // No text could load or run anything even if it got out of its place.
                    meta http-equiv="Content-Security-Policy"
                        content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
                    title { (title) }
                    style { (PreEscaped(plot::COLOURS)) (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        h1 { (title) }
                        p.banner role="note" {
                            "These are answers of models, as they were generated. Answers to prompts that "
                            "may ask for harm are folded."
                        }
                        noscript { p { "This page needs its script. The files beside it have the same answers." } }
                        (controls())
                    }
                    main {
                        p #status role="status" {}
                        div #rows {}
                        nav aria-label="Pages" {
                            button type="button" id="back" { "Previous page" }
                            button type="button" id="on" { "Next page" }
                        }
                    }
                    @for (id, text) in blocks {
                        script type="application/json" id=(id) { (PreEscaped(text)) }
                    }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        }
    }
}

/// The fields that choose what is shown; the script fills in their options.
fn controls() -> Markup {
    let choices = [
        ("test", "Test"),
        ("left", "First arm"),
        ("right", "Second arm"),
        ("seed", "Seed"),
        ("category", "Category"),
    ];
    html! {
        form #controls aria-label="What is shown" {
            @for (id, label) in choices {
                div { label for=(id) { (label) } select id=(id) {} }
            }
            div {
                label for="which" { "Answers" }
                select #which {
                    option value="all" { "all" }
                    option value="differ" { "that differ" }
                    option value="missing" { "that are missing in one arm" }
                }
            }
            div.wide { label for="words" { "Search" } input #words type="search" autocomplete="off"; }
            div.wide { label { input #unfold type="checkbox"; " Unfold answers that may be harmful" } }
        }
    }
}

/// JSON that ends no script: `<` stands as an escape.
fn json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value).map_err(|source| Error::Json { file: FILE, source })?;
    Ok(text.replace('<', "\\u003c"))
}

fn wrong(field: String, problem: &str) -> Error {
    Error::Inconsistent { file: FILE, field, problem: problem.to_owned() }
}
