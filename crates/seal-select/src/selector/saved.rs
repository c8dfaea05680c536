//! The state of a selector, and a selector that goes on from it.

use super::Selector;
use crate::adam::Adam;
use crate::normaliser::Normaliser;
use crate::softmax::Partition;
use crate::{SelectError, SelectorSettings, SelectorState};

impl Selector {
    /// All that moves.
    pub fn state(&self) -> SelectorState {
        let partition = match self.normaliser {
            Normaliser::Softmax(partition) => Some(partition.state()),
            Normaliser::None | Normaliser::Mean { .. } => None,
        };
        let adam = self.adam.as_ref().map(Adam::state);
        SelectorState { omega: self.omega.clone(), partition, adam }
    }

    /// The selector of `settings` that stands at `state`.
    ///
    /// # Errors
    /// If `settings` are out of their range, or `state` is not of a selector with them.
    pub fn restore(settings: SelectorSettings, state: SelectorState) -> Result<Self, SelectError> {
        let SelectorState { omega, partition, adam } = state;
        let n = omega.len();
        let mut selector = Self::from_omega(settings, omega)?;
        // The list of numbers that is kept for each row must be there for each row.
        let mismatch = |left, left_len, right_len| SelectError::LengthMismatch {
            left,
            left_len,
            right: "the selector's state",
            right_len,
        };
        let (found, wanted) = (adam.as_ref(), if selector.adam.is_some() { n } else { 0 });
        for (name, moment) in [
            ("the first moments", found.map_or(0, |a| a.mean.len())),
            ("the second moments", found.map_or(0, |a| a.square.len())),
        ] {
            if moment != wanted {
                return Err(mismatch(name, moment, wanted));
            }
        }
        selector.adam = adam.map(Adam::of);
        match (&mut selector.normaliser, partition) {
            (Normaliser::Softmax(at), Some(partition)) => *at = Partition::of_state(partition)?,
            (Normaliser::Softmax(_), None) => return Err(mismatch("partition functions", 0, 1)),
            (Normaliser::None | Normaliser::Mean { .. }, None) => {}
            (Normaliser::None | Normaliser::Mean { .. }, Some(_)) => {
                return Err(mismatch("partition functions", 1, 0));
            }
        }
        Ok(selector)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Normalise, PartitionState, SelectorFunction, SelectorOptimizer};

    fn settings() -> impl Strategy<Value = SelectorSettings> {
        let function = prop::sample::select(SelectorFunction::ALL.to_vec());
        let normalise = prop::sample::select(vec![Normalise::None, Normalise::Mean]);
        let optimizer =
            prop::sample::select(vec![SelectorOptimizer::Plain, SelectorOptimizer::released()]);
        (function, normalise, optimizer, any::<bool>()).prop_map(
            |(function, normalise, optimizer, baseline)| SelectorSettings {
                function,
                normalise,
                optimizer,
                baseline,
                start: None,
            },
        )
    }

    /// Steps over 40 rows, three of them each time.
    fn steps(selector: &mut Selector, range: std::ops::Range<usize>) {
        for step in range {
            let rows = [step % 40, (7 * step + 3) % 40, (11 * step + 5) % 40];
            let scores = rows.map(|row| 1.0 + (row as f64 * 1.7).sin());
            selector.update(&rows, &scores, 0.01, 3).unwrap();
        }
    }

    proptest! {
        #[test]
        fn a_restored_selector_goes_on_bit_by_bit(settings in settings(), at in 0..30usize) {
            let mut whole = Selector::with_settings(settings, 40).unwrap();
            steps(&mut whole, 0..30);
            let mut first = Selector::with_settings(settings, 40).unwrap();
            steps(&mut first, 0..at);
            let mut second = Selector::restore(settings, first.state()).unwrap();
            steps(&mut second, at..30);
            prop_assert_eq!(second.state(), whole.state());
            let bits = |s: &Selector| s.weights().iter().map(|p| p.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&second), bits(&whole));
        }
    }

    #[test]
    fn a_state_of_other_settings_is_refused() {
        let adam = SelectorSettings {
            optimizer: SelectorOptimizer::released(),
            ..SelectorSettings::default()
        };
        let plain = SelectorSettings::default();
        let relu = SelectorSettings { function: SelectorFunction::Relu, ..plain };
        let of = |settings| Selector::with_settings(settings, 5).unwrap().state();
        for (settings, state) in
            [(adam, of(plain)), (plain, of(adam)), (relu, of(plain)), (plain, of(relu))]
        {
            let refused = Selector::restore(settings, state);
            assert!(matches!(refused, Err(SelectError::LengthMismatch { .. })), "{refused:?}");
        }
        let mut damaged = of(plain);
        damaged.partition = damaged.partition.map(|p| PartitionState { total: 0.0, ..p });
        assert_eq!(Selector::restore(plain, damaged), Err(SelectError::Diverged));
    }
}
