//! One logit per row, and how losses move it.

mod saved;

use crate::adam::{Adam, AdamConstants};
use crate::batch::BatchScores;
use crate::chunked;
use crate::diagnostics::Diagnostics;
use crate::normaliser::{Normaliser, Slopes};
use crate::settings::check_positive;
use crate::{Normalise, SelectError, SelectorFunction, SelectorOptimizer, SelectorSettings};

/// The selector: a logit omega for each of N rows, at their positions in the
/// fine-tuning set.
///
/// Weights are those of the moment, so a caller that steps model and selector
/// together asks for [`weights_of`](Self::weights_of) before
/// [`update`](Self::update). State: 8 bytes a row, and 24 more with Adam.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    settings: SelectorSettings,
    omega: Vec<f64>,
    normaliser: Normaliser,
    adam: Option<Adam>,
}

impl Selector {
    /// A selector over `n` rows that takes plain steps from `function`'s own
    /// start.
    ///
    /// # Errors
    /// If `n` is 0.
    pub fn new(
        function: SelectorFunction,
        n: usize,
        normalise: Normalise,
    ) -> Result<Self, SelectError> {
        Self::with_settings(SelectorSettings { function, normalise, ..Default::default() }, n)
    }

    /// A selector over `n` rows.
    ///
    /// # Errors
    /// If `n` is 0 or a setting is out of its range.
    pub fn with_settings(settings: SelectorSettings, n: usize) -> Result<Self, SelectError> {
        Self::from_omega(settings, vec![settings.start(); n])
    }

    /// A selector that stands at `omega`, with fresh Adam moments.
    ///
    /// # Errors
    /// If `omega` is empty or not finite, or a setting is out of its range.
    pub fn from_omega(settings: SelectorSettings, omega: Vec<f64>) -> Result<Self, SelectError> {
        settings.check()?;
        if omega.is_empty() {
            return Err(SelectError::NoRows { what: "a selector" });
        }
        if let Some(index) = omega.iter().position(|w| !w.is_finite()) {
            return Err(SelectError::NotFinite { what: "the logit", index, value: omega[index] });
        }
        let adam = matches!(settings.optimizer, SelectorOptimizer::Adam { .. })
            .then(|| Adam::new(omega.len()));
        Ok(Self { normaliser: Normaliser::of(&settings, &omega)?, settings, omega, adam })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &SelectorSettings {
        &self.settings
    }

    /// Number of rows N.
    pub fn len(&self) -> usize {
        self.omega.len()
    }

    /// False: a selector has at least one row.
    pub fn is_empty(&self) -> bool {
        self.omega.is_empty()
    }

    /// Logits, one a row. Ranking uses these.
    pub fn omega(&self) -> &[f64] {
        &self.omega
    }

    /// Weights p of all rows.
    pub fn weights(&self) -> Vec<f64> {
        self.omega.iter().map(|&w| self.weight(w)).collect()
    }

    /// Weights p of the rows at `indices`, in their order.
    ///
    /// # Panics
    /// If an index is not below [`len`](Self::len), as slices do.
    pub fn weights_of(&self, indices: &[usize]) -> Vec<f64> {
        indices.iter().map(|&i| self.weight(self.omega[i])).collect()
    }

    /// How weight is spread over the rows.
    pub fn diagnostics(&self) -> Diagnostics {
        Diagnostics::of(self.settings.function, &self.omega, |w| self.weight(w))
    }

    /// One step along the gradient of (1/B) sum_j s_j p_j, from the logits as
    /// they stand.
    ///
    /// `indices` are the batch's rows; one that is named twice counts twice.
    /// `scores` are their s_j: the loss (Algorithm 2), or its excess over the
    /// other model's (Algorithm 1), in nats per token. `nominal_batch` is B,
    /// the size of a full batch, also where this one is short. `rate` is the
    /// plain rate or Adam's.
    ///
    /// Costs O(N) for softmax, for the mean-normalised functions and under
    /// Adam; O(batch) otherwise.
    ///
    /// # Errors
    /// If the batch does not fit the selector, a score is not finite, `rate`
    /// or `nominal_batch` is not positive, every weight became 0 under
    /// [`Normalise::Mean`], or the logits diverged. After the last two the
    /// selector is of no more use; after the others it is unchanged.
    pub fn update(
        &mut self,
        indices: &[usize],
        scores: &[f64],
        rate: f64,
        nominal_batch: usize,
    ) -> Result<(), SelectError> {
        check_positive("the selector's rate", rate)?;
        check_positive("the nominal batch size", nominal_batch as f64)?;
        let batch = BatchScores::new(indices, scores, self.len(), self.settings.baseline)?;
        match self.settings.optimizer {
            SelectorOptimizer::Plain => self.plain_step(&batch, rate / nominal_batch as f64),
            SelectorOptimizer::Adam { beta1, beta2, eps, max_norm } => {
                let constants = AdamConstants { beta1, beta2, eps, max_norm };
                self.adam_step(&batch, rate, nominal_batch, constants)
            }
        }
    }

    /// Gradient of (1/B) sum_j s_j p_j with respect to each logit; arguments
    /// and errors as for [`update`](Self::update).
    ///
    /// For [`SelectorFunction::Tanh`] it has the slope of the unclamped
    /// function, and so differs from the true gradient at clamped rows.
    ///
    /// # Errors
    /// If the batch does not fit the selector, or a score is not finite.
    pub fn gradient(
        &self,
        indices: &[usize],
        scores: &[f64],
        nominal_batch: usize,
    ) -> Result<Vec<f64>, SelectError> {
        check_positive("the nominal batch size", nominal_batch as f64)?;
        let batch = BatchScores::new(indices, scores, self.len(), self.settings.baseline)?;
        let mut gradient = vec![0.0; self.len()];
        self.slopes(&batch, nominal_batch).write(&self.omega, &batch, &mut gradient);
        Ok(gradient)
    }

    fn weight(&self, w: f64) -> f64 {
        self.normaliser.weight(self.settings.function, self.omega.len(), w)
    }

    fn slopes(&self, batch: &BatchScores, nominal_batch: usize) -> Slopes {
        Slopes::of(self.normaliser, self.settings.function, &self.omega, batch, nominal_batch)
    }

    fn plain_step(&mut self, batch: &BatchScores, step: f64) -> Result<(), SelectError> {
        if let Normaliser::Softmax(partition) = &mut self.normaliser {
            return partition.step(&mut self.omega, batch, step);
        }
        let slopes = self.slopes(batch, 1);
        let moved: Vec<(usize, f64)> = batch
            .entries()
            .iter()
            .map(|&(j, s)| (j, self.omega[j] - step * slopes.at(self.omega[j], s)))
            .collect();
        if moved.iter().any(|(_, w)| !w.is_finite()) {
            return Err(SelectError::Diverged);
        }
        if slopes.reach_all_rows() {
            chunked::map_mut(&mut self.omega, |_, rows| {
                for w in rows {
                    *w -= step * slopes.at(*w, 0.0);
                }
            });
        }
        for (j, w) in moved {
            self.omega[j] = w;
        }
        self.rescale()
    }

    fn adam_step(
        &mut self,
        batch: &BatchScores,
        rate: f64,
        nominal_batch: usize,
        constants: AdamConstants,
    ) -> Result<(), SelectError> {
        let mut adam = self.adam.take().expect("made together with the settings");
        self.slopes(batch, nominal_batch).write(&self.omega, batch, adam.gradient_mut());
        adam.step(&mut self.omega, rate, constants);
        self.adam = Some(adam);
        if self.omega.iter().any(|w| !w.is_finite()) {
            return Err(SelectError::Diverged);
        }
        self.rescale()
    }

    fn rescale(&mut self) -> Result<(), SelectError> {
        if self.normaliser != Normaliser::None {
            self.normaliser = Normaliser::of(&self.settings, &self.omega)?;
        }
        Ok(())
    }
}
