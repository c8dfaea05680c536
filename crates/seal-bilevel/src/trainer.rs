//! The loop that every training run goes through.

use std::sync::Arc;

use seal_data::Example;
use seal_data::seed::{SeedPart, hash64};
use seal_device::DeviceGroup;

use crate::position::StepPosition;
use crate::state::{RunIdentity, Saved};
use crate::{
    BilevelError, EpochEnd, Observer, RunStart, SettingsError, Snapshot, StateError, StepSide,
    StepTrace, TrainerState,
};

/// Something to train: [`crate::Supervised`] or [`crate::Bilevel`].
pub trait TrainingTask {
    /// What the whole run comes to.
    type Output;
    /// The run, between two steps.
    #[doc(hidden)]
    type Objective: Objective<Output = Self::Output>;

    /// # Errors
    /// Settings outside their range, or nothing to train on.
    #[doc(hidden)]
    fn prepare(self) -> Result<Self::Objective, BilevelError>;
}

/// What the loop asks of a run. The loop counts; the objective moves.
#[doc(hidden)]
pub trait Objective: Sized {
    type Output;

    fn plan(&self) -> &TrainingPlan;

    fn start(&self) -> RunStart;

    /// Lets the devices of `group` share each step. The model is on the first.
    fn on(self, group: &Arc<DeviceGroup>) -> Self;

    /// Lays out the rows of an epoch. Epochs come in their order, from 0.
    fn begin_epoch(&mut self, epoch: usize);

    /// # Errors
    /// As [`Trainer::run`].
    fn step(self, at: StepPosition) -> Result<(Self, StepTrace), BilevelError>;

    /// # Errors
    /// As [`Trainer::run`].
    fn end_epoch(&mut self, epoch: usize) -> Result<EpochEnd, BilevelError>;

    fn snapshot(&self, step: usize) -> Snapshot<'_>;

    fn save(&self) -> Saved;

    /// Takes up what `saved` holds, `step` steps done; those of the epochs before it have
    /// been laid out.
    ///
    /// # Errors
    /// As [`Trainer::resume`].
    fn load(self, saved: Saved, step: usize) -> Result<Self, StateError>;

    fn finish(self) -> Self::Output;
}

/// What tells a run from others, and how long it is.
#[doc(hidden)]
pub struct TrainingPlan {
    pub(crate) run: RunIdentity,
    /// Steps of an epoch, at least 1.
    pub(crate) of_epoch: usize,
}

/// # Errors
/// More steps than can be counted.
pub(crate) fn total_steps(epochs: usize, of_epoch: usize) -> Result<usize, SettingsError> {
    epochs.checked_mul(of_epoch).ok_or(SettingsError::Steps { epochs, of_epoch })
}

/// A hash of the rows of a set, in their order, for telling runs apart.
pub(crate) fn hash_of(rows: &[Example]) -> u64 {
    // All that a loss depends on: another tokenizer or mask may give rows of the same lengths.
    let of_row = |e: &Example| {
        let skipped = e.skip.iter().flat_map(|r| [r.start as u64, r.end as u64]);
        let sizes = [e.tokens.len() as u64, e.answer as u64, e.skip.len() as u64];
        let tokens = e.tokens.iter().map(|t| u64::from(*t));
        let numbers: Vec<u64> = sizes.into_iter().chain(skipped).chain(tokens).collect();
        hash64(&numbers.iter().map(|n| SeedPart::from(*n)).collect::<Vec<_>>())
    };
    let rest: Vec<u64> = rows.iter().map(of_row).collect();
    let parts =
        rows.iter().zip(&rest).flat_map(|(e, rest)| [SeedPart::from(&e.id), (*rest).into()]);
    hash64(&parts.collect::<Vec<_>>())
}

/// A training run that can be stopped between two steps, saved and gone on with.
///
/// ```no_run
/// # use seal_bilevel::{BilevelError, Silent, Supervised, Trainer, TrainerState};
/// # fn example(task: fn() -> Supervised<'static>) -> Result<(), BilevelError> {
/// // Half of it, to bytes that may be stored.
/// let trainer = Trainer::new(task())?.run_until(50, &mut Silent)?;
/// let bytes = trainer.state().to_bytes()?;
/// // The other half, from the same inputs, perhaps in another process.
/// let state = TrainerState::from_bytes(&bytes)?;
/// let tuned = Trainer::resume(task(), state)?.run(&mut Silent)?;
/// # Ok(())
/// # }
/// ```
pub struct Trainer<T: TrainingTask> {
    objective: T::Objective,
    /// Steps done.
    step: usize,
    /// Whether the observer was told of the start.
    started: bool,
}

impl<T: TrainingTask> Trainer<T> {
    /// A run at its start.
    ///
    /// # Errors
    /// Settings outside their range, or nothing to train on.
    pub fn new(task: T) -> Result<Self, BilevelError> {
        Ok(Self { objective: task.prepare()?, step: 0, started: false })
    }

    /// A run where `state` was taken. `task` has to be the one that `state` is of: the same
    /// model with the same weights, rows in the same order, settings and seed. The run then
    /// ends bit by bit as that one would have on the same device.
    ///
    /// # Errors
    /// As [`Trainer::new`]; [`BilevelError::State`] for a state of other rows, settings or
    /// another seed, or one that does not fit the model. The weights of layers that are not
    /// trained are not looked at.
    pub fn resume(task: T, state: TrainerState) -> Result<Self, BilevelError> {
        let mut objective = task.prepare()?;
        let TrainerState { run, step, saved } = state;
        let plan = objective.plan();
        plan.run.check(&run)?;
        if step > plan.run.steps {
            return Err(StateError::OtherRun { what: "number of steps" }.into());
        }
        // An order is a function of seed and epoch, and of the epochs before it.
        let begun = step.div_ceil(plan.of_epoch);
        (0..begun).for_each(|epoch| objective.begin_epoch(epoch));
        Ok(Self { objective: objective.load(saved, step)?, step, started: false })
    }

    /// The same run, each step of which the devices of `group` share. The model of its task is on the
    /// first of them; the others get copies. Neither results nor states depend on how many there are.
    ///
    /// A step is spread by its micro-batches. Where a device has kernels, it is also spread by the
    /// parts that a batch is cut into. A step that is neither keeps one device busy.
    pub fn on(self, group: &Arc<DeviceGroup>) -> Self {
        match group.size() {
            1 => self,
            _ => Self { objective: self.objective.on(group), ..self },
        }
    }

    /// Steps done.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Steps of the whole run.
    pub fn steps(&self) -> usize {
        self.objective.plan().run.steps
    }

    /// All that the run goes on from.
    pub fn state(&self) -> TrainerState {
        let run = self.objective.plan().run.clone();
        TrainerState { run, step: self.step, saved: self.objective.save() }
    }

    /// Takes the steps that are left and gives what the run comes to.
    ///
    /// # Errors
    /// Training that diverges, a selector that collapses, and what the observer reports.
    pub fn run(self, observer: &mut dyn Observer) -> Result<T::Output, BilevelError> {
        let steps = self.steps();
        Ok(self.run_until(steps, observer)?.objective.finish())
    }

    /// Takes steps until `until` are done, or all.
    ///
    /// # Errors
    /// As [`Trainer::run`].
    pub fn run_until(
        mut self,
        until: usize,
        observer: &mut dyn Observer,
    ) -> Result<Self, BilevelError> {
        let (steps, seed) = (self.steps(), self.objective.plan().run.seed);
        let of_epoch = self.objective.plan().of_epoch;
        if !self.started {
            observer.start(&RunStart { done: self.step, ..self.objective.start() })?;
            self.started = true;
        }
        while self.step < until.min(steps) {
            let (epoch, in_epoch) = (self.step / of_epoch, self.step % of_epoch);
            let at = StepPosition { seed, step: self.step, epoch, in_epoch };
            if in_epoch == 0 {
                self.objective.begin_epoch(epoch);
            }
            let watched = observer.wants_snapshot(self.step);
            if watched {
                observer.snapshot(StepSide::Before, &self.objective.snapshot(self.step))?;
            }
            let done;
            (self.objective, done) = self.objective.step(at)?;
            self.step += 1;
            if watched {
                observer.snapshot(StepSide::After, &self.objective.snapshot(self.step))?;
            }
            observer.step(&done)?;
            observer.progress(self.step, steps);
            if in_epoch + 1 == of_epoch {
                observer.epoch(&self.objective.end_epoch(epoch)?)?;
            }
            if observer.wants_checkpoint(self.step) {
                observer.checkpoint(&self.state())?;
            }
        }
        Ok(self)
    }
}
