//! The run folder and the store: whether they do what claims and commits rest on, and what killed
//! runs left in the store.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use seal_files::{FileSystem, FolderTrial, Skew, Timing, try_folder};
use seal_store::{Inventory, OtherFolderKind, abandoned, inventory, last_beats};
use seal_study::LASTING;

use super::check::{Check, count};
use crate::command::quoted;
use crate::verbs::store::size;

/// Room under which a store is soon full.
const LITTLE: u64 = 1 << 30;
/// Clocks that are further apart make ages of entries wrong.
const SKEW: Duration = Duration::from_secs(5);

/// Both folders, each once.
pub(super) fn check_folders(out: &Path, store: &Path, checks: &mut Vec<Check>) {
    let run = one(&format!("run folder {}", out.display()), "--out", out, checks);
    if let Some(trial) = &run
        && let Err(error) = &trial.locks
    {
        checks.push(Check::wrong(
            format!("locks in {}", out.display()),
            error.to_string(),
            "give --out a folder on a local disk; the store may stay",
        ));
    }
    // A store in the run folder is on the same disk, unless a link leads elsewhere.
    let is_inside = store.starts_with(out) && !store.exists();
    let trial = match is_inside {
        true => run,
        false => one(&format!("store {}", store.display()), "--store", store, checks),
    };
    if store.is_dir() {
        leftovers(store, trial.and_then(|trial| trial.now), checks);
    }
}

/// One folder. Returns what it did.
fn one(name: &str, option: &str, dir: &Path, checks: &mut Vec<Check>) -> Option<FolderTrial> {
    let system = FileSystem::of(dir).ok();
    let trial = match try_folder(dir) {
        Ok(trial) => trial,
        Err(error) => {
            let remedy = format!("give {option} another folder, or get the right to write into it");
            checks.push(Check::wrong(name, format!("no file can be made ({error})"), remedy));
            return None;
        }
    };
    let mut found = match trial.dir == std::path::absolute(dir).unwrap_or_default() {
        true => "can be written".to_owned(),
        false => format!("is not there yet; {} can be written", trial.dir.display()),
    };
    let kind = system.as_ref().and_then(|system| system.kind.clone());
    let free = system.as_ref().and_then(|system| system.free);
    found.extend(kind.map(|kind| format!(", {kind}")));
    found.extend(free.map(|free| format!(", {} free", size(free))));
    if system.as_ref().is_some_and(FileSystem::is_shared) {
        found.push_str(", shared with other hosts");
    }
    let is_lost = system.as_ref().is_some_and(FileSystem::is_in_memory);
    checks.push(match (free, is_lost) {
        (Some(free), _) if free < LITTLE => {
            Check::warning(name, found, format!("make room, or give {option} another disk"))
        }
        (_, true) => {
            let remedy = format!("it is gone when the machine starts again: give {option} a disk");
            Check::warning(name, found, remedy)
        }
        _ => Check::ok(name, found),
    });
    let of = |what: &str| format!("{what} in {}", trial.dir.display());
    if let Err(error) = &trial.renames {
        let remedy = format!("give {option} another file system: outputs are stored by a rename");
        checks.push(Check::wrong(of("renames"), error.to_string(), remedy));
    }
    if let Err(error) = &trial.links {
        let remedy = format!(
            "runs that share the store may wait for each other longer; give {option} another file \
             system if they do"
        );
        checks.push(Check::warning(of("links"), error.to_string(), remedy));
    }
    if let Some(skew) = trial.skew.filter(|skew| skew.size() > SKEW) {
        let (by, way) = match skew {
            Skew::Ahead(by) => (by, "ahead of"),
            Skew::Behind(by) => (by, "behind"),
        };
        let found = format!("the file system is {} s {way} this host", by.as_secs());
        let remedy = "set the clocks by NTP: ages in lists are wrong, claims and results are not";
        checks.push(Check::warning(of("clock"), found, remedy));
    }
    Some(trial)
}

/// What is in the store beside whole entries. `now` is the time by the clock of its file system.
fn leftovers(store: &Path, now: Option<SystemTime>, checks: &mut Vec<Check>) {
    let name = format!("content of {}", store.display());
    let shown = store.display();
    let found = match inventory(store, LASTING) {
        Ok(found) => found,
        Err(error) => {
            return checks.push(Check::wrong(name, error.to_string(), "give another --store"));
        }
    };
    let Inventory { entries, others, claims } = &found;
    let bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let mut said = format!("{}, {}", count(entries.len(), "entry", "entries"), size(bytes));
    let over = match abandoned(store) {
        Ok(over) => over,
        Err(error) => {
            let remedy = "give this user the right to read the claims";
            checks.push(Check::warning(format!("claims of {shown}"), error.to_string(), remedy));
            BTreeSet::new()
        }
    };
    let claims: Vec<_> = claims.iter().filter(|(output, _)| !over.contains(output)).collect();
    let of = |kind| others.iter().filter(move |other| other.kind == kind);
    if !claims.is_empty() {
        said.push_str(&format!(", {} being made", count(claims.len(), "output", "outputs")));
    }
    let unfinished = of(OtherFolderKind::Unfinished).count();
    if unfinished > 0 {
        let outputs = count(unfinished, "output", "outputs");
        said.push_str(&format!(", finished parts of {outputs}"));
    }
    if !entries.is_empty() {
        said.push_str(&format!(
            "; their manifests alone were read, `store verify --store {}` reads every byte",
            quoted(store)
        ));
    }
    checks.push(Check::ok(name, said));
    if !over.is_empty() {
        let outputs = count(over.len(), "output was", "outputs were");
        checks.push(Check::warning(
            format!("claims in {shown}"),
            format!("{outputs} being made when the process ended"),
            "the next run makes what is missing; nothing is to be done",
        ));
    }
    let damaged = entries.iter().filter(|entry| entry.damage.is_some()).count();
    if damaged > 0 {
        checks.push(Check::warning(
            format!("entries of {shown}"),
            count(damaged, "entry is damaged", "entries are damaged"),
            "the next run that needs one makes it again; `store ls` names them",
        ));
    }
    let aside = of(OtherFolderKind::Damaged).count();
    if aside > 0 {
        checks.push(Check::warning(
            format!("set aside in {shown}"),
            count(aside, "output that was damaged", "outputs that were damaged"),
            format!("`store gc --store {} --aside --delete` removes them", quoted(store)),
        ));
    }
    let silent = Timing::default().silent;
    let beats = last_beats(store).unwrap_or_default();
    for (output, holder) in claims {
        let quiet = now.zip(beats.get(output)).and_then(|(now, at)| now.duration_since(*at).ok());
        let Some(quiet) = quiet.filter(|quiet| *quiet > silent) else { continue };
        let by = match holder {
            Ok(holder) => format!("process {} on {}", holder.process, holder.host),
            Err(flaw) => flaw.to_string(),
        };
        checks.push(Check::warning(
            format!("claim of {output}"),
            format!("{by} gave no sign of life for {} s", quiet.as_secs()),
            "the next run takes it over; nothing is to be done",
        ));
    }
}
