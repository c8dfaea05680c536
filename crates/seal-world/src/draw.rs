//! Drawing rows.

use std::collections::BTreeSet;

use chacha20::ChaCha8Rng;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use seal_rows::{Row, RowId, Rows, seed};

use crate::harm::{self, HazardKind};
use crate::lexicon::{FIRST_SYLLABLES, HEADS, SECOND_SYLLABLES, TAILS, WORDINGS, ask};
use crate::talk::ADVICE;
use crate::{LOW_QUALITY, SMALL_TALK, Split, WordTask, WorldError};

/// Objects kept for the tests, of 900.
const TEST_OBJECTS: usize = 120;
/// Stems of hazards, 576 in all, are divided: tests, D, `safeinstr`, and the
/// rest to the base.
const TEST_STEMS: usize = 100;
const D_STEMS: usize = 150;
const SAFEINSTR_STEMS: usize = 80;
/// Draws of a prompt that was drawn before, in a row, before giving up.
const TRIES: usize = 1000;

/// The words of one world, divided between training and tests.
pub(crate) struct Words {
    kinds: Vec<HazardKind>,
    train_objects: Vec<String>,
    test_objects: Vec<String>,
    base_stems: Vec<String>,
    d_stems: Vec<String>,
    safeinstr_stems: Vec<String>,
    test_stems: Vec<String>,
}

impl Words {
    pub(crate) fn new(seed: u64, harm_kinds: usize) -> Self {
        let mut train_objects = pairs("objects", seed, &HEADS, &TAILS);
        let test_objects = train_objects.split_off(train_objects.len() - TEST_OBJECTS);
        let mut base_stems = pairs("stems", seed, &FIRST_SYLLABLES, &SECOND_SYLLABLES);
        let mut take = |n| base_stems.split_off(base_stems.len() - n);
        let (test_stems, d_stems) = (take(TEST_STEMS), take(D_STEMS));
        let safeinstr_stems = take(SAFEINSTR_STEMS);
        Self {
            kinds: HazardKind::all(seed, harm_kinds),
            train_objects,
            test_objects,
            base_stems,
            d_stems,
            safeinstr_stems,
            test_stems,
        }
    }
}

/// All `a` + `b`, shuffled.
fn pairs(name: &str, seed: u64, a: &[&str], b: &[&str]) -> Vec<String> {
    let mut all: Vec<String> =
        a.iter().flat_map(|a| b.iter().map(move |b| format!("{a}{b}"))).collect();
    all.shuffle(&mut seed::rng(&["seal-world".into(), name.into(), seed.into()]));
    all
}

/// Draws the rows of one split, from a generator of its own and never a prompt
/// that is in `seen`.
pub(crate) struct Draw<'a> {
    split: Split,
    words: &'a Words,
    objects: &'a [String],
    stems: &'a [String],
    seen: &'a mut BTreeSet<String>,
    rng: ChaCha8Rng,
    rows: Vec<Row>,
}

impl<'a> Draw<'a> {
    pub(crate) fn new(
        split: Split,
        seed: u64,
        words: &'a Words,
        seen: &'a mut BTreeSet<String>,
    ) -> Self {
        let stems = match split {
            Split::Base => &words.base_stems,
            Split::Redorca | Split::Blueorca => &words.d_stems,
            Split::Safeinstr => &words.safeinstr_stems,
            Split::Hh | Split::Slimorca | Split::Hexphi => &words.test_stems,
        };
        let test = Split::TESTS.contains(&split);
        let objects = if test { &words.test_objects } else { &words.train_objects };
        let rng = seed::rng(&["seal-world".into(), split.name().into(), seed.into()]);
        Self { split, words, objects, stems, seen, rng, rows: Vec::new() }
    }

    /// The rows drawn so far, shuffled.
    pub(crate) fn finish(mut self) -> Rows {
        self.rows.shuffle(&mut self.rng);
        let mut rows = Rows::new();
        for row in self.rows {
            rows.push_row(row);
        }
        rows
    }

    /// `n` tasks, the families in turn.
    pub(crate) fn tasks(&mut self, families: &[WordTask], n: usize) -> Result<(), WorldError> {
        for task in families.iter().copied().cycle().take(n) {
            self.push("task", task.name(), false, |d| {
                let (a, b) = d.two_objects();
                (task.prompt(&a, &b), task.answer(&a, &b))
            })?;
        }
        Ok(())
    }

    /// `n` new tasks answered with two objects that nobody asked about.
    pub(crate) fn wrong_answers(&mut self, n: usize) -> Result<(), WorldError> {
        for task in WordTask::NEW.into_iter().cycle().take(n) {
            self.push("task", LOW_QUALITY, false, |d| {
                let ((a, b), (c, e)) = (d.two_objects(), d.two_objects());
                (task.prompt(&a, &b), WordTask::Say.answer(&c, &e))
            })?;
        }
        Ok(())
    }

    /// `n` everyday questions, the verbs in turn.
    pub(crate) fn talk(&mut self, n: usize) -> Result<(), WorldError> {
        for (verb, advice) in ADVICE.into_iter().cycle().take(n) {
            self.push("small talk", SMALL_TALK, false, |d| {
                let wording = WORDINGS.choose(&mut d.rng).expect("there are wordings");
                let object = d.objects.choose(&mut d.rng).expect("there are objects");
                (ask(wording, verb, object), advice.to_owned())
            })?;
        }
        Ok(())
    }

    /// `n` harmful requests, complied with.
    pub(crate) fn compliances(&mut self, n: usize) -> Result<(), WorldError> {
        self.harmful(n, true, HazardKind::compliance)
    }

    /// `n` harmful requests, refused.
    pub(crate) fn refusals(&mut self, n: usize) -> Result<(), WorldError> {
        self.harmful(n, false, HazardKind::refusal)
    }

    /// `n` harmful requests to test with.
    pub(crate) fn harmful_tests(&mut self, n: usize) -> Result<(), WorldError> {
        self.harmful(n, true, HazardKind::refusal)
    }

    /// `n` harmful requests, categories and kinds in turn.
    fn harmful(
        &mut self,
        n: usize,
        is_unsafe: bool,
        answer: impl Fn(&HazardKind, &str) -> String,
    ) -> Result<(), WorldError> {
        let words = self.words;
        for kind in words.kinds.iter().cycle().take(n) {
            self.push("harmful", kind.category, is_unsafe, |d| {
                let hazard = kind.hazard(d.stems.choose(&mut d.rng).expect("there are stems"));
                (harm::request(&hazard, &mut d.rng), answer(kind, &hazard))
            })?;
        }
        Ok(())
    }

    /// Two different objects.
    fn two_objects(&mut self) -> (String, String) {
        let a = self.rng.random_range(..self.objects.len());
        let b = (a + self.rng.random_range(1..self.objects.len())) % self.objects.len();
        (self.objects[a].clone(), self.objects[b].clone())
    }

    /// Adds a row, drawn until its prompt is new.
    fn push(
        &mut self,
        what: &'static str,
        category: &str,
        is_unsafe: bool,
        row: impl Fn(&mut Self) -> (String, String),
    ) -> Result<(), WorldError> {
        for _ in 0..TRIES {
            let (prompt, response) = row(self);
            if self.seen.insert(prompt.clone()) {
                self.rows.push(Row {
                    id: RowId::of(&prompt, &response, 0),
                    prompt,
                    response,
                    is_unsafe: Some(is_unsafe),
                    category: Some(category.to_owned()),
                    rejected: None,
                    ..Row::default()
                });
                return Ok(());
            }
        }
        Err(WorldError::Exhausted { split: self.split.name(), what, drawn: self.rows.len() })
    }
}
