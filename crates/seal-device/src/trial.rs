//! Whether a device computes at all.

use burn::tensor::Tensor;

use crate::{DeviceError, DeviceSpec, quietly};

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// It cannot be opened.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The backend panicked, as Burn's do where a driver is missing.
    #[error("{said}")]
    Panicked {
        /// The first line of what it said; others hold its source position.
        said: String,
    },
    /// The product is another than it must be.
    #[error("it computes a wrong product: a sum of {found}, not of {SUM}")]
    Wrong {
        /// The sum of its numbers.
        found: f32,
    },
}

/// The sum of the product of [`DeviceSpec::try_out`], which every number format holds exactly.
const SUM: f32 = 88.0;

impl DeviceSpec {
    /// Opens the device and multiplies two matrices of two rows on it: a trial of a moment, not a
    /// comparison of backends. A panic of the backend is an error, and its message is not printed.
    ///
    /// # Errors
    /// A backend that is not in this binary; one that panics; a wrong product.
    pub fn try_out(self) -> Result<(), TrialError> {
        let sum = quietly(|| {
            let device = self.open()?;
            let [a, b] = [[[1.0, 2.0], [3.0, 4.0]], [[1.0, 3.0], [5.0, 7.0]]];
            let product =
                Tensor::<2>::from_floats(a, &device).matmul(Tensor::<2>::from_floats(b, &device));
            Ok::<f32, DeviceError>(product.into_data().iter::<f32>().sum())
        });
        match sum {
            Ok(Ok(sum)) if sum == SUM => Ok(()),
            Ok(Ok(found)) => Err(TrialError::Wrong { found }),
            Ok(Err(error)) => Err(error.into()),
            Err(said) => Err(TrialError::Panicked { said }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "flex")]
    #[test]
    fn the_cpu_multiplies() {
        DeviceSpec::default().try_out().unwrap();
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_backend_that_is_not_here_is_said() {
        let error = "cuda:0".parse::<DeviceSpec>().unwrap().try_out().unwrap_err();
        assert!(matches!(error, TrialError::Device(DeviceError::NotCompiledIn { .. })), "{error}");
    }
}
