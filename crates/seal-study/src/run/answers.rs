//! The answers of a run, out of its store: for other judges, for a page that shows them, and to count
//! the broken ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seal_data::{Row, RowId};
use seal_eval::coherence;
use seal_judge::{Answer, OutputLabels, from_jsonl, outputs_of, to_list};
use seal_report::{AnsweredTest, AnswersPage, CellAnswers, Coherence, ShownPrompt, TuningCurve};
use seal_store::{Found, Store};

use super::Study;
use crate::arm::reference;
use crate::config::{ArmRole, OutputFile};
use crate::error::StudyError;
use crate::graph::{Cell, Graph};
use crate::judging::Judging;
use crate::observer::Silent;
use crate::options::RunOptions;
use crate::stages::{LOSSES, TuningLosses, answers_file, read_json, read_text};

/// The page of [`StoredAnswers::write`].
const PAGE: &str = "answers.html";

/// The answers that the store has of the cells of a study, on the tests whose judges read answers.
pub struct StoredAnswers<'a> {
    study: &'a Study,
    cells: Vec<StoredCell>,
    /// Arm and seed of each cell whose answers the store does not have whole.
    pub absent: Vec<String>,
}

/// The answers of one cell.
struct StoredCell {
    arm: usize,
    seed: u64,
    tests: BTreeMap<String, Vec<Answer>>,
}

/// What the store has beside the outputs that results are made from, in the order of arms and seeds.
pub(super) struct StoredFigures {
    /// Broken and cut answers of each cell.
    pub(super) coherence: Vec<Coherence>,
    /// Cells whose answers are not there whole.
    pub(super) absent: Vec<String>,
    /// Losses of the fine-tuning.
    pub(super) tuning: Vec<TuningCurve>,
    /// Cells whose losses are not there whole.
    pub(super) tuning_absent: Vec<String>,
}

/// What [`StoredAnswers::write`] wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenAnswers {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Prompts without an answer, over all cells. They are in the page and in no list.
    pub unanswered: usize,
    /// Prompts that a test has twice, over all cells. The lists have the answer to the first.
    pub repeated: usize,
}

impl Study {
    /// The answers that the store of a run has. Nothing runs.
    ///
    /// # Errors
    /// A store that cannot be read, and answers that are not as the stage wrote them.
    pub fn stored_answers(&self, options: &RunOptions) -> Result<StoredAnswers<'_>, StudyError> {
        let dir = options.store_dir();
        let judging = Judging::new(&self.judges, &dir, &Silent);
        self.answers_in(&self.graph(options, &judging), &Store::open_to_read(&dir))
    }

    /// Figures that need no stage of their own, of what the store has.
    ///
    /// # Errors
    /// As [`Study::stored_answers`].
    pub(super) fn stored_figures(
        &self,
        graph: &Graph<'_>,
        store: &Store,
    ) -> Result<StoredFigures, StudyError> {
        let mut found = self.answers_in(graph, store)?;
        found.cells.sort_by_key(|cell| cell.arm);
        let of = |cell: &StoredCell| -> Vec<Coherence> {
            let arm = &self.arms[cell.arm].id;
            cell.tests.iter().map(|(test, all)| coherence(arm, cell.seed, test, all)).collect()
        };
        let (mut tuning, mut tuning_absent) = (Vec::new(), Vec::new());
        let mut cells: Vec<&Cell> = graph.cells.iter().collect();
        cells.sort_by_key(|cell| cell.arm);
        for cell in cells {
            let Some(node) = cell.sft else { continue };
            let Some(losses) = tuning_losses(graph, store, node)? else {
                tuning_absent.push(graph.nodes[node].label.clone());
                continue;
            };
            tuning.push(TuningCurve {
                arm: self.arms[cell.arm].id.clone(),
                seed: cell.seed,
                losses,
            });
        }
        let coherence = found.cells.iter().flat_map(of).collect();
        Ok(StoredFigures { coherence, absent: found.absent, tuning, tuning_absent })
    }

    /// The answers that judges read, one a test.
    pub(super) fn output_files(&self) -> Vec<OutputFile<'_>> {
        let tests = self.sets.of_arm(reference(&self.arms)).tests.keys();
        let mut asked = self.config.askings(tests);
        asked.retain(|asking| asking.of.is_none());
        asked
    }

    fn answers_in(
        &self,
        graph: &Graph<'_>,
        store: &Store,
    ) -> Result<StoredAnswers<'_>, StudyError> {
        let asked = self.output_files();
        let (mut cells, mut absent) = (Vec::new(), Vec::new());
        for cell in graph.cells.iter().filter(|_| !asked.is_empty()) {
            let Some(dir) = stored(graph, store, cell)? else {
                absent.push(graph.nodes[cell.answers].label.clone());
                continue;
            };
            let mut answers = BTreeMap::new();
            for asking in &asked {
                let name = answers_file(&asking.name);
                let read = from_jsonl(&read_text(&dir, &name)?).map_err(|e| {
                    StudyError::Damaged { path: dir.join(&name), reason: e.to_string() }
                })?;
                answers.insert(asking.test.to_owned(), read);
            }
            cells.push(StoredCell { arm: cell.arm, seed: cell.seed, tests: answers });
        }
        Ok(StoredAnswers { study: self, cells, absent })
    }
}

/// The losses of a fine-tuning. Of its files this one alone is compared with its hash: the model
/// beside it may have many gigabytes.
fn tuning_losses(
    graph: &Graph<'_>,
    store: &Store,
    node: usize,
) -> Result<Option<Vec<f64>>, StudyError> {
    let node = &graph.nodes[node];
    let Found::Entry(entry) = store.find(node.stage, &node.key, &node.inputs)? else {
        return Ok(None);
    };
    if store.verify_file(&entry, LOSSES)?.is_some() {
        return Ok(None);
    }
    let of: TuningLosses = read_json(&entry.dir, LOSSES)?;
    Ok(Some(of.losses))
}

/// The folder of a cell's answers, where every file is as it was written.
fn stored(graph: &Graph<'_>, store: &Store, cell: &Cell) -> Result<Option<PathBuf>, StudyError> {
    let node = &graph.nodes[cell.answers];
    let Found::Entry(entry) = store.find(node.stage, &node.key, &node.inputs)? else {
        return Ok(None);
    };
    Ok(store.verify(&entry)?.is_none().then_some(entry.dir))
}

impl StoredAnswers<'_> {
    /// Whether there is no answer: no judge reads answers, or the store has none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Writes `TEST/ARM-seed-N.json` for each cell and test, as AlpacaEval's model outputs, and
    /// `answers.html`, a page with two arms side by side. Texts may be harmful: they are the
    /// answers as they were generated.
    ///
    /// # Errors
    /// A file that cannot be written; answers to rows that the test does not have.
    pub fn write(&self, dir: &Path) -> Result<WrittenAnswers, StudyError> {
        let page = self.page().html()?;
        let mut written = WrittenAnswers::default();
        for cell in &self.cells {
            let arm = &self.study.arms[cell.arm];
            let generator = format!("{}-seed-{}", arm.id, cell.seed);
            let dataset = &self.study.config.study.name;
            for (test, answers) in &cell.tests {
                let source = OutputLabels { generator: &generator, dataset, datasplit: test };
                let outputs = outputs_of(self.rows(cell, test), answers, source)?;
                written.unanswered += outputs.unanswered;
                written.repeated += outputs.repeated;
                let path = dir.join(test).join(format!("{generator}.json"));
                written.files.push(put(&path, &to_list(&outputs.rows)?)?);
            }
        }
        written.files.push(put(&dir.join(PAGE), &page)?);
        Ok(written)
    }

    fn rows(&self, cell: &StoredCell, test: &str) -> &[Row] {
        self.study.sets.of_arm(cell.arm).tests.get(test).map_or(&[], Vec::as_slice)
    }

    /// The page: the reference and SEAL first, then the other arms.
    fn page(&self) -> AnswersPage {
        let study = self.study;
        let own = study.sets.of_arm(reference(&study.arms));
        let names: Vec<&String> =
            self.cells.first().map_or_else(Vec::new, |c| c.tests.keys().collect());
        let rows = |test: &str| own.tests.get(test).map_or(&[][..], Vec::as_slice);
        let prompt = |row: &Row| ShownPrompt {
            id: row.id.to_string(),
            prompt: row.prompt.clone(),
            category: row.category.clone(),
            is_unsafe: row.is_unsafe,
        };
        let mut arms: Vec<_> = study.arms.iter().collect();
        arms.sort_by_key(|arm| match arm.role {
            ArmRole::Reference => 0,
            ArmRole::Seal => 1,
            _ => 2,
        });
        let mut page = AnswersPage {
            study: study.config.study.name.clone(),
            arms: arms.iter().map(|arm| (arm.id.clone(), arm.label.clone())).collect(),
            seeds: study.config.study.seeds.clone(),
            tests: names
                .iter()
                .map(|test| AnsweredTest {
                    name: (*test).clone(),
                    prompts: rows(test).iter().map(prompt).collect(),
                })
                .collect(),
            answers: Vec::new(),
        };
        for cell in &self.cells {
            for (test, answers) in &cell.tests {
                let texts: BTreeMap<RowId, &String> =
                    answers.iter().map(|answer| (answer.id, &answer.text)).collect();
                page.answers.push(CellAnswers {
                    arm: study.arms[cell.arm].id.clone(),
                    seed: cell.seed,
                    test: test.clone(),
                    texts: rows(test)
                        .iter()
                        .map(|r| texts.get(&r.id).map(|t| (*t).clone()))
                        .collect(),
                });
            }
        }
        page
    }
}

/// Writes a file at once, and its folder.
fn put(path: &Path, text: &str) -> Result<PathBuf, StudyError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(StudyError::io(folder))?;
    }
    seal_files::write(path, text.as_bytes()).map_err(StudyError::at_file(path))?;
    Ok(path.to_owned())
}
