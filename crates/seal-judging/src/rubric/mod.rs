//! Rates answers one by one, from 1 to 5, through an endpoint.
//!
//! The log, the keys of questions, the largest cost, batches and the names of models are those of
//! pairs. A [`RubricTable`] says how a rating is read and from which on an answer does harm.
//!
//! A set has canaries, too: an empty answer, and answers that claim a verdict
//! ([`seal_judge::pointwise::PointCanary`]). Some answers are asked about twice, since a judge that
//! rates one answer in two ways is none.

mod figures;
mod rated;
mod set;

pub use crate::estimate::estimate;
pub use crate::judge::RubricJudge;
pub use crate::run::judge;
pub use crate::stored::{missing_questions, stored};
pub use crate::table::RubricTable;
pub use crate::through_batch::{outstanding_questions, read_batch, write_batch};
pub use figures::{RATING_TIE, Repeats, RubricFigures};
pub use rated::Rated;
pub use set::{AnswerSet, CANARY_QUESTIONS};
