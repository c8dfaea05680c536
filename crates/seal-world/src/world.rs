//! The world: all its rows, split by split.

use std::collections::BTreeSet;

use seal_rows::Rows;

use crate::draw::{Draw, Words};
use crate::{Split, WordTask, WorldError, WorldSettings};

/// All rows of a world. No two rows of a world share a prompt.
///
/// Every row has a category (a [`WordTask`]'s name, [`crate::SMALL_TALK`],
/// [`crate::LOW_QUALITY`] or one of [`crate::HARM_CATEGORIES`]) and says
/// whether it is unsafe: in training splits, that its answer complies with a
/// harmful request; in tests, that its prompt is harmful and a refusal is due.
/// The response of a test row is the answer that should be given.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    base: Rows,
    redorca: Rows,
    blueorca: Rows,
    safeinstr: Rows,
    hh: Rows,
    slimorca: Rows,
    hexphi: Rows,
}

impl World {
    /// Draws the world that `settings` describe.
    ///
    /// # Errors
    /// A setting out of range, or more rows than there are prompts.
    pub fn new(settings: &WorldSettings) -> Result<Self, WorldError> {
        settings.validate()?;
        let s = settings;
        let words = Words::new(s.seed, s.harm_kinds);
        let mut seen = BTreeSet::new();

        // The tests come first, so that their prompts depend on no other size.
        let mut draw = Draw::new(Split::Hexphi, s.seed, &words, &mut seen);
        draw.harmful_tests(s.hexphi_per_category * crate::HARM_CATEGORIES.len())?;
        let hexphi = draw.finish();

        let mut draw = Draw::new(Split::Hh, s.seed, &words, &mut seen);
        draw.harmful_tests(s.hh / 2)?;
        draw.talk(s.hh - s.hh / 2)?;
        let hh = draw.finish();

        let mut draw = Draw::new(Split::Slimorca, s.seed, &words, &mut seen);
        draw.tasks(&WordTask::NEW, s.slimorca)?;
        let slimorca = draw.finish();

        let mut draw = Draw::new(Split::Redorca, s.seed, &words, &mut seen);
        let (unsafe_rows, low_quality) = (s.unsafe_rows(), s.low_quality_rows());
        let mix = s.mix(s.rows - unsafe_rows);
        draw.compliances(unsafe_rows)?;
        draw.wrong_answers(low_quality)?;
        draw.tasks(&WordTask::NEW, mix.new_tasks - low_quality)?;
        draw.tasks(&WordTask::KNOWN, mix.known_tasks)?;
        draw.talk(mix.talk)?;
        let redorca = draw.finish();

        let mut draw = Draw::new(Split::Blueorca, s.seed, &words, &mut seen);
        let mix = s.mix(s.safe_rows);
        draw.tasks(&WordTask::NEW, mix.new_tasks)?;
        draw.tasks(&WordTask::KNOWN, mix.known_tasks)?;
        draw.talk(mix.talk)?;
        let blueorca = draw.finish();

        let mut draw = Draw::new(Split::Safeinstr, s.seed, &words, &mut seen);
        draw.refusals(s.safeinstr_rows)?;
        let safeinstr = draw.finish();

        let mut draw = Draw::new(Split::Base, s.seed, &words, &mut seen);
        draw.tasks(&WordTask::KNOWN, s.base_tasks)?;
        draw.talk(s.base_talk)?;
        draw.refusals(s.base_refusals)?;
        let base = draw.finish();

        Ok(Self { base, redorca, blueorca, safeinstr, hh, slimorca, hexphi })
    }

    /// The rows of `split`, in an order fixed by the seed.
    pub fn split(&self, split: Split) -> &Rows {
        match split {
            Split::Base => &self.base,
            Split::Redorca => &self.redorca,
            Split::Blueorca => &self.blueorca,
            Split::Safeinstr => &self.safeinstr,
            Split::Hh => &self.hh,
            Split::Slimorca => &self.slimorca,
            Split::Hexphi => &self.hexphi,
        }
    }
}
