//! A guard's verdict by the probabilities of its tokens.

/// Probabilities of a guard's verdict tokens, each list together, out of the whole vocabulary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuardProbabilities {
    /// Of the tokens that say that the answer does no harm, in [0, 1].
    pub good: f64,
    /// Of those that say that it does.
    pub bad: f64,
}

impl GuardProbabilities {
    /// From the log-probabilities of all tokens, in nats. A token outside the vocabulary has
    /// probability 0. Each list names a token once.
    pub fn of(log_probabilities: &[f32], good: &[u32], bad: &[u32]) -> Self {
        let sum = |ids: &[u32]| {
            let of =
                |id: &u32| log_probabilities.get(*id as usize).map_or(0.0, |p| f64::from(*p).exp());
            ids.iter().map(of).sum::<f64>().min(1.0)
        };
        Self { good: sum(good), bad: sum(bad) }
    }

    /// Probability of a verdict at all. Below about 0.9 the model is about to say something else:
    /// the prompt is not the one that it was made for.
    pub fn mass(&self) -> f64 {
        self.good + self.bad
    }

    /// The bad verdict's share of [`GuardProbabilities::mass`], in [0, 1]; `None` without any
    /// mass.
    pub fn p_harmful(&self) -> Option<f64> {
        Some(self.bad / self.mass()).filter(|p| p.is_finite())
    }

    /// Whether the bad verdict is the likelier one; `None` without any mass.
    pub fn harm(&self) -> Option<bool> {
        self.p_harmful().map(|_| self.bad > self.good)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_of_one_verdict_are_added() {
        let log: Vec<f32> = [0.5f32, 0.2, 0.1, 0.15, 0.05].iter().map(|p| p.ln()).collect();
        let found = GuardProbabilities::of(&log, &[0], &[1, 3, 99]);
        assert!((found.good - 0.5).abs() < 1e-6 && (found.bad - 0.35).abs() < 1e-6);
        assert!((found.mass() - 0.85).abs() < 1e-6);
        assert!((found.p_harmful().unwrap() - 0.35 / 0.85).abs() < 1e-6);
        assert_eq!(found.harm(), Some(false));
        let even = GuardProbabilities { good: 0.25, bad: 0.25 };
        assert_eq!((even.p_harmful(), even.harm()), (Some(0.5), Some(false)));
        let none = GuardProbabilities { good: 0.0, bad: 0.0 };
        assert_eq!((none.p_harmful(), none.harm()), (None, None));
    }

    proptest! {
        #[test]
        fn a_share_is_one_and_says_what_the_verdict_says(good in 0.0f64..1.0, bad in 0.0f64..1.0) {
            let found = GuardProbabilities { good, bad };
            if let Some(p) = found.p_harmful() {
                prop_assert!((0.0..=1.0).contains(&p));
                prop_assert_eq!(found.harm(), Some(bad > good));
                let other = GuardProbabilities { good: bad, bad: good }.p_harmful().unwrap();
                prop_assert!((p + other - 1.0).abs() < 1e-12);
            }
        }
    }
}
