//! Stages of a graph as data.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::key::Key;
use crate::resources::Resources;

/// A stage of a graph. `W` is what a runner needs beyond the other fields to do its work.
#[derive(Clone, Debug)]
pub struct Node<W> {
    /// Its name, which is that of its folder in the store.
    pub stage: &'static str,
    /// For people: which of the stages of this name it is.
    pub label: String,
    /// The key of its output.
    pub key: Key,
    /// All that the output depends on, as the key has it.
    pub inputs: Value,
    /// The stages whose outputs it reads, as numbers of nodes before it.
    pub deps: Vec<usize>,
    /// How long it takes, relative to the other stages.
    pub cost: f64,
    /// Stages of a lower wave start first, whatever they cost. What a stage reads is at most of its
    /// own wave, whatever it says here.
    pub wave: usize,
    /// What it needs while it runs.
    pub needs: Resources,
    /// Its work.
    pub work: W,
}

/// What a stage gets to work with.
pub struct Job<'a> {
    /// Empty folder for its output.
    pub dir: &'a Path,
    /// Folders of the stages it depends on, in their order.
    pub deps: &'a [PathBuf],
    /// Folder for finished parts of its output, to be made by it; outlives a kill.
    pub unfinished: &'a Path,
    /// The devices that it has: as many of the kind that it needs as it asked for; none if it needs none.
    pub devices: &'a [String],
    /// Told the share done, 0 to 1.
    pub progress: &'a (dyn Fn(f64) + Sync),
    /// Told that the work goes on where an earlier run left it: after so many of so many steps or parts,
    /// by the name of what is counted.
    pub goes_on: &'a (dyn Fn(&'static str, usize, usize) + Sync),
    /// How often a stage that can go on from a state in `unfinished` writes one.
    pub keep_every: Duration,
    /// Whether to stop. The stage then keeps what it has in `unfinished`, and fails with an error
    /// that its runner knows ([`InProcess::cancelled_by`](crate::InProcess::cancelled_by)).
    pub is_cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl<'a> Job<'a> {
    /// The device that it has, or the first of several.
    pub fn device(&self) -> Option<&'a str> {
        self.devices.first().map(String::as_str)
    }
}
