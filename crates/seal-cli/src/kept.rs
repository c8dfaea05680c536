//! How large a base may be that stays in memory between stages.

use seal_study::{RunOptions, Study, step_bytes};

/// Bytes of the largest base that stays in memory between the stages of `study`, with `free_mib` MiB free
/// now, where so many `jobs` train side by side.
pub(crate) fn largest(free_mib: Option<f64>, study: &Study, jobs: usize) -> u64 {
    of(free_mib, step_bytes(study.arms().iter().map(|arm| &arm.config)), jobs)
}

/// Bytes of the largest base that stays in memory between stages. With `free_mib` MiB free they are at
/// most a quarter of it, since a stage that answers needs memory too; and at most what so many `jobs`
/// leave whose largest training step takes `step` bytes. Where one of both is not known they are few.
fn of(free_mib: Option<f64>, step: Option<u64>, jobs: usize) -> u64 {
    const SHARE: f64 = 0.25;
    let Some(free) = free_mib.map(|mib| mib * f64::from(1 << 20)) else {
        return RunOptions::KEEP_BASE;
    };
    let share = (free * SHARE) as u64;
    match step {
        Some(step) => {
            let training = step.saturating_mul(u64::try_from(jobs).unwrap_or(u64::MAX));
            share.min((free as u64).saturating_sub(training))
        }
        None => share.min(RunOptions::KEEP_BASE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_kept_only_beside_the_training_of_all_jobs() {
        const GIB: u64 = 1 << 30;
        let kept = |step: u64, jobs| of(Some(16.0 * 1024.0), Some(step * GIB), jobs) / GIB;
        assert_eq!(kept(1, 1), 4, "a quarter of what is free");
        assert_eq!(kept(14, 1), 2, "what the training leaves");
        assert_eq!(kept(7, 2), 2);
        assert_eq!((kept(16, 1), kept(9, 2), kept(40, 1)), (0, 0, 0));
        assert_eq!(of(Some(16.0 * 1024.0), None, 1), RunOptions::KEEP_BASE);
        assert_eq!(of(Some(1024.0), None, 1), GIB / 4);
        assert_eq!(of(None, Some(GIB), 1), RunOptions::KEEP_BASE);
    }
}
