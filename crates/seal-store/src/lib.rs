//! A content-addressed store of stage outputs, and the executor of graphs of stages.
//!
//! Invariant: an entry is whole or absent. Its key covers everything that it depends on. No
//! process touches an output that another process is making. The crate knows nothing of SEAL:
//! no rows, no config, no model. A stage is a name, a key, a JSON object with everything that
//! its output depends on, and work that a [`Runner`] does.
//!
//! Several processes may run their graphs on one store at once. One of them makes
//! each output. The others do other work meanwhile, and then find it. Where a process is
//! killed, another takes over. The processes may run on several hosts: nothing rests on locks.
//!
//! ```
//! use seal_store::{
//!     Capacity, InProcess, Job, Key, Node, Resources, Silent, Store, Work, run_graph,
//! };
//! use serde_json::json;
//!
//! let dir = tempfile::tempdir()?;
//! let store = Store::open(dir.path())?;
//! let inputs = json!({"of": "world"});
//! let work: Work<'_, std::io::Error> =
//!     Box::new(|job: &Job<'_>| std::fs::write(job.dir.join("greeting"), "hello, world\n"));
//! let node = Node {
//!     stage: "greet",
//!     label: "the world".to_owned(),
//!     key: Key::of("greet", 1, &inputs),
//!     inputs,
//!     deps: Vec::new(),
//!     cost: 1.0,
//!     wave: 0,
//!     needs: Resources::default(),
//!     work,
//! };
//! let capacity = Capacity::new(1, 1);
//! let done = run_graph(&[node], &[0], &store, &capacity, &InProcess::new(), &Silent)?;
//! assert_eq!(std::fs::read_to_string(done[0].dir.join("greeting"))?, "hello, world\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aside;
mod commit;
mod damage;
mod digests;
mod entry;
mod error;
mod exec;
mod halt;
mod inventory;
mod key;
#[cfg(test)]
mod logged;
mod making;
mod manifest;
mod node;
mod observer;
mod owner;
mod parts;
mod resources;
mod runner;
pub mod sealed;
mod store;
mod survey;
mod sweep;
mod threads;
mod unfinished;

pub use commit::Committed;
pub use damage::{Damage, Flaw};
pub use digests::{Digests, SharedDigests};
pub use entry::{Entry, Found};
pub use error::{Remedy, StoreError};
pub use exec::{Done, GraphError, run_graph};
pub use halt::may_halt;
pub use inventory::{
    Claimed, Inventory, OtherFolder, OtherFolderKind, StoredEntry, abandoned, claimed, inventory,
    last_beats, verify_all,
};
pub use key::Key;
pub use making::Making;
pub use manifest::{StoredFile, hash_of};
pub use node::{Job, Node};
pub use observer::{Event, Observer, Silent};
pub use owner::{claim_lasting, lasting_folder};
pub use parts::in_parts;
pub use resources::{Capacity, KEEP_EVERY, Resources};
pub use runner::{InProcess, Runner, StageError, Work};
pub use seal_files::{Claim, Claims, Digest, Digester, Holder, PreviousHolder, RecordFlaw, Timing};
pub use store::{Begun, Store};
pub use survey::{Survey, survey};
pub use sweep::Swept;
pub use threads::{NoThread, on_pool, side_by_side};
