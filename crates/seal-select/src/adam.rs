//! Adam over the logits, as in the published code.

use crate::{AdamState, chunked};

/// First and second moments of the gradient, one of each per row, and the
/// last gradient, kept to spare an allocation a step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Adam {
    mean: Vec<f64>,
    square: Vec<f64>,
    gradient: Vec<f64>,
    steps: i32,
}

/// The constants of [`crate::SelectorOptimizer::Adam`].
#[derive(Clone, Copy)]
pub(crate) struct AdamConstants {
    pub(crate) beta1: f64,
    pub(crate) beta2: f64,
    pub(crate) eps: f64,
    pub(crate) max_norm: f64,
}

impl Adam {
    pub(crate) fn new(rows: usize) -> Self {
        let zero = vec![0.0; rows];
        Self { mean: zero.clone(), square: zero.clone(), gradient: zero, steps: 0 }
    }

    /// `state` has both moments for each row.
    pub(crate) fn of(state: AdamState) -> Self {
        let AdamState { mean, square, steps } = state;
        let steps = i32::try_from(steps).unwrap_or(i32::MAX);
        Self { gradient: vec![0.0; mean.len()], mean, square, steps }
    }

    pub(crate) fn state(&self) -> AdamState {
        let steps = self.steps.unsigned_abs();
        AdamState { mean: self.mean.clone(), square: self.square.clone(), steps }
    }

    /// The buffer for the next step's gradient, one entry a row.
    pub(crate) fn gradient_mut(&mut self) -> &mut [f64] {
        &mut self.gradient
    }

    /// Moves `omega` along the gradient in the buffer (Kingma and Ba,
    /// arXiv 1412.6980, Algorithm 1), after the gradient was scaled to at most
    /// `max_norm` the way PyTorch's `clip_grad_norm_` does.
    pub(crate) fn step(&mut self, omega: &mut [f64], rate: f64, constants: AdamConstants) {
        let AdamConstants { beta1, beta2, eps, max_norm } = constants;
        let norm = chunked::sum(&self.gradient, |g| g * g).sqrt();
        let clip = (max_norm / (norm + 1e-6)).min(1.0);
        self.steps = self.steps.saturating_add(1);
        let correction1 = 1.0 - beta1.powi(self.steps);
        let correction2 = 1.0 - beta2.powi(self.steps);
        let state = self.mean.iter_mut().zip(&mut self.square).zip(&self.gradient);
        for (w, ((mean, square), gradient)) in omega.iter_mut().zip(state) {
            let g = gradient * clip;
            *mean = beta1 * *mean + (1.0 - beta1) * g;
            *square = beta2 * *square + (1.0 - beta2) * g * g;
            *w -= rate * (*mean / correction1) / ((*square / correction2).sqrt() + eps);
        }
    }
}
