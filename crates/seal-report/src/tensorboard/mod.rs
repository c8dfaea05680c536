//! Event files for TensorBoard: the curves of each cell, and the figures of each arm and cell.
//!
//! Each arm is a run of TensorBoard with the figures over all seeds. Each of its seeds is a run below
//! it. The files are the same byte for byte for the same results: no clock, and names without a host.

mod message;
mod record;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seal_files::FileName;

use crate::{Document as _, Error, Report, Result, Results, Scalar};

/// Name of every event file. TensorBoard reads files with `tfevents` in their names.
const NAME: &str = "events.out.tfevents.0.seal";

impl Report {
    /// Writes `ARM/events.out.tfevents.0.seal` for each arm and `ARM/seed-N/…` for each of its cells
    /// into `dir`. Returns the paths in the order written. A file that is there is replaced.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] for an arm whose id cannot be a folder, before anything is written;
    /// [`Error::Io`].
    pub fn write_event_files(&self, dir: &Path) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for (i, arm) in self.results.arms.iter().enumerate() {
            // Results may be from strangers, and a name could lead out of the folder.
            arm.id.parse::<FileName>().map_err(|e| Error::Inconsistent {
                file: Results::FILE,
                field: format!("arms[{i}].id"),
                problem: e.to_string(),
            })?;
        }
        for run in self.scalar_runs() {
            let mut folder = dir.join(&run.arm);
            folder.extend(run.seed.map(|seed| format!("seed-{seed}")));
            let path = folder.join(NAME);
            let io = |action, path: &Path| {
                let path = path.to_owned();
                move |source| Error::Io { action, path, source }
            };
            std::fs::create_dir_all(&folder).map_err(io("create the folder", &folder))?;
            seal_files::write(&path, &event_file(&run.scalars)).map_err(io("write", &path))?;
            files.push(path);
        }
        Ok(files)
    }
}

/// The bytes of an event file with these numbers, step by step.
fn event_file(scalars: &[Scalar]) -> Vec<u8> {
    let mut steps: BTreeMap<u64, Vec<(&str, f64)>> = BTreeMap::new();
    for scalar in scalars {
        steps.entry(scalar.step).or_default().push((&scalar.tag, scalar.value));
    }
    let mut file = Vec::new();
    record::add(&mut file, &message::file_version());
    for (step, values) in steps {
        record::add(&mut file, &message::scalars(step, values));
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(tag: &str, step: u64, value: f64) -> Scalar {
        Scalar { tag: tag.into(), step, value }
    }

    /// The bytes are of TensorBoard's own writer: `tests/reference/event_files.py`.
    #[test]
    fn a_small_file_is_that_of_tensorboards_own_writer() {
        let file = event_file(&[
            scalar("fine_tuning/loss", 1, 2.5),
            scalar("fine_tuning/loss", 300, -0.125),
            scalar("win_rate/hh", 0, 73.8),
        ]);
        let hex: String = file.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, include_str!("../../tests/reference/event_file.hex").trim_end());
    }
}
