//! A path with what it may differ by.

use crate::fault::PathFault;
use crate::found::Found;
use crate::side::Side;
use crate::tolerance::Tolerance;

type Path = Box<dyn Fn(&Side) -> Result<Found, PathFault>>;

/// A path that any device can take, with what it may differ by.
pub struct Check {
    /// Its name, such as `llama/losses`: what is computed on, and what.
    pub name: String,
    /// What it may differ by.
    pub tolerance: Tolerance,
    path: Path,
}

impl Check {
    pub(crate) fn new(
        name: impl Into<String>,
        tolerance: Tolerance,
        path: impl Fn(&Side) -> Result<Found, PathFault> + 'static,
    ) -> Self {
        Self { name: name.into(), tolerance, path: Box::new(path) }
    }

    /// Takes the path on one side.
    ///
    /// # Errors
    /// What the path fails by, a panic among it.
    pub(crate) fn take(&self, side: &Side) -> Result<Found, PathFault> {
        let done = seal_device::quietly(|| {
            let found = (self.path)(side)?;
            // What a device is still at may fail.
            side.device().sync().map_err(|e| PathFault::broken(format!("{e:?}")))?;
            Ok(found)
        });
        done.unwrap_or_else(|said| Err(PathFault::Panicked { said }))
    }
}
