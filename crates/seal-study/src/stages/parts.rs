//! Work on many items in parts that outlive a stop and a kill.

use seal_bilevel::score;
use seal_data::Example;
use seal_lm::Lm;
use seal_store::in_parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::refuse_cancelled;
use crate::StudyError;
use crate::error::Defect;
use crate::exec::Job;

/// Rows that are scored at once, which make a part.
pub(crate) const ROWS: usize = 64;

/// Is told how many items of a batch are done; reports a request to stop.
pub(super) type BatchProgress<'a> = &'a dyn Fn(usize) -> Result<(), StudyError>;

/// Where the finished parts of a test are kept, and who is told of them.
pub(super) struct ResumableBatches<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) name: &'a str,
    pub(super) progress: &'a dyn Fn(f64),
}

impl ResumableBatches<'_> {
    /// One value for each of `items`, in their order. They go through `make` in batches of at most
    /// `batch` like lengths, always the same ones. Each batch that is finished outlives a stop and a
    /// kill. A request to stop is heard between two batches.
    pub(super) fn of<I, T: Serialize + DeserializeOwned>(
        &self,
        items: &[I],
        batch: usize,
        tokens: impl Fn(&I) -> usize,
        mut make: impl FnMut(&[&I]) -> Result<Vec<T>, StudyError>,
    ) -> Result<Vec<T>, StudyError> {
        self.of_told(items, batch, tokens, |batch, _| make(batch))
    }

    /// As [`ResumableBatches::of`]. `make` may call what it is given with the number of items of the batch that
    /// are done, as long as it is at work: that tells progress, and hears a request to stop, which
    /// loses the batch.
    pub(super) fn of_told<I, T: Serialize + DeserializeOwned>(
        &self,
        items: &[I],
        batch: usize,
        tokens: impl Fn(&I) -> usize,
        mut make: impl FnMut(&[&I], BatchProgress<'_>) -> Result<Vec<T>, StudyError>,
    ) -> Result<Vec<T>, StudyError> {
        // As the model would cut them by itself, so that nothing is padded for nothing.
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by_key(|i| (tokens(&items[*i]), *i));
        let batches: Vec<&[usize]> = order.chunks(batch).collect();
        let mut is_first = true;
        let made = in_parts(self.job.unfinished, self.name, batches.len(), |part| {
            if std::mem::take(&mut is_first) && part > 0 {
                (self.job.goes_on)("part", part, batches.len());
            }
            refuse_cancelled(self.job)?;
            let of_part: Vec<&I> = batches[part].iter().map(|i| &items[*i]).collect();
            let told = |done: usize| {
                // One that is finished is kept.
                if done < of_part.len() {
                    refuse_cancelled(self.job)?;
                }
                let share = done as f64 / of_part.len() as f64;
                (self.progress)((part as f64 + share) / batches.len() as f64);
                Ok(())
            };
            let made = make(&of_part, &told)?;
            (self.progress)((part + 1) as f64 / batches.len() as f64);
            match made.len() == of_part.len() {
                true => Ok(made),
                false => Err(StudyError::from(Defect::LostItem)),
            }
        })?;
        let mut values: Vec<(usize, T)> = order.into_iter().zip(made).collect();
        values.sort_by_key(|(i, _)| *i);
        Ok(values.into_iter().map(|(_, value)| value).collect())
    }

    /// The loss of each of `examples` under a model that does not move, in nats a token.
    pub(super) fn losses(&self, model: &Lm, examples: &[Example]) -> Result<Vec<f64>, StudyError> {
        self.of(
            examples,
            ROWS,
            |example| example.tokens.len(),
            |batch| {
                let batch: Vec<Example> = batch.iter().map(|example| (*example).clone()).collect();
                Ok(score(model, &batch, ROWS, &mut |_, _| {})?)
            },
        )
    }
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
