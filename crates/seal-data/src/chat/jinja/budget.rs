//! What one rendering may cost.
//!
//! Templates come from strangers' model folders. Work and memory are counted
//! before they are spent, and the count depends on the template and the
//! conversation alone: a clock would make a result depend on the machine.

use super::error::{Result, fail};

/// Steps of any rendering: far more than a long conversation needs, few enough
/// that a template that never ends is stopped within seconds.
const STEPS: u64 = 5_000_000;
/// Bytes that any rendering may build, all texts and lists together.
const BYTES: u64 = 128 << 20;
/// Bytes more for each byte of the conversation.
const BYTES_PER_BYTE: u64 = 64;
/// Bytes that are worth one step.
const BYTES_PER_STEP: u64 = 64;
/// Bytes of one element of a list.
pub(super) const SLOT: u64 = 32;
/// How deep lists and dictionaries nest. Comparing, printing and freeing them recurse.
pub(super) const VALUE_DEPTH: u32 = 128;
/// How deep brackets and blocks of a source nest.
pub(super) const SOURCE_DEPTH: usize = 100;
/// How deep a rendering nests, macro calls and recursive loops included. It fits a stack of 2 MB
/// in a debug build.
pub(super) const RUN_DEPTH: usize = 300;
/// The longest source, in bytes. The longest template in use has some 40 KB.
pub(super) const SOURCE: usize = 512 << 10;

/// What is left of the limits.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    steps: u64,
    bytes: u64,
}

impl Budget {
    /// For a conversation of `input` bytes.
    pub fn new(input: usize) -> Self {
        let input = input as u64;
        Self {
            steps: STEPS.saturating_add(input),
            bytes: BYTES.saturating_add(input.saturating_mul(BYTES_PER_BYTE)),
        }
    }

    /// Spends `n` steps.
    pub fn steps(&mut self, n: u64) -> Result<()> {
        let why = "the template takes more steps than any conversation needs; it may never end";
        spend(&mut self.steps, n, why)
    }

    /// Spends the steps that reading `n` bytes takes.
    pub fn scan(&mut self, n: usize) -> Result<()> {
        self.steps(1 + n as u64 / BYTES_PER_STEP)
    }

    /// Spends `n` bytes, and the steps that writing them takes.
    pub fn bytes(&mut self, n: u64) -> Result<()> {
        self.steps(1 + n / BYTES_PER_STEP)?;
        spend(&mut self.bytes, n, "the template builds more text than any conversation needs")
    }

    /// Bytes that may still be built.
    pub fn room(&self) -> usize {
        let steps = self.steps.saturating_mul(BYTES_PER_STEP);
        usize::try_from(self.bytes.min(steps)).unwrap_or(usize::MAX)
    }
}

/// Takes `n` off what is left; where there is less, nothing is left.
fn spend(left: &mut u64, n: u64, why: &str) -> Result<()> {
    match left.checked_sub(n) {
        Some(rest) => {
            *left = rest;
            Ok(())
        }
        None => {
            *left = 0;
            fail(why)
        }
    }
}
