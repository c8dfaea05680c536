//! Whoever waits for a job on many answers.

/// Hears how far a job is, and may ask it to stop. A closure over (answers done, answers in all)
/// only hears.
pub trait Watch {
    /// After each batch: answers done, answers in all.
    fn progress(&mut self, done: usize, of: usize);

    /// Whether to stop before the next batch. What is done is in the job's file.
    fn is_cancelled(&self) -> bool {
        false
    }
}

impl<F: FnMut(usize, usize)> Watch for F {
    fn progress(&mut self, done: usize, of: usize) {
        self(done, of);
    }
}
